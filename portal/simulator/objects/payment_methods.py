"""Payment methods: test cards, saved or about to be used."""

from typing import Any

from portal.simulator.cards import BY_NUMBER, BY_TOKEN, Card, card_of
from portal.simulator.errors import StripeError, card_declined, invalid, missing_parameter
from portal.simulator.identifiers import new_id
from portal.simulator.listing import page
from portal.simulator.objects.shared import apply, get_record
from portal.simulator.parameters import (
    PAGING,
    POSTAL_ADDRESS,
    Accepted,
    Fields,
    Integer,
    Metadata,
    Text,
    choice,
    fields,
)
from portal.simulator.records import Record
from portal.simulator.routes import Call, get, post
from portal.simulator.world import World

KIND = "payment_method"
_BILLING = fields(
    address=Fields(POSTAL_ADDRESS.names, clearable=True),
    email=Text(clearable=True),
    name=Text(clearable=True),
    phone=Text(clearable=True),
    tax_id=Text(clearable=True),
)
_CARD = fields(
    number=Text(20), exp_month=Integer(1, 12), exp_year=Integer(0, 9999), cvc=Text(4), token=Text(), networks=Accepted()
)
_NEVER_EXPIRES = (12, 2034)


def create(world: World, call: Call) -> Record:
    """``POST /v1/payment_methods`` for test cards."""
    if call.get("type", "card") != "card":
        raise invalid("The simulator knows payment methods of type card only.", "type")
    given = call.get("card")
    if given is None:
        raise missing_parameter("card")
    card, (month, year) = _card(given)
    method = new_method(world, card, exp_month=month, exp_year=year, billing=call.get("billing_details"))
    apply(method, call.params, "metadata")
    method["allow_redisplay"] = call.get("allow_redisplay", "unspecified")
    return world.save(method)


def _card(given: dict[str, Any]) -> tuple[Card, tuple[int, int]]:
    token = given.get("token")
    if token is not None:
        known = BY_TOKEN.get(token.replace("tok_", "pm_card_"))
        if known is None:
            raise invalid(f"No such token: '{token[:60]}'", "card[token]", "resource_missing")
        return known, _NEVER_EXPIRES
    number = "".join(character for character in given.get("number", "") if character.isdigit())
    if number not in BY_NUMBER:
        raise card_declined("incorrect_number", "Your card number is incorrect.", None, param="number")
    year = given.get("exp_year", _NEVER_EXPIRES[1])
    return BY_NUMBER[number], (given.get("exp_month", _NEVER_EXPIRES[0]), year + 2000 if year < 100 else year)


