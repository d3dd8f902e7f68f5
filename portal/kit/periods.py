"""Half-open billing periods `[start, end)` anchored to a day of the month."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from portal.kit.clock import as_utc

Interval = Literal["day", "week", "month", "year"]


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time that holds its start and not its end, so neighbours never share an instant."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if not as_utc(self.start) < as_utc(self.end):
            raise ValueError("a period ends after it starts")

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end


def add_intervals(anchor: datetime, interval: Interval, count: int) -> datetime:
    """Return the n-th boundary counted from `anchor`.

    Month and year boundaries keep the anchor's day and fall back to the month's last day when it is
    shorter (31 Jan, 28 Feb, 31 Mar): always computed from the anchor, never from the previous boundary,
    which is how Stripe keeps an anchor of the 31st. Boundaries are UTC whatever zone the anchor is written in.
    """
    anchor = as_utc(anchor)
    if interval == "day":
        return anchor + timedelta(days=count)
    if interval == "week":
        return anchor + timedelta(weeks=count)
    months = count * (12 if interval == "year" else 1)
    month_index = anchor.year * 12 + (anchor.month - 1) + months
    year, month = divmod(month_index, 12)
    day = min(anchor.day, calendar.monthrange(year, month + 1)[1])
    return anchor.replace(year=year, month=month + 1, day=day)


def period_containing(anchor: datetime, instant: datetime, interval: Interval, interval_count: int = 1) -> Period:
    """Return the anchored period that holds `instant`; instants before the anchor get earlier periods.

    Raises ValueError for an interval count below one.
    """
    if interval_count < 1:
        raise ValueError("a period lasts at least one interval")
    anchor, instant = as_utc(anchor), as_utc(instant)
    days = {"day": 1.0, "week": 7.0, "month": 30.44, "year": 365.25}[interval] * interval_count
    n = int((instant - anchor).total_seconds() // (days * 86_400))
    while add_intervals(anchor, interval, n * interval_count) > instant:
        n -= 1
    while add_intervals(anchor, interval, (n + 1) * interval_count) <= instant:
        n += 1
    return Period(
        add_intervals(anchor, interval, n * interval_count),
        add_intervals(anchor, interval, (n + 1) * interval_count),
    )


def day_of(instant: datetime) -> Period:
    """Return the UTC calendar day that contains an instant."""
    start = as_utc(instant).replace(hour=0, minute=0, second=0, microsecond=0)
    return Period(start, start + timedelta(days=1))


def month_of(instant: datetime) -> Period:
    """Return the UTC calendar month that holds `instant`."""
    start = as_utc(instant).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Period(start, add_intervals(start, "month", 1))
