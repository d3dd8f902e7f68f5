"""The moves of an invoice: draft, open, paid, void, uncollectible."""

from typing import Any

from portal.simulator.billing.billed import billed_to
from portal.simulator.billing.invoice_record import set_lines
from portal.simulator.billing.payment_records import new_intent
from portal.simulator.errors import invalid
from portal.simulator.identifiers import new_id, random_text
from portal.simulator.records import Record, private
from portal.simulator.world import World


def finalize(world: World, invoice: Record, intent: Record | None = None) -> Record:
    """Draft to open: number, balance, and the intent that will pay it; nothing due means paid at once.

    Checkout took the money before there was an invoice; it hands its ``intent`` over.
    """
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.",
                      code="invoice_not_editable")  # fmt: skip
    customer = world.store.find("customer", invoice["customer"]) or {}
    now = world.now(invoice["test_clock"])
    _take_number_and_balance(world, invoice, customer, already_paid=intent is not None)
    page = f"{world.public_url}/invoices/{invoice['id']}"
    invoice.update(
        status="open",
        effective_at=now,
        automatically_finalizes_at=None,
        hosted_invoice_url=page,
        invoice_pdf=f"{page}/pdf",
    )
    invoice["status_transitions"]["finalized_at"] = now
    if invoice["amount_due"] > 0:
        if intent is None:
            intent = new_intent(world, invoice["amount_due"], invoice["currency"], customer, _purpose(invoice))
            world.save(intent, "payment_intent.created")
        adopt_intent(world, invoice, intent)
    world.save(invoice, "invoice.finalized")
    if invoice["amount_due"] == 0:
        mark_paid(world, invoice, amount=0)
    return invoice


def _purpose(invoice: Record) -> str:
    return (
        "Subscription creation"
        if invoice["billing_reason"] == "subscription_create"
        else f"Invoice {invoice['number']}"
    )


def _take_number_and_balance(world: World, invoice: Record, customer: Record, *, already_paid: bool) -> None:
    """A credit from before lowers what is due, unless the money was taken before there was an invoice."""
    if not customer or customer.get("deleted"):
        invoice["number"] = f"{random_text(8).upper()}-0001"
        return
    invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    customer["next_invoice_sequence"] += 1
    invoice.update(billed_to(world, customer))
    set_lines(invoice, invoice["lines"]["data"], {"balance": 0} if already_paid else customer)
    if not already_paid:
        customer["balance"] = min(0, customer["balance"] + invoice["total"])
    customer["currency"] = customer["currency"] or invoice["currency"]
    invoice["ending_balance"] = customer["balance"]
    world.save(customer, "customer.updated")


def adopt_intent(world: World, invoice: Record, intent: Record) -> Record:
    """Let this intent be the invoice's payment; ``invoice_payment`` is the link between the two."""
    payment: Record = {
        "id": new_id("invoice_payment"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": intent["amount"],
        "created": world.now(invoice["test_clock"]),
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
        "_private": {"test_clock": invoice["test_clock"]},
    }
    private(invoice).update(intent=intent["id"], payment=payment["id"])
    return world.save(payment)


def intent_of(world: World, invoice: Record) -> Record | None:
    """The payment intent that pays this invoice, if there is anything to pay."""
    return world.store.find("payment_intent", private(invoice).get("intent") or "")


def mark_paid(world: World, invoice: Record, *, amount: int) -> None:
    """Open (or uncollectible) to paid."""
    now = world.now(invoice["test_clock"])
    invoice.update(status="paid", attempted=True, amount_paid=amount, next_payment_attempt=None)
    invoice["amount_remaining"] = 0
    invoice["status_transitions"]["paid_at"] = now
    world.save(invoice, "invoice.paid")
    world.announce("invoice.payment_succeeded", invoice)
    payment = world.store.find("invoice_payment", private(invoice).get("payment") or "")
    if payment is not None and amount > 0:
        payment.update(status="paid", amount_paid=amount)
        payment["status_transitions"]["paid_at"] = now
        world.save(payment, "invoice_payment.paid")


def void(world: World, invoice: Record) -> Record:
    """Open or uncollectible to void: it asks for nothing any more, and its intent is canceled."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid("You can only pass in open invoices. This invoice isn't open.", code="status_transition_invalid")
    _stop_asking(world, invoice, "void", "voided_at", "void_invoice")
    return world.save(invoice, "invoice.voided")


def mark_uncollectible(world: World, invoice: Record) -> Record:
    """Open to uncollectible: a bad debt, still payable."""
    if invoice["status"] != "open":
        raise invalid("You can only pass in open invoices. This invoice isn't open.", code="status_transition_invalid")
    invoice.update(status="uncollectible", next_payment_attempt=None)
    invoice["status_transitions"]["marked_uncollectible_at"] = world.now(invoice["test_clock"])
    return world.save(invoice, "invoice.marked_uncollectible")


def _stop_asking(world: World, invoice: Record, status: str, stamp: str, why: str) -> None:
    now = world.now(invoice["test_clock"])
    invoice.update(status=status, next_payment_attempt=None)
    invoice["status_transitions"][stamp] = now
    intent = intent_of(world, invoice)
    if intent is not None and intent["status"] not in ("succeeded", "canceled"):
        intent.update(status="canceled", canceled_at=now, cancellation_reason=why, next_action=None)
        world.save(intent, "payment_intent.canceled")
    payment = world.store.find("invoice_payment", private(invoice).get("payment") or "")
    if payment is not None and payment["status"] == "open":
        payment["status"] = "canceled"
        payment["status_transitions"]["canceled_at"] = now
        world.save(payment)


def subscription_of(invoice: Record) -> str | None:
    """The subscription an invoice bills, if any."""
    details: Any = (invoice["parent"] or {}).get("subscription_details") or {}
    found = details.get("subscription")
    return None if found is None else str(found)
