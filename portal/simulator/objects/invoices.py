"""Invoices over the API, their lines and their payments."""

from portal.simulator.billing import invoice_record, invoicing
from portal.simulator.billing.charging import raised
from portal.simulator.billing.collecting import collect, settle
from portal.simulator.billing.cycle import method_for, pending_lines
from portal.simulator.billing.payment_records import error_record
from portal.simulator.cards import GENERIC
from portal.simulator.errors import StripeError, invalid, missing_parameter
from portal.simulator.listing import page, slice_of, within
from portal.simulator.objects.invoice_payments import list_payments, retrieve_payment
from portal.simulator.objects.invoice_previews import preview
from portal.simulator.objects.payment_methods import usable
from portal.simulator.objects.shared import apply, get_record
from portal.simulator.parameters import (
    CREATED,
    CURRENCY,
    PAGING,
    TIMESTAMP,
    Absent,
    Accepted,
    Either,
    Fields,
    Flag,
    Integer,
    Many,
    Metadata,
    Text,
    choice,
    fields,
)
from portal.simulator.records import Record
from portal.simulator.routes import Call, delete, get, post
from portal.simulator.world import World, clock_of

KIND = "invoice"


def create(world: World, call: Call) -> Record:
    """``POST /v1/invoices``: an empty draft, or one that takes what a subscription has waiting."""
    if call.get("customer") is None:
        raise missing_parameter("customer")
    customer = get_record(world, "customer", call.params["customer"], "customer")
    subscription = None
    if "subscription" in call.params:
        subscription = get_record(world, "subscription", call.params["subscription"], "subscription")
    now = world.now(clock_of(customer))
    invoice = invoice_record.draft(
        world,
        customer,
        call.get("currency") or (subscription or {}).get("currency") or customer["currency"] or "eur",
        reason="manual" if subscription is None else "subscription_update",
        period=(now, now),
        subscription=subscription,
        lines=[] if subscription is None else pending_lines(world, subscription),
    )
    invoice["auto_advance"] = call.get("auto_advance", False)
    invoice["automatically_finalizes_at"] = now + 3600 if invoice["auto_advance"] else None
    invoice["collection_method"] = call.get("collection_method", "charge_automatically")
    apply(invoice, call.params, "description", "footer", "metadata", "due_date")
    return world.save(invoice, "invoice.created")


def update(world: World, call: Call) -> Record:
    """``POST /v1/invoices/:id``."""
    invoice = get_record(world, KIND, call.id, "invoice", in_path=True)
    if invoice["status"] != "draft" and set(call.params) - {
        "metadata",
        "auto_advance",
        "expand",
        "default_payment_method",
    }:
        raise invalid("Finalized invoices can't be updated in this way.", code="invoice_not_editable")
    apply(invoice, call.params, "auto_advance", "description", "footer", "metadata", "due_date", "collection_method")
    if "default_payment_method" in call.params:
        wanted = call.params["default_payment_method"]
        invoice["default_payment_method"] = wanted and usable(world, wanted, "default_payment_method")["id"]
    return world.save(invoice, "invoice.updated")


def retrieve(world: World, call: Call) -> Record:
    """``GET /v1/invoices/:id``."""
    return get_record(world, KIND, call.id, "invoice", in_path=True)


def remove(world: World, call: Call) -> Record:
    """``DELETE /v1/invoices/:id``: drafts only, and only those no subscription made."""
    invoice = get_record(world, KIND, call.id, "invoice", in_path=True)
    if invoice["status"] != "draft" or invoice["parent"] is not None:
        raise invalid("You can only delete draft invoices that no subscription created.", code="invoice_not_editable")
    world.announce("invoice.deleted", invoice)
    return world.save({"id": invoice["id"], "object": KIND, "deleted": True})


def list_(world: World, call: Call) -> Record:
    """``GET /v1/invoices``."""
    subscription = call.get("subscription")

    def keep(invoice: Record) -> bool:
        due = call.get("due_date")
        return (subscription is None or invoicing.subscription_of(invoice) == subscription) and (
            due is None or (invoice["due_date"] is not None and within(due, invoice["due_date"]))
        )

    equal = {name: call.get(name) for name in ("customer", "status", "collection_method")}
    return page(world, call, KIND, "/v1/invoices", keep, **equal)


def lines(world: World, call: Call) -> Record:
    """``GET /v1/invoices/:id/lines``."""
    invoice = get_record(world, KIND, call.id, "invoice", in_path=True)
    return slice_of(call, invoice["lines"]["data"], f"/v1/invoices/{call.id}/lines")


def finalize(world: World, call: Call) -> Record:
    """``POST /v1/invoices/:id/finalize``."""
    invoice = get_record(world, KIND, call.id, "invoice", in_path=True)
    if "auto_advance" in call.params:
        invoice["auto_advance"] = call.params["auto_advance"]
    invoicing.finalize(world, invoice)
    if (
        invoice["auto_advance"]
        and invoice["status"] == "open"
        and invoice["collection_method"] == "charge_automatically"
    ):
        collect(world, invoice, _method(world, invoice, None), off_session=True)
    return world.store.find(KIND, invoice["id"]) or invoice


