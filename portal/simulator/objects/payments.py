"""Payment intents, setup intents, charges and balance transactions over the API; refunds are next door."""

from portal.simulator.billing.charging import attempt, raised
from portal.simulator.billing.collecting import settle
from portal.simulator.billing.payment_records import error_record, new_intent
from portal.simulator.billing.setting_up import confirm_setup, new_setup
from portal.simulator.cards import GENERIC
from portal.simulator.errors import invalid
from portal.simulator.listing import page
from portal.simulator.objects.payment_methods import usable
from portal.simulator.objects.prices import known_currency
from portal.simulator.objects.refunds import refund
from portal.simulator.objects.shared import apply, get_record
from portal.simulator.parameters import (
    CREATED,
    CURRENCY,
    PAGING,
    Absent,
    Accepted,
    Address,
    Flag,
    Integer,
    Kind,
    Metadata,
    Text,
    choice,
)
from portal.simulator.records import Record
from portal.simulator.routes import Call, get, post
from portal.simulator.world import World, clock_of

_INTENT: dict[str, Kind] = {
    "amount": Integer(1, 99_999_999),
    "currency": CURRENCY,
    "customer": Text(),
    "description": Text(1000),
    "metadata": Metadata(),
    "payment_method": Text(),
    "payment_method_options": Accepted(),
    "payment_method_data": Absent(),
    "receipt_email": Text(clearable=True),
    "setup_future_usage": choice("off_session", "on_session", clearable=True),
    "statement_descriptor": Text(22),
    "statement_descriptor_suffix": Text(22),
    "shipping": Absent(),
    "transfer_data": Absent(),
    "transfer_group": Text(),
    "application_fee_amount": Absent(),
    "capture_method": choice("automatic", "automatic_async"),
}
_CONFIRM: dict[str, Kind] = {
    "off_session": Flag(),
    "return_url": Address(),
    "mandate": Absent(),
    "mandate_data": Accepted(),
}
_COPIED = ("description", "metadata", "receipt_email", "setup_future_usage", "statement_descriptor",
           "statement_descriptor_suffix", "transfer_group", "capture_method")  # fmt: skip


def create_intent(world: World, call: Call) -> Record:
    """``POST /v1/payment_intents``, confirmed at once with ``confirm=true``."""
    customer = None
    if "customer" in call.params:
        customer = get_record(world, "customer", call.params["customer"], "customer")
    currency = known_currency(call.params["currency"])
    intent = new_intent(world, call.params["amount"], currency, customer, call.get("description"))
    apply(intent, call.params, *_COPIED)
    if "payment_method" in call.params:
        intent["payment_method"] = usable(world, call.params["payment_method"], "payment_method")["id"]
        intent["status"] = "requires_confirmation"
    world.save(intent, "payment_intent.created")
    return _confirm(world, intent, call) if call.get("confirm") else intent


def update_intent(world: World, call: Call) -> Record:
    """``POST /v1/payment_intents/:id`` while nothing has been paid."""
    intent = get_record(world, "payment_intent", call.id, "intent", in_path=True)
    _unfinished(intent, "update")
    apply(intent, call.params, *_COPIED, "amount")
    if "payment_method" in call.params:
        intent["payment_method"] = usable(world, call.params["payment_method"], "payment_method")["id"]
        intent["status"] = "requires_confirmation"
    return world.save(intent)


def confirm_intent(world: World, call: Call) -> Record:
    """``POST /v1/payment_intents/:id/confirm``: 402 when the card refuses."""
    intent = get_record(world, "payment_intent", call.id, "intent", in_path=True)
    _unfinished(intent, "confirm")
    if "payment_method" in call.params:
        intent["payment_method"] = usable(world, call.params["payment_method"], "payment_method")["id"]
    return _confirm(world, intent, call)


def _confirm(world: World, intent: Record, call: Call) -> Record:
    if intent["payment_method"] is None:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method. Update it with "
            "a payment method and then confirm it again.",
            code="payment_intent_unexpected_state",
        )
    method = get_record(world, "payment_method", intent["payment_method"], "payment_method")
    outcome = attempt(world, intent, method, off_session=call.get("off_session", False))
    if outcome == "failed":
        raise raised(intent["last_payment_error"] or error_record(GENERIC, method), intent)
    if outcome == "requires_action":
        intent["next_action"]["redirect_to_url"]["return_url"] = call.get("return_url")
        world.save(intent)
    else:
        settle_invoice_of(world, intent)
    return intent


def settle_invoice_of(world: World, intent: Record) -> None:
    """When the intent pays an invoice, tell the invoice."""
    for payment in world.store.newest("invoice_payment", status="open"):
        if payment["payment"].get("payment_intent") == intent["id"]:
            invoice = world.store.find("invoice", payment["invoice"])
            if invoice is not None:
                settle(world, invoice)


def cancel_intent(world: World, call: Call) -> Record:
    """``POST /v1/payment_intents/:id/cancel``."""
    intent = get_record(world, "payment_intent", call.id, "intent", in_path=True)
    _unfinished(intent, "cancel")
    reason = call.get("cancellation_reason")
    intent.update(
        status="canceled", canceled_at=world.now(clock_of(intent)), cancellation_reason=reason, next_action=None
    )
    return world.save(intent, "payment_intent.canceled")


def _unfinished(intent: Record, verb: str) -> None:
    if intent["status"] in ("succeeded", "canceled"):
        message = f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}."
        raise invalid(message, code="payment_intent_unexpected_state")


