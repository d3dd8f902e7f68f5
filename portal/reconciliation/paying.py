"""Comparing payments with what came back of them, and with the hold that should follow (docs/adr/0033). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from portal.kit.money import Money
from portal.payments.rules import TAKEN, hold_of
from portal.payments.types import Paid
from portal.ports.billing import PaymentSnapshot
from portal.reconciliation.types import Cause, Code, Difference, EventFact, Mismatch, Repair
from portal.subscriptions.types import Hold

# Between these a payment goes back and forth while somebody types a card, and no event tells of each step.
_LASTS = ("succeeded", "canceled")


@dataclass(frozen=True, slots=True)
class Standing:
    """The subscription whose current period a payment pays: its hold, and the other payments for that period."""

    hold: Hold | None
    rest: tuple[Paid, ...] = ()


@dataclass(frozen=True, slots=True)
class OurPayment:
    """A payment as we mirrored it, amounts in minor units; `refunds` and `disputes` are states by the provider's ids.

    `standing` is None when it pays no current period: then no hold follows from it.
    """

    account_id: int
    status: str
    amount: Money
    received: int
    refunded: int
    read_at: datetime
    refunds: dict[str, str] = field(default_factory=dict)
    disputes: dict[str, str] = field(default_factory=dict)
    standing: Standing | None = None


def compare_payment(
    key: str, ours: OurPayment | None, theirs: PaymentSnapshot | None, event: EventFact | None
) -> Iterator[Mismatch]:
    """Judge a payment of a customer of ours; None is a side that has none. `event` is the newest delivery about it."""
    subject, repairs = f"payment:{key}", _repairs(theirs)
    if theirs is None or ours is None:
        status = Difference("status", ours.status if ours else None, theirs.status if theirs else None)
        if ours is not None and ours.status == "succeeded":
            yield Mismatch("PAY_STATUS_DIFF", subject, (status,), "payment_gone", repairs, ours.amount)
        if theirs is not None and theirs.status == "succeeded":
            received = Difference("received", None, theirs.amount_received)
            yield Mismatch("PAY_UNCREDITED", subject, (status, received), _why(ours, event), repairs, _came_in(theirs))
        return
    found: dict[Code, list[Difference]] = {}
    for code, difference in (*_money(ours, theirs), *_back(ours, theirs), *_hold(ours, theirs)):
        found.setdefault(code, []).append(difference)
    for code, differences in sorted(found.items()):
        is_hold = all(one.field == "hold" for one in differences)
        cause: Cause = "hold_not_derived" if is_hold else _why(ours, event)
        yield Mismatch(code, subject, tuple(differences), cause, repairs, _at_risk(code, ours, theirs))


def paid_of(theirs: PaymentSnapshot) -> Paid:
    """Return what decides whether a payment still pays."""
    states = tuple(one.status for one in theirs.disputes)
    return Paid(theirs.status, theirs.amount_received, theirs.amount_refunded, states)


def list_of(theirs: PaymentSnapshot, since: datetime) -> Literal["payment", "refund", "dispute", "ours"]:
    """Return the one list that leads to a payment, so that it is judged once: the first of those it stands in."""
    at = since.replace(microsecond=0)  # the provider counts in seconds
    if theirs.created_at >= at:
        return "payment"
    if any(one.created_at >= at for one in theirs.refunds):
        return "refund"
    return "dispute" if any(one.created_at >= at for one in theirs.disputes) else "ours"


def moved_at(theirs: PaymentSnapshot) -> datetime:
    """Return when something last happened to a payment, as far as it tells."""
    back = [*(one.created_at for one in theirs.refunds), *(one.created_at for one in theirs.disputes)]
    return max(theirs.created_at, theirs.paid_at or theirs.created_at, *back)


def _money(ours: OurPayment, theirs: PaymentSnapshot) -> Iterator[tuple[Code, Difference]]:
    if ours.status != theirs.status:
        if ours.status in _LASTS or theirs.status in _LASTS:
            yield "PAY_STATUS_DIFF", Difference("status", ours.status, theirs.status)
        return
    if theirs.status != "succeeded":
        return
    pairs = (
        ("amount", ours.amount.amount, theirs.amount.amount),
        ("currency", ours.amount.currency, theirs.amount.currency),
        ("received", ours.received, theirs.amount_received),
    )
    for name, mine, said in pairs:
        if mine != said:
            yield "PAY_AMOUNT_DIFF", Difference(name, mine, said)


def _back(ours: OurPayment, theirs: PaymentSnapshot) -> Iterator[tuple[Code, Difference]]:
    """Compare what came back; a payment that never came in has nothing that could."""
    if theirs.status != "succeeded":
        return
    if ours.refunded != theirs.amount_refunded:
        is_behind = ours.refunded < theirs.amount_refunded
        sums = Difference("refunded", ours.refunded, theirs.amount_refunded)
        yield "REFUND_NOT_APPLIED" if is_behind else "REFUND_OVERAPPLIED", sums
    else:
        for refund in theirs.refunds:
            if (mine := ours.refunds.get(refund.id)) != refund.status:
                yield "REFUND_NOT_APPLIED", Difference("refund", mine, refund.status)
    for dispute in theirs.disputes:
        mine = ours.disputes.get(dispute.id)
        if mine != dispute.status:
            is_back = mine in TAKEN and dispute.status not in TAKEN
            state = Difference("dispute", mine, dispute.status)
            yield "DISPUTE_WON_NOT_RESTORED" if is_back else "DISPUTE_NOT_APPLIED", state


def _hold(ours: OurPayment, theirs: PaymentSnapshot) -> Iterator[tuple[Code, Difference]]:
    """Hold the subscription's hold to the payments of its period, this one as the provider says it stands."""
    if ours.standing is None or theirs.status != "succeeded":
        return
    is_held, should = ours.standing.hold, hold_of([*ours.standing.rest, paid_of(theirs)])
    if is_held == should:
        return
    applied: dict[Hold, Code] = {"disputed": "DISPUTE_NOT_APPLIED", "refunded": "REFUND_NOT_APPLIED"}
    lifted: dict[Hold | None, Code] = {"disputed": "DISPUTE_WON_NOT_RESTORED", "refunded": "REFUND_OVERAPPLIED"}
    yield applied[should] if should else lifted[is_held], Difference("hold", is_held, should)


def _why(ours: OurPayment | None, event: EventFact | None) -> Cause:
    if event is None or (ours is not None and event.received_at <= ours.read_at):
        return "event_lost"
    if event.state in ("pending", "retry"):
        return "event_waiting"
    return "event_failed" if event.state == "dead" else "unexplained"


def _repairs(theirs: PaymentSnapshot | None) -> tuple[Repair, ...]:
    return ("sync_from_stripe",) if theirs else ()  # a payment that is gone there cannot be read again


def _came_in(theirs: PaymentSnapshot) -> Money:
    return Money(theirs.amount_received, theirs.amount.currency)


def _at_risk(code: Code, ours: OurPayment, theirs: PaymentSnapshot) -> Money:
    apart = 0
    if code.startswith("REFUND"):
        apart = abs(ours.refunded - theirs.amount_refunded)
    elif code == "PAY_AMOUNT_DIFF" and ours.amount.currency == theirs.amount.currency:
        apart = abs(ours.received - theirs.amount_received)
    return Money(apart, theirs.amount.currency) if apart else theirs.amount