def pay(world: World, call: Call) -> Record:
    """``POST /v1/invoices/:id/pay``: 402 when the card refuses; the failed attempt stays on record."""
    invoice = get_record(world, KIND, call.id, "invoice", in_path=True)
    if invoice["status"] == "draft":
        invoicing.finalize(world, invoice)
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid("This invoice can no longer be paid.", code="invoice_not_editable")
    if call.get("paid_out_of_band"):
        settle(world, invoice)
        return world.store.find(KIND, invoice["id"]) or invoice
    method = _method(world, invoice, call.get("payment_method"))
    outcome = collect(world, invoice, method, off_session=call.get("off_session", True))
    if outcome == "succeeded":
        return world.store.find(KIND, invoice["id"]) or invoice
    raise _payment_failure(world, invoice, method)


def _payment_failure(world: World, invoice: Record, method: Record | None) -> StripeError:
    if method is None:
        message = (
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method."
        )
        failure = invalid(message, code="resource_missing")
        failure.keeps_changes = True
        return failure
    intent = invoicing.intent_of(world, invoice)
    error = (intent or {}).get("last_payment_error") or error_record(GENERIC, method)
    return raised(error, intent)


def _method(world: World, invoice: Record, wanted: str | None) -> Record | None:
    if wanted is not None:
        return usable(world, wanted, "payment_method")
    chosen = invoice["default_payment_method"]
    if chosen is not None:
        return world.store.find("payment_method", chosen)
    subscription = world.store.find("subscription", invoicing.subscription_of(invoice) or "")
    customer = world.store.find("customer", invoice["customer"]) or {}
    return method_for(
        world, subscription or {"default_payment_method": None, "customer": invoice["customer"]}, customer
    )


def void(world: World, call: Call) -> Record:
    """``POST /v1/invoices/:id/void``."""
    return invoicing.void(world, get_record(world, KIND, call.id, "invoice", in_path=True))


def uncollectible(world: World, call: Call) -> Record:
    """``POST /v1/invoices/:id/mark_uncollectible``."""
    return invoicing.mark_uncollectible(world, get_record(world, KIND, call.id, "invoice", in_path=True))


_COLLECTION = choice("charge_automatically", "send_invoice")
_WRITABLE = {
    "auto_advance": Flag(),
    "automatic_tax": Absent(),
    "collection_method": _COLLECTION,
    "days_until_due": Integer(1),
    "default_payment_method": Text(clearable=True),
    "description": Text(1500, clearable=True),
    "discounts": Absent(),
    "due_date": TIMESTAMP,
    "footer": Text(clearable=True),
    "metadata": Metadata(),
    "payment_settings": Accepted(),
    "rendering": Accepted(),
}
_DETAILS = fields(
    billing_cycle_anchor=fields("type", type=choice("now", "unchanged")),
    cancel_at_period_end=Flag(),
    items=Many(Fields({"id": Text(), "price": Text(), "quantity": Integer(0, 10**9), "deleted": Flag(),
                       "metadata": Metadata(), "price_data": Absent()}), 20),
    proration_behavior=choice("always_invoice", "create_prorations", "none"),
    proration_date=TIMESTAMP,
    trial_end=Either((choice("now"), TIMESTAMP)),
)  # fmt: skip
_PAYMENT = fields("type", type=choice("payment_intent", "payment_record"), payment_intent=Text(), payment_record=Text())
ROUTES = (
    post("/v1/invoices/create_preview", preview, customer=Text(), subscription=Text(), currency=CURRENCY,
         subscription_details=_DETAILS, automatic_tax=Absent(), discounts=Absent(), invoice_items=Absent(),
         schedule=Absent(), schedule_details=Absent(), preview_mode=choice("next", "recurring")),
    post("/v1/invoices", create, **_WRITABLE, customer=Text(), currency=CURRENCY, subscription=Text(),
         pending_invoice_items_behavior=Accepted()),
    get("/v1/invoices", list_, **PAGING, created=CREATED, customer=Text(), customer_account=Absent(),
        collection_method=_COLLECTION, due_date=CREATED, subscription=Text(),
        status=choice("draft", "open", "paid", "uncollectible", "void")),
    get("/v1/invoices/{invoice}", retrieve),
    post("/v1/invoices/{invoice}", update, **_WRITABLE),
    delete("/v1/invoices/{invoice}", remove),
    get("/v1/invoices/{invoice}/lines", lines, **PAGING),
    post("/v1/invoices/{invoice}/finalize", finalize, auto_advance=Flag()),
    post("/v1/invoices/{invoice}/pay", pay, forgive=Accepted(), off_session=Flag(), paid_out_of_band=Flag(),
         payment_method=Text(), mandate=Absent(), source=Absent()),
    post("/v1/invoices/{invoice}/void", void),
    post("/v1/invoices/{invoice}/mark_uncollectible", uncollectible),
    get("/v1/invoice_payments", list_payments, **PAGING, created=CREATED, invoice=Text(), payment=_PAYMENT,
        status=choice("canceled", "open", "paid")),
    get("/v1/invoice_payments/{invoice_payment}", retrieve_payment),
)  # fmt: skip
