"""Invoice payments: the way from an invoice to the intent that pays it, and back."""

from portal.simulator.billing import invoicing
from portal.simulator.listing import page
from portal.simulator.objects.shared import get_record
from portal.simulator.records import Record, listing, private
from portal.simulator.routes import Call
from portal.simulator.world import World

KIND = "invoice"


def included_payments(world: World, invoice: Record) -> Record:
    """``expand[]=payments``."""
    kept = world.store.find(KIND, invoice["id"]) or invoice
    payment = world.store.find("invoice_payment", private(kept).get("payment") or "")
    return listing([] if payment is None else [payment], f"/v1/invoice_payments?invoice={invoice['id']}")


def included_secret(world: World, invoice: Record) -> Record | None:
    """``expand[]=confirmation_secret``: what a browser needs to confirm the payment."""
    kept = world.store.find(KIND, invoice["id"]) or invoice
    intent = invoicing.intent_of(world, kept)
    if intent is None or invoice["status"] != "open":
        return None
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


def list_payments(world: World, call: Call) -> Record:
    """``GET /v1/invoice_payments``: the way from a payment back to its invoice."""
    wanted = call.get("payment") or {}
    intent = wanted.get("payment_intent")

    def keep(payment: Record) -> bool:
        return intent is None or payment["payment"].get("payment_intent") == intent

    url = "/v1/invoice_payments"
    return page(world, call, "invoice_payment", url, keep, invoice=call.get("invoice"), status=call.get("status"))


def retrieve_payment(world: World, call: Call) -> Record:
    """``GET /v1/invoice_payments/:id``."""
    return get_record(world, "invoice_payment", call.id, "invoice_payment", in_path=True)
