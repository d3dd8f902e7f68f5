"""What an invoice and its lines look like while it is a draft."""

from portal.simulator.billing.agenda import DRAFT_TIME
from portal.simulator.billing.billed import billed_to
from portal.simulator.billing.discounts import lower, taken_off, totals
from portal.simulator.identifiers import new_id
from portal.simulator.records import Record, listing
from portal.simulator.world import World, clock_of

ACCOUNT_NAME = "Mercato (simulated account)"


def draft(
    world: World,
    customer: Record,
    currency: str,
    *,
    reason: str,
    period: tuple[int, int],
    subscription: Record | None = None,
    lines: list[Record] | None = None,
) -> Record:
    """A draft with these lines and their totals; not saved, no event yet."""
    test_clock = clock_of(customer)
    now = world.now(test_clock)
    identifier = new_id("invoice")
    sends = subscription is not None and subscription["collection_method"] == "send_invoice"
    invoice: Record = {
        "id": identifier,
        "object": "invoice",
        "account_country": "DE",
        "account_name": ACCOUNT_NAME,
        "account_tax_ids": None,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_shipping": 0,
        "application": None,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "automatically_finalizes_at": now + DRAFT_TIME,
        "billing_reason": reason,
        "collection_method": "send_invoice" if sends else "charge_automatically",
        "created": now,
        "currency": currency,
        "custom_fields": None,
        "customer": customer["id"],
        "customer_account": None,
        **billed_to(world, customer),
        "default_payment_method": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "due_date": now + 86_400 * int(subscription["days_until_due"] or 30) if sends and subscription else None,
        "effective_at": None,
        "ending_balance": None,
        "footer": None,
        "from_invoice": None,
        "hosted_invoice_url": None,
        "invoice_pdf": None,
        "issuer": {"type": "self"},
        "last_finalization_error": None,
        "latest_revision": None,
        "lines": listing([], f"/v1/invoices/{identifier}/lines"),
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None,
        "number": None,
        "on_behalf_of": None,
        "parent": None if subscription is None else _parent(subscription),
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": period[1],
        "period_start": period[0],
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": None,
        "rendering": None,
        "shipping_cost": None,
        "shipping_details": None,
        "starting_balance": 0,
        "statement_descriptor": None,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "test_clock": test_clock,
        "total_discount_amounts": [],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": None,
    }
    if subscription is not None:
        lower(world, subscription, lines or [])
    set_lines(invoice, lines or [], customer)
    return invoice


def _parent(subscription: Record) -> Record:
    return {
        "quote_details": None,
        "subscription_details": {"metadata": dict(subscription["metadata"]), "subscription": subscription["id"]},
        "type": "subscription_details",
    }


def set_lines(invoice: Record, lines: list[Record], customer: Record) -> None:
    """Give a draft its lines; the total is their sum less discounts, and the customer's balance pays or adds its part."""
    for line in lines:
        line["invoice"] = invoice["id"]
    invoice["lines"]["data"] = lines
    subtotal = sum(line["amount"] for line in lines)
    total = subtotal - sum(taken_off(line) for line in lines)
    discounts = totals(lines)
    invoice.update(total_discount_amounts=discounts, discounts=[each["discount"] for each in discounts])
    balance = int(customer["balance"])
    due = max(0, total + balance)
    invoice.update(subtotal=subtotal, subtotal_excluding_tax=subtotal, total=total, total_excluding_tax=total)
    invoice.update(starting_balance=balance, amount_due=due, amount_remaining=due)


def line(
    amount: int,
    currency: str,
    description: str,
    period: tuple[int, int],
    *,
    parent: Record,
    price: Record | None = None,
    quantity: int | None = 1,
    subscription: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Record:
    """One invoice line. Prorations are counted net of discounts, so nothing is taken off them again."""
    prorated = ((parent or {}).get("subscription_item_details") or {}).get("proration", False)
    details = None if price is None else {"price": price["id"], "product": price["product"]}
    return {
        "id": new_id("line_item"),
        "object": "line_item",
        "amount": amount,
        "currency": currency,
        "description": description,
        "discount_amounts": [],
        "discountable": amount > 0 and not prorated,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": dict(metadata or {}),
        "parent": parent,
        "period": {"end": period[1], "start": period[0]},
        "pretax_credit_amounts": [],
        "pricing": None
        if price is None
        else {
            "price_details": details,
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": quantity,
        "quantity_decimal": None if quantity is None else str(quantity),
        "subscription": subscription,
        "subtotal": amount,
        "taxes": [],
    }


def item_parent(item: Record, *, proration: bool = False, invoice_item: str | None = None) -> Record:
    """The parent of a line that a subscription's item makes."""
    return {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": invoice_item,
            "proration": proration,
            "proration_details": {"credited_items": None},
            "subscription": item["subscription"],
            "subscription_item": item["id"],
        },
        "type": "subscription_item_details",
    }
