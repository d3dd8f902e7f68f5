"""The span of time a person looks at, cut into bars. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portal.kit.periods import Period, month_of

RangeName = Literal["day", "week", "month", "period"]
RANGES: tuple[RangeName, ...] = ("day", "week", "month", "period")
Step = Literal["hour", "day"]

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_SHORT = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Span:
    """`period` reaches to the end of the running bar; `starts` are the first instants of the bars."""

    name: RangeName
    period: Period
    step: Step
    zone: str
    starts: tuple[datetime, ...]
    is_running: bool = True


def span_of(name: RangeName, now: datetime, zone: str, billing: Period | None) -> Span:
    """Return the span that `name` means at `now`: 24 hours, 7 days, 30 days, or the billing period so far.

    Days are those of `zone`. Without a billing period ("all subscriptions") the calendar month in UTC stands in.
    """
    if name == "day":
        return _cut(name, _floor(now, "hour", zone) - 23 * _HOUR, now, "hour", zone)
    if name in ("week", "month"):
        days = 7 if name == "week" else 30
        return _cut(name, _days_before(_floor(now, "day", zone), days - 1, zone), now, "day", zone)
    period = billing or month_of(now)
    over = now >= period.end
    until = period.end if over else max(now, period.start)
    step: Step = "hour" if until - period.start < _SHORT else "day"
    return _cut(name, period.start, until, step, zone, is_running=not over)


def whole_hour_zone(name: str | None, around: datetime) -> str | None:
    """Return the zone when its days begin on whole UTC hours all year, else None: hourly sums cannot be cut in two."""
    try:
        zone = ZoneInfo(name or "")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    offsets = [(around + timedelta(days=n)).astimezone(zone).utcoffset() for n in (0, -90, -180, -270)]
    whole = all(offset is not None and offset % _HOUR == timedelta(0) for offset in offsets)
    return name if whole and name != "UTC" else None


def _cut(name: RangeName, start: datetime, until: datetime, step: Step, zone: str, *, is_running: bool = True) -> Span:
    starts: list[datetime] = []
    at = _floor(start, step, zone)
    while at < until or not starts or (is_running and at == until):  # a call of this very instant needs a bar
        starts.append(at)
        at = _next(at, step, zone)
    return Span(name, Period(start, at if is_running else until), step, zone, tuple(starts), is_running)


def _floor(at: datetime, step: Step, zone: str) -> datetime:
    local = at.astimezone(ZoneInfo(zone)).replace(minute=0, second=0, microsecond=0)
    return (local if step == "hour" else local.replace(hour=0)).astimezone(UTC)


def _next(at: datetime, step: Step, zone: str) -> datetime:
    """Return the next bar's start; a local day may have 23 or 25 hours."""
    if step == "hour":
        return at + _HOUR
    return _floor(at + _DAY + 3 * _HOUR, "day", zone)


def _days_before(midnight: datetime, days: int, zone: str) -> datetime:
    return _floor(midnight - days * _DAY + 3 * _HOUR, "day", zone)
