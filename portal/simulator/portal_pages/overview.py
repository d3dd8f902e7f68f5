"""What the portal page shows about a customer, in words and figures."""

from typing import Any

from portal.simulator.billing.amounts import cost, shown
from portal.simulator.billing.cycle import method_for, product_name
from portal.simulator.checkout.summary import day, per
from portal.simulator.records import Record
from portal.simulator.world import World

REASONS = {
    "too_expensive": "It costs too much",
    "unused": "I do not use it enough",
    "missing_features": "Something is missing",
    "switched_service": "I use something else now",
    "low_quality": "It was not good enough",
    "too_complex": "It is too complicated",
    "customer_service": "Support was not good enough",
    "other": "Another reason",
}
_INVOICE_STATES = {"paid": "Paid", "open": "Open", "void": "Void", "uncollectible": "Unpaid"}


def account_of(world: World, customer: Record) -> dict[str, Any]:
    """Subscriptions, card and invoices of a customer, ready to print."""
    subscriptions = list(world.store.newest("subscription", customer=customer["id"]))
    ended = ("canceled", "incomplete_expired")
    living = [subscription for subscription in subscriptions if subscription["status"] not in ended]
    invoices = [
        invoice for invoice in world.store.newest("invoice", customer=customer["id"]) if _worth_showing(invoice)
    ]
    method = method_for(world, living[0], customer) if living else _default(world, customer)
    return {
        "customer": customer,
        "subscriptions": [subscription_view(world, subscription) for subscription in living],
        "former": [
            subscription_view(world, subscription) for subscription in subscriptions if subscription not in living
        ],
        "method": method,
        "invoices": [invoice_view(invoice) for invoice in invoices[:24]],
    }


def _default(world: World, customer: Record) -> Record | None:
    return world.store.find("payment_method", customer["invoice_settings"]["default_payment_method"] or "")


def _worth_showing(invoice: Record) -> bool:
    return not invoice.get("deleted") and invoice["status"] != "draft"


def invoice_view(invoice: Record) -> dict[str, str]:
    """One row of the invoice history."""
    return {
        "id": invoice["id"],
        "number": invoice["number"] or "",
        "on": day(invoice["effective_at"] or invoice["created"]),
        "amount": shown(invoice["total"], invoice["currency"]),
        "status": invoice["status"],
        "state": _INVOICE_STATES[invoice["status"]],
    }


def subscription_view(world: World, subscription: Record) -> dict[str, Any]:
    """A subscription in a few words: what, how much, and what happens next."""
    items = subscription["items"]["data"]
    prices = [world.store.find("price", item["price"]["id"]) or item["price"] for item in items]
    amount = sum(cost(price, item.get("quantity", 0)) for price, item in zip(prices, items, strict=True))
    period_end = min(item["current_period_end"] for item in items)
    return {
        "id": subscription["id"],
        "name": " + ".join(product_name(world, price) for price in prices),
        "price": f"{shown(amount, subscription['currency'])} {per(prices[0]['recurring'])}",
        "status": subscription["status"],
        "leaving": subscription["cancel_at"] is not None,
        "next": _what_next(subscription, period_end, shown(amount, subscription["currency"])),
        "until": day(subscription["cancel_at"] or period_end),
        "trial": subscription["status"] == "trialing",
    }


def _what_next(subscription: Record, period_end: int, amount: str) -> str:
    status = subscription["status"]
    if status == "canceled":
        return f"Ended on {day(subscription['ended_at'])}."
    if status == "incomplete_expired":
        return "Never started: the first payment was not made."
    if subscription["cancel_at"] is not None:
        return f"Ends on {day(subscription['cancel_at'])}. You will not be charged again."
    sentences = {
        "trialing": f"Free until {day(subscription['trial_end'] or period_end)}, then {amount}.",
        "past_due": "The last payment failed. Change your card or pay the open invoice.",
        "unpaid": "The last payment failed. Pay the open invoice to continue.",
        "incomplete": "Waiting for the first payment.",
        "paused": "Paused. Nothing is charged.",
    }
    return sentences.get(status, f"Renews on {day(period_end)} for {amount}.")
