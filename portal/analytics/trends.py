"""How the figures went over twelve months: one reading of the rows, twelve ends of months and now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.analytics import rules
from portal.analytics.types import Entry, Held
from portal.kit.money import round_half_up
from portal.kit.periods import Period, add_intervals, month_of

MONTHS = 12


@dataclass(frozen=True, slots=True)
class Month:
    """A UTC calendar month of one currency, in minor units: recurring revenue at its end, money within it."""

    period: Period
    recurring: int
    overdue: int
    paying: int
    received: int
    refunded: int


def months_to(now: datetime) -> list[Period]:
    """Return the last twelve months, the running one up to now included, oldest first."""
    this = month_of(now).start
    starts = [add_intervals(this, "month", n - MONTHS + 1) for n in range(MONTHS)]
    ends = [*starts[1:], max(now, this + timedelta(microseconds=1))]  # a period is never empty
    return [Period(start, end) for start, end in zip(starts, ends, strict=True)]


def trend(held: Sequence[Held], entries: Iterable[Entry], currency: str, now: datetime) -> list[Month]:
    """Return each month of one currency."""
    money = [one for one in entries if one.currency == currency]
    return [_month(period, held, money, currency, now) for period in months_to(now)]


def _month(period: Period, held: Sequence[Held], money: Sequence[Entry], currency: str, now: datetime) -> Month:
    at = period.end
    found = next((one for one in rules.recurring(held, at, now) if one.currency == currency), None)
    within = [one for one in money if one.at in period]
    return Month(
        period=period,
        recurring=round_half_up(found.active) if found else 0,
        overdue=round_half_up(found.past_due) if found else 0,
        paying=sum(
            rules.state_before(one, at, now) in rules.PAYING and bool(rules.value_before(one, at)) for one in held
        ),
        received=sum(one.amount for one in within if one.kind != "refund"),
        refunded=-sum(one.amount for one in within if one.kind == "refund"),
    )
