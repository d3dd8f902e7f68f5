"""Anchored periods: the worked tables, every anchor day over years, and no instant without exactly one period."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kit.periods import Period, add_intervals, month_of, period_containing
from tests.worked_tables import instant, worked_rows

MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(("case", "anchor", "interval", "boundaries"), worked_rows("periods.md", "Boundaries"))
def test_boundaries(case: str, anchor: str, interval: list[Any], boundaries: list[str]) -> None:
    unit, count = interval
    found = [add_intervals(instant(anchor), unit, count * n) for n in range(1, len(boundaries) + 1)]
    assert found == [instant(text) for text in boundaries]


@pytest.mark.parametrize(
    ("case", "anchor", "interval", "at", "period"), worked_rows("periods.md", "Which period holds an instant")
)
def test_periods(case: str, anchor: str, interval: list[Any], at: str, period: list[str]) -> None:
    assert period_containing(instant(anchor), instant(at), *interval) == Period(instant(period[0]), instant(period[1]))


@pytest.mark.parametrize("day", range(1, 32))
@pytest.mark.parametrize("zone", ["UTC", "Europe/Helsinki", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu"])
def test_ten_years_of_every_anchor_day_have_no_gap_and_keep_the_day(day: int, zone: str) -> None:
    """The oracle counts months by itself: the anchor's day, or the last day of a month that has no such day."""
    anchor = datetime(2024, 1, day, 13, 45, 59, 123456, tzinfo=ZoneInfo(zone))
    utc = anchor.astimezone(UTC)
    boundaries = [add_intervals(anchor, "month", n) for n in range(121)]
    for n, boundary in enumerate(boundaries):
        year, month = 2024 + (utc.month - 1 + n) // 12, (utc.month - 1 + n) % 12 + 1
        assert (boundary.year, boundary.month) == (year, month)
        assert boundary.day == min(utc.day, calendar.monthrange(year, month)[1])
        assert boundary.time() == utc.time()
        assert boundary.tzinfo == UTC
    for start, end in pairwise(boundaries):
        assert period_containing(anchor, start, "month") == Period(start, end)
        assert period_containing(anchor, end - MOMENT, "month") == Period(start, end)


instants = st.integers(0, 100 * 366 * 86_400 * 1_000_000).map(
    lambda ticks: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=ticks)
)


@given(instants, instants, st.sampled_from(["day", "week", "month", "year"]), st.integers(1, 36))
def test_every_instant_is_in_exactly_one_period(anchor: datetime, at: datetime, interval: Any, count: int) -> None:
    found = period_containing(anchor, at, interval, count)
    assert at in found
    following = period_containing(anchor, found.end, interval, count)
    assert following.start == found.end
    assert period_containing(anchor, found.start - MOMENT, interval, count).end == found.start
    assert at not in following


def test_a_calendar_month_starts_at_midnight_utc() -> None:
    assert month_of(datetime(2026, 3, 1, 0, 30, tzinfo=ZoneInfo("Europe/Helsinki"))) == Period(
        datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    )


def test_what_is_no_period_is_refused() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="ends after"):
        Period(now, now)
    with pytest.raises(ValueError, match="no instant"):
        Period(now.replace(tzinfo=None), now)
    with pytest.raises(ValueError, match="at least one"):
        period_containing(now, now, "month", 0)
