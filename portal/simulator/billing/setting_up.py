"""Setup intents: saving a card for later without charging it."""

from portal.simulator.billing.charging import Outcome
from portal.simulator.billing.payment_records import error_record
from portal.simulator.cards import UNAUTHENTICATED, card_of
from portal.simulator.identifiers import client_secret, new_id
from portal.simulator.objects.payment_methods import attach
from portal.simulator.records import Record, private
from portal.simulator.world import World, clock_of


def new_setup(world: World, customer: Record | None) -> Record:
    """A setup intent that waits for a payment method; not saved."""
    identifier = new_id("setup_intent")
    test_clock = None if customer is None else clock_of(customer)
    return {
        "id": identifier,
        "object": "setup_intent",
        "allowed_payment_method_types": None,
        "application": None,
        "automatic_payment_methods": {"allow_redirects": "always", "enabled": True},
        "cancellation_reason": None,
        "client_secret": client_secret(identifier),
        "created": world.now(test_clock),
        "customer": None if customer is None else customer["id"],
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {"mandate_options": None, "network": None, "request_three_d_secure": "automatic"}
        },
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
        "_private": {"test_clock": test_clock},
    }


def confirm_setup(world: World, setup: Record, method: Record, *, authenticated: bool = False) -> Outcome:
    """Let the bank check the card; on success it belongs to the setup's customer."""
    card = card_of(method)
    setup["payment_method"] = method["id"]
    setup["last_setup_error"] = None
    if card.authentication != "none" and not authenticated:
        url = f"{world.public_url}/authentications/{setup['id']}"
        setup["status"] = "requires_action"
        setup["next_action"] = {"type": "redirect_to_url", "redirect_to_url": {"return_url": None, "url": url}}
        world.save(setup, "setup_intent.requires_action")
        return "requires_action"
    setup["next_action"] = None
    if card.decline is not None and card.decline_on_setup:
        setup.update(status="requires_payment_method", payment_method=None)
        setup["last_setup_error"] = error_record(card.decline, method)
        world.save(setup, "setup_intent.setup_failed")
        return "failed"
    private(method)["set_up"] = True
    world.save(method)
    customer = world.store.find("customer", setup["customer"] or "")
    if customer is not None and not customer.get("deleted"):
        attach(world, method, customer)
    setup["status"] = "succeeded"
    world.save(setup, "setup_intent.succeeded")
    return "succeeded"


def refuse_setup(world: World, setup: Record) -> Outcome:
    """The person did not confirm at the bank: nothing is saved."""
    method = world.store.find("payment_method", setup["payment_method"] or "")
    setup.update(status="requires_payment_method", payment_method=None, next_action=None)
    error = error_record(UNAUTHENTICATED, method)
    setup["last_setup_error"] = {**error, "code": "setup_intent_authentication_failure"}
    world.save(setup, "setup_intent.setup_failed")
    return "failed"
