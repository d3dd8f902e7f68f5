"""What must be true here in the end, worked out from what the provider says in the end.

Sequential, plain Python over the provider's own JSON; imports nothing of the product, so a mistake there cannot repeat
itself here. The rules are those of the design: an active subscription gives its right until its period ends and an hour
more, a cancelled one until it ends, an overdue one for seven days of grace, a disputed or wholly refunded one none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Mapping[str, Any]
HOUR, DAY = 3600, 86_400
GRACE = 7 * DAY
LIVE = ("trialing", "active", "past_due", "unpaid", "paused")
AT_THE_BANK = ("needs_response", "under_review", "lost", "appeal_needs_response", "appeal_under_review")


@dataclass
class Provider:
    """Everything the provider knows in the end, by kind of object."""

    subscriptions: list[Json] = field(default_factory=list)
    invoices: list[Json] = field(default_factory=list)
    sessions: list[Json] = field(default_factory=list)
    payments: list[Json] = field(default_factory=list)
    charges: list[Json] = field(default_factory=list)
    refunds: list[Json] = field(default_factory=list)
    disputes: list[Json] = field(default_factory=list)


@dataclass
class Books:
    """What somebody believes: the product's rows, or what they must be. Instants are whole seconds."""

    subscriptions: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    invoices: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    purchases: dict[str, str] = field(default_factory=dict)
    payments: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    refunds: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    disputes: dict[str, str] = field(default_factory=dict)
    rights: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    """Subscriptions that give a right now, with its kind and its end; None where the end depends on when we heard."""


def expected(provider: Provider, customers: Mapping[str, str], now: int) -> Books:
    """Return what the books must say. `customers` maps those that are ours to whose they are."""
    books = Books()
    for one in provider.subscriptions:
        if one["customer"] in customers:
            books.subscriptions[one["id"]] = _subscription(one, customers)
            right = _right(one, provider, now)
            if right is not None:
                books.rights[one["id"]] = right
    for one in provider.invoices:
        if one["customer"] in customers:
            books.invoices[one["id"]] = (one["status"], one["total"], one["amount_paid"])
    for one in provider.sessions:
        books.purchases[one["id"]] = _purchase(one)
    _money(provider, customers, books)
    return books


def _subscription(one: Json, customers: Mapping[str, str]) -> tuple[Any, ...]:
    start, end = _period(one)
    price = one["items"]["data"][0]["price"]["id"]
    return customers[one["customer"]], one["status"], price, start, end, bool(one["cancel_at_period_end"])


def _period(one: Json) -> tuple[int, int]:
    item = one["items"]["data"][0]
    return item["current_period_start"], item["current_period_end"]


def _purchase(session: Json) -> str:
    if session["status"] == "complete" and session["payment_status"] != "unpaid":
        return "complete"
    return "expired" if session["status"] == "expired" else "open"


def _right(one: Json, provider: Provider, now: int) -> tuple[str, int | None] | None:
    status, (_start, end) = one["status"], _period(one)
    if status not in ("trialing", "active", "past_due") or _is_held_back(one, provider):
        return None
    if status == "past_due":
        return "grace", None
    stop = one["cancel_at"] or (end if one["cancel_at_period_end"] else None)
    until = end + HOUR if stop is None else min(stop, end + HOUR)
    return ("trial" if status == "trialing" else "subscription", until) if now < until else None


def _is_held_back(one: Json, provider: Provider) -> bool:
    """True while the bank has the money of this period, or all of it was given back."""
    start, _end = _period(one)
    paid = [_charge_of(payment, provider) for payment in _payments_of(one["id"], start, provider)]
    at_the_bank = {dispute["charge"] for dispute in provider.disputes if dispute["status"] in AT_THE_BANK}
    if any(charge["id"] in at_the_bank for charge in paid):
        return True
    received = sum(charge["amount_captured"] for charge in paid)
    return received > 0 and received == sum(charge["amount_refunded"] for charge in paid)


def _payments_of(subscription_id: str, since: int, provider: Provider) -> Iterable[Json]:
    ours = {
        payment["payment"]["payment_intent"]
        for invoice in provider.invoices
        if _billed(invoice) == subscription_id and invoice["created"] >= since
        for payment in invoice["payments"]["data"]
    }
    return [one for one in provider.payments if one["id"] in ours and one["status"] == "succeeded"]


def _billed(invoice: Json) -> str | None:
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    found: str | None = details.get("subscription")
    return found


def _charge_of(payment: Json, provider: Provider) -> Json:
    return next(charge for charge in provider.charges if charge["id"] == payment["latest_charge"])


def _money(provider: Provider, customers: Mapping[str, str], books: Books) -> None:
    """Money that came in, and what of it went back."""
    ours = {}
    for payment in provider.payments:
        if payment["customer"] in customers and payment["status"] == "succeeded":
            charge = _charge_of(payment, provider)
            ours[charge["id"]] = payment["id"]
            books.payments[payment["id"]] = (
                customers[payment["customer"]],
                payment["amount_received"],
                charge["amount_refunded"],
            )
    for refund in provider.refunds:
        if refund["charge"] in ours:
            books.refunds[refund["id"]] = (ours[refund["charge"]], refund["status"], refund["amount"])
    for dispute in provider.disputes:
        if dispute["charge"] in ours:
            books.disputes[dispute["id"]] = dispute["status"]
