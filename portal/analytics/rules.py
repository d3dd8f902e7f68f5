"""The arithmetic of the figures: docs/algorithms/metrics.md. Everything is exact; whoever shows a sum rounds it once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction

from portal.analytics.types import (
    Churn,
    Entry,
    Flow,
    Held,
    Move,
    Rate,
    Recurring,
    Reduction,
    Taken,
    TrialFate,
    Trials,
)
from portal.kit.periods import Period

# Periods of a kind in a month, as the trade counts them: a year has 12 months, 52 weeks, 365 days.
_IN_A_MONTH = {"day": Fraction(365, 12), "week": Fraction(52, 12), "month": Fraction(1), "year": Fraction(1, 12)}
STATES = ("trialing", "active", "past_due", "unpaid", "paused", "incomplete", "canceled", "incomplete_expired")
LIVE = ("trialing", "active", "past_due", "unpaid", "paused")
PAYING = ("active", "past_due")
_NEVER_BEGUN = ("incomplete", "incomplete_expired")


def monthly(rate: Rate, quantity: int = 1, reduction: Reduction | None = None) -> Fraction:
    """Return what a rate comes to per month, in exact minor units. A discount never makes it less than nothing."""
    charge = Fraction(rate.amount * quantity)
    if reduction is not None and reduction.percent_off is not None:
        charge *= 1 - Fraction(reduction.percent_off) / 100
    if reduction is not None and reduction.amount_off is not None:
        charge -= reduction.amount_off
    return max(charge, Fraction(0)) * _IN_A_MONTH[rate.interval] / rate.interval_count


def state_before(held: Held, instant: datetime, now: datetime) -> str | None:
    """Return the state just before an instant; None when the subscription had not begun.

    From `now` on it is what the row says. Earlier, rows tell when a trial, a delay of payment and the end came; what was
    neither is active.
    """
    if instant >= now:
        return held.status
    if held.started_at >= instant:
        return None
    if held.status in _NEVER_BEGUN:
        return held.status
    if held.ended_at is not None and held.ended_at < instant:
        return "canceled"
    if held.trial_end is not None and held.trial_end >= instant:
        return "trialing"
    if held.status == "past_due" and held.past_due_since is not None and held.past_due_since < instant:
        return "past_due"
    return "active"


def value_before(held: Held, instant: datetime) -> Fraction:
    """Return what a subscription comes to per month just before an instant, whatever its state."""
    reduction = held.reduction
    if reduction is not None and reduction.ends_at is not None and reduction.ends_at < instant:
        reduction = None
    return monthly(rate_before(held, instant), held.quantity, reduction)


def rate_before(held: Held, instant: datetime) -> Rate:
    """Return the rate just before an instant: that of the first change still to come, else the one of today."""
    return next((rate for at, rate in sorted(held.changes, key=lambda one: one[0]) if at >= instant), held.rate)


def count_states(held: Iterable[Held], instant: datetime, now: datetime) -> Mapping[str, int]:
    """Return how many subscriptions were in each state just before an instant."""
    counted = Counter(state_before(one, instant, now) for one in held)
    return {state: counted[state] for state in STATES}


def recurring(held: Iterable[Held], instant: datetime, now: datetime) -> tuple[Recurring, ...]:
    """Return recurring revenue by currency just before an instant, those with the most subscriptions first."""
    sums: dict[str, dict[str, Fraction]] = {}
    how_many: Counter[str] = Counter()
    for one in held:
        state = state_before(one, instant, now)
        if state in ("active", "trialing", "past_due"):
            value, currency = value_before(one, instant), rate_before(one, instant).currency
            of_currency = sums.setdefault(currency, dict.fromkeys(("active", "trialing", "past_due"), Fraction(0)))
            of_currency[state] += value
            how_many[currency] += bool(value)
    order = sorted(sums, key=lambda currency: (-how_many[currency], currency))
    return tuple(Recurring(currency, **sums[currency]) for currency in order if any(sums[currency].values()))


def moves(held: Iterable[Held], period: Period, now: datetime) -> list[Move]:
    """Return what each account pays for each product per month at both ends of a period, where it pays at either.

    What is overdue has not left yet, so it counts. A subscription that replaces another one of the same product moves
    nothing by that alone.
    """
    grouped: dict[tuple[int, int, str], list[Held]] = {}
    for one in held:
        for currency in {rate_before(one, at).currency for at in (period.start, period.end)}:
            grouped.setdefault((one.account_id, one.product_id, currency), []).append(one)
    found = []
    for (account, product, currency), group in grouped.items():
        before, after = (_paid(group, currency, at, now) for at in (period.start, period.end))
        if before or after:
            found.append(Move(account, product, currency, before, after, tuple(sorted(one.id for one in group))))
    return found


def churn(found: Sequence[Move], period: Period) -> Churn:
    """Return who left in a period, and how recurring revenue moved."""
    before = {move.account_id for move in found if move.before}
    after = {move.account_id for move in found if move.after}
    currencies = Counter(move.currency for move in found)
    flows = tuple(
        _flow(currency, [move for move in found if move.currency == currency])
        for currency in sorted(currencies, key=lambda currency: (-currencies[currency], currency))
    )
    return Churn(period, len(before), len(before - after), flows)


def fate(held: Held, now: datetime) -> TrialFate:
    """Return what became of a trial: money came, the subscription ended without any, or neither has happened yet."""
    if held.status == "trialing" and held.ended_at is None:
        return "running"
    if held.has_paid:
        return "converted"
    return "lost" if held.ended_at is not None and held.ended_at <= now else "undecided"


def trials(held: Iterable[Held], period: Period, now: datetime) -> Trials:
    """Return the trials of a period. One that is cut short ended when the subscription did."""
    tried = [one for one in held if one.trial_end is not None and one.status not in _NEVER_BEGUN]
    ended = Counter(fate(one, now) for one in tried if _trial_over(one) in period)
    return Trials(
        running=sum(fate(one, now) == "running" for one in tried),
        started=sum(one.started_at in period for one in tried),
        converted=ended["converted"],
        lost=ended["lost"],
        undecided=ended["undecided"],
    )


def taken(entries: Iterable[Entry], open_by_currency: Mapping[str, tuple[int, int]]) -> tuple[Taken, ...]:
    """Return what came in and went back by currency; `open_by_currency` is what is billed and unpaid, and how often."""
    sums: dict[str, Counter[str]] = {currency: Counter() for currency in open_by_currency}
    for one in entries:
        of_currency = sums.setdefault(one.currency, Counter())
        went_back = one.kind == "refund"
        of_currency["refunded" if went_back else "received"] += abs(one.amount)
        of_currency["refunds" if went_back else "payments"] += 1
    found = []
    for currency, counted in sums.items():
        due, invoices = open_by_currency.get(currency, (0, 0))
        found.append(Taken(currency, **counted, open=due, open_invoices=invoices))
    return tuple(sorted(found, key=lambda one: (-one.payments, one.currency)))


def _paid(group: Iterable[Held], currency: str, instant: datetime, now: datetime) -> Fraction:
    paying = (
        value_before(one, instant)
        for one in group
        if state_before(one, instant, now) in PAYING and rate_before(one, instant).currency == currency
    )
    return sum(paying, Fraction(0))


def _flow(currency: str, found: Sequence[Move]) -> Flow:
    moved = {kind: [move for move in found if move.kind == kind] for kind in ("new", "more", "less", "lost")}
    return Flow(
        currency=currency,
        before=sum((move.before for move in found), Fraction(0)),
        new=sum((move.after for move in moved["new"]), Fraction(0)),
        more=sum((move.after - move.before for move in moved["more"]), Fraction(0)),
        less=sum((move.before - move.after for move in moved["less"]), Fraction(0)),
        lost=sum((move.before for move in moved["lost"]), Fraction(0)),
        after=sum((move.after for move in found), Fraction(0)),
    )


def _trial_over(held: Held) -> datetime:
    assert held.trial_end is not None  # asked of trials alone
    return min(held.trial_end, held.ended_at) if held.ended_at is not None else held.trial_end