def new_method(
    world: World,
    card: Card,
    *,
    exp_month: int = _NEVER_EXPIRES[0],
    exp_year: int = _NEVER_EXPIRES[1],
    billing: dict[str, Any] | None = None,
) -> Record:
    """A payment method for a test card, belonging to nobody yet and not saved."""
    details = {"address": None, "email": None, "name": None, "phone": None, "tax_id": None, **(billing or {})}
    if details["address"] is not None:
        details["address"] = {name: details["address"].get(name) for name in POSTAL_ADDRESS.names}
    return {
        "id": new_id(KIND),
        "object": KIND,
        "allow_redisplay": "unspecified",
        "billing_details": details,
        "card": {
            "brand": card.brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": "DE",
            "display_brand": card.brand,
            "exp_month": exp_month,
            "exp_year": exp_year,
            "fingerprint": "Sim" + card.number[-13:],
            "funding": "credit",
            "generated_from": None,
            "last4": card.last4,
            "networks": {"available": [card.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": world.now(),
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
        "_private": {"number": card.number},
    }


def usable(world: World, identifier: str, param: str) -> Record:
    """The payment method named; a test name such as ``pm_card_visa`` makes a fresh one, as at Stripe."""
    card = BY_TOKEN.get(identifier)
    if card is not None:
        return world.save(new_method(world, card))
    return get_record(world, KIND, identifier, param)


def attached_to(method: Record, customer: Record) -> Record:
    """The payment method, if it belongs to this customer; 400 otherwise."""
    if method["customer"] != customer["id"]:
        message = (
            f"The customer does not have a payment method with the ID {method['id']}. "
            "The payment method must be attached to the customer."
        )
        raise invalid(message, "payment_method", "resource_missing")
    return method


def attach(world: World, method: Record, customer: Record) -> Record:
    """Save a method to a customer. A card its bank refuses even to check is a card error (402)."""
    if method["customer"] not in (None, customer["id"]):
        raise invalid(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    refused = setup_refusal(method)
    if refused is not None:
        raise refused
    if method["customer"] is None:
        method["customer"] = customer["id"]
        world.save(method, "payment_method.attached")
    return method


def setup_refusal(method: Record) -> StripeError | None:
    """The card error a bank answers when this card is saved, if it answers one."""
    card = card_of(method)
    if card.decline is None or not card.decline_on_setup:
        return None
    return card_declined(card.decline.code, card.decline.message, card.decline.decline_code)


def make_default(world: World, customer_id: str, method_id: str) -> None:
    """Charge this method from now on: for the customer and for every subscription that named another one."""
    customer = world.store.find("customer", customer_id)
    if customer is None or customer.get("deleted"):
        return
    customer["invoice_settings"]["default_payment_method"] = method_id
    world.save(customer, "customer.updated")
    for subscription in world.store.newest("subscription", customer=customer_id):
        living = subscription["status"] not in ("canceled", "incomplete_expired")
        if living and subscription["default_payment_method"] not in (None, method_id):
            subscription["default_payment_method"] = method_id
            world.save(subscription, "customer.subscription.updated")


def attach_route(world: World, call: Call) -> Record:
    """``POST /v1/payment_methods/:id/attach``."""
    if call.get("customer") is None:
        raise missing_parameter("customer")
    customer = get_record(world, "customer", call.get("customer"), "customer")
    return attach(world, usable(world, call.id, "payment_method"), customer)


def detach(world: World, call: Call) -> Record:
    """``POST /v1/payment_methods/:id/detach``: it can never be attached again, and stops being anybody's default."""
    method = get_record(world, KIND, call.id, "payment_method", in_path=True)
    owner = method["customer"]
    if owner is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    method["customer"] = None
    world.save(method)
    world.announce("payment_method.detached", method, {"customer": owner})
    customer = world.store.find("customer", owner)
    if customer is None or customer.get("deleted"):
        return method
    if customer["invoice_settings"]["default_payment_method"] == method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
        world.save(customer, "customer.updated")
    for subscription in world.store.newest("subscription", customer=owner):
        if subscription["default_payment_method"] == method["id"]:
            subscription["default_payment_method"] = None
            world.save(subscription, "customer.subscription.updated")
    return method


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/payment_methods/:id``."""
    return get_record(world, KIND, call.id, "payment_method", in_path=True)


def update(world: World, call: Call) -> Record:
    """``POST /v1/payment_methods/:id``: billing details, expiry and metadata."""
    method = get_record(world, KIND, call.id, "payment_method", in_path=True)
    apply(method, call.params, "metadata", "allow_redisplay")
    method["billing_details"].update(call.get("billing_details", {}))
    changes = call.get("card") or {}
    method["card"].update({name: changes[name] for name in ("exp_month", "exp_year") if name in changes})
    return world.save(method, "payment_method.updated")


def list_(world: World, call: Call) -> Record:
    """``GET /v1/payment_methods``."""
    if call.get("customer") is not None:
        get_record(world, "customer", call.get("customer"), "customer")
    attached = None if call.get("customer") else (lambda method: method["customer"] is not None)
    return page(
        world, call, KIND, "/v1/payment_methods", attached, customer=call.get("customer"), type=call.get("type")
    )


_REDISPLAY = choice("always", "limited", "unspecified")
ROUTES = (
    post("/v1/payment_methods", create, type=Text(), card=_CARD, billing_details=_BILLING, metadata=Metadata(),
         allow_redisplay=_REDISPLAY),
    get("/v1/payment_methods", list_, **PAGING, customer=Text(), type=Text(), allow_redisplay=_REDISPLAY),
    get("/v1/payment_methods/{payment_method}", retrieve),
    post("/v1/payment_methods/{payment_method}", update, billing_details=_BILLING, metadata=Metadata(),
         allow_redisplay=_REDISPLAY, card=fields(exp_month=Integer(1, 12), exp_year=Integer(2000, 9999))),
    post("/v1/payment_methods/{payment_method}/attach", attach_route, customer=Text(), customer_account=Text()),
    post("/v1/payment_methods/{payment_method}/detach", detach),
)  # fmt: skip