def create_setup(world: World, call: Call) -> Record:
    """``POST /v1/setup_intents``, confirmed at once with ``confirm=true``."""
    customer = None
    if "customer" in call.params:
        customer = get_record(world, "customer", call.params["customer"], "customer")
    setup = new_setup(world, customer)
    apply(setup, call.params, "metadata", "description", "usage")
    world.save(setup, "setup_intent.created")
    if "payment_method" in call.params:
        method = usable(world, call.params["payment_method"], "payment_method")
        setup.update(payment_method=method["id"], status="requires_confirmation")
        world.save(setup)
    return _confirm_setup(world, setup) if call.get("confirm") else setup


def confirm_setup_route(world: World, call: Call) -> Record:
    """``POST /v1/setup_intents/:id/confirm``."""
    setup = get_record(world, "setup_intent", call.id, "intent", in_path=True)
    if "payment_method" in call.params:
        setup["payment_method"] = usable(world, call.params["payment_method"], "payment_method")["id"]
    return _confirm_setup(world, setup)


def _confirm_setup(world: World, setup: Record) -> Record:
    if setup["status"] in ("succeeded", "canceled") or setup["payment_method"] is None:
        message = f"You cannot confirm this SetupIntent because it has a status of {setup['status']}."
        raise invalid(message, code="setup_intent_unexpected_state")
    method = get_record(world, "payment_method", setup["payment_method"], "payment_method")
    if confirm_setup(world, setup, method) == "failed":
        raise raised(setup["last_setup_error"], None)
    return setup


def cancel_setup(world: World, call: Call) -> Record:
    """``POST /v1/setup_intents/:id/cancel``."""
    setup = get_record(world, "setup_intent", call.id, "intent", in_path=True)
    if setup["status"] in ("succeeded", "canceled"):
        message = f"You cannot cancel this SetupIntent because it has a status of {setup['status']}."
        raise invalid(message, code="setup_intent_unexpected_state")
    setup.update(status="canceled", cancellation_reason=call.get("cancellation_reason"), next_action=None)
    return world.save(setup, "setup_intent.canceled")


ROUTES = (
    post("/v1/payment_intents", create_intent, "amount", "currency", **_INTENT, **_CONFIRM, confirm=Flag(),
         automatic_payment_methods=Accepted(), confirmation_method=choice("automatic"),
         error_on_requires_action=Absent(),
         allowed_payment_method_types=Accepted(), excluded_payment_method_types=Accepted()),
    get("/v1/payment_intents", lambda world, call: page(world, call, "payment_intent", "/v1/payment_intents",
        customer=call.get("customer")), **PAGING, created=CREATED, customer=Text()),
    get("/v1/payment_intents/{intent}",
        lambda world, call: get_record(world, "payment_intent", call.id, "intent", in_path=True), client_secret=Text()),
    post("/v1/payment_intents/{intent}", update_intent, **_INTENT),
    post("/v1/payment_intents/{intent}/confirm", confirm_intent, **_CONFIRM, payment_method=Text(),
         payment_method_options=Accepted(), setup_future_usage=choice("off_session", "on_session", clearable=True)),
    post("/v1/payment_intents/{intent}/cancel", cancel_intent,
         cancellation_reason=choice("abandoned", "duplicate", "fraudulent", "requested_by_customer")),
    post("/v1/setup_intents", create_setup, customer=Text(), confirm=Flag(), description=Text(1000),
         metadata=Metadata(), payment_method=Text(), usage=choice("off_session", "on_session"), return_url=Address(),
         automatic_payment_methods=Accepted(), payment_method_options=Accepted(), mandate_data=Accepted()),
    get("/v1/setup_intents", lambda world, call: page(world, call, "setup_intent", "/v1/setup_intents",
        customer=call.get("customer")), **PAGING, created=CREATED, customer=Text(), payment_method=Absent()),
    get("/v1/setup_intents/{intent}",
        lambda world, call: get_record(world, "setup_intent", call.id, "intent", in_path=True), client_secret=Text()),
    post("/v1/setup_intents/{intent}/confirm", confirm_setup_route, payment_method=Text(), return_url=Address(),
         mandate_data=Accepted()),
    post("/v1/setup_intents/{intent}/cancel", cancel_setup,
         cancellation_reason=choice("abandoned", "duplicate", "requested_by_customer")),
    get("/v1/charges", lambda world, call: page(world, call, "charge", "/v1/charges", customer=call.get("customer"),
        payment_intent=call.get("payment_intent")), **PAGING, created=CREATED, customer=Text(), payment_intent=Text()),
    get("/v1/charges/{charge}", lambda world, call: get_record(world, "charge", call.id, "charge", in_path=True)),
    post("/v1/refunds", refund, charge=Text(), payment_intent=Text(), amount=Integer(1), metadata=Metadata(),
         reason=choice("duplicate", "fraudulent", "requested_by_customer"), reverse_transfer=Absent(),
         refund_application_fee=Absent()),
    get("/v1/refunds", lambda world, call: page(world, call, "refund", "/v1/refunds", charge=call.get("charge"),
        payment_intent=call.get("payment_intent")), **PAGING, created=CREATED, charge=Text(), payment_intent=Text()),
    get("/v1/refunds/{refund}", lambda world, call: get_record(world, "refund", call.id, "refund", in_path=True)),
    get("/v1/balance_transactions/{id}",
        lambda world, call: get_record(world, "balance_transaction", call.id, "id", in_path=True)),
)  # fmt: skip
