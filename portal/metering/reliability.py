"""How well an API's provider answered: sums of days, and when there are too few calls to say. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import lru_cache

from portal.metering.availability import SMALLEST_DAY, SMALLEST_SAMPLE, availability
from portal.metering.latency import merge, percentile_ms
from portal.metering.types import ApiDay

DAYS = 90
P50, P95, P99 = Fraction(50, 100), Fraction(95, 100), Fraction(99, 100)


@dataclass(frozen=True, slots=True)
class Quality:
    """What a span of time says. Percentiles in milliseconds; None where the sample is too small to say."""

    asked: int
    failed: int
    availability: Fraction | None
    p50: int | None
    p95: int | None
    p99: int | None

    @property
    def error_rate(self) -> Fraction | None:
        """The share of asked calls that failed."""
        return None if self.availability is None else 1 - self.availability


@dataclass(frozen=True, slots=True)
class Reliability:
    """The last days, one entry for every day whether it had calls or not, and what they add up to."""

    days: tuple[tuple[datetime, Quality], ...]
    total: Quality
    subscriptions: int

    @property
    def telling(self) -> list[tuple[datetime, Quality]]:
        """The days with calls enough to draw."""
        return [(day, quality) for day, quality in self.days if quality.availability is not None]


def reliability_of(days: Sequence[ApiDay], first: datetime, count: int = DAYS) -> Reliability:
    """Return what `count` days from `first` (midnight UTC) say."""
    known = {each.day: _quality_of_day(each) for each in days}
    listed = [first + timedelta(days=n) for n in range(count)]
    return Reliability(
        tuple((day, known.get(day) or _quality((), SMALLEST_DAY)) for day in listed),
        _quality(days, SMALLEST_SAMPLE),
        max((each.subscriptions for each in days), default=0),
    )


# The next reader of a page asks for the same days again, and all but the last are over. A page is 90 of them.
@lru_cache(maxsize=2_048)
def _quality_of_day(day: ApiDay) -> Quality:
    return _quality((day,), SMALLEST_DAY)


def _quality(days: Sequence[ApiDay], smallest: int) -> Quality:
    asked, failed = sum(day.asked for day in days), sum(day.failed for day in days)
    share = availability(asked, failed, smallest=smallest)
    if share is None:
        return Quality(asked, failed, None, None, None, None)
    histogram = merge(day.histogram for day in days)
    return Quality(asked, failed, share, *(percentile_ms(histogram, part) for part in (P50, P95, P99)))
