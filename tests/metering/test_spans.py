"""Ranges and their bars: no gap, no overlap, local days of 23 and 25 hours."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from portal.kit.periods import Period
from portal.metering.spans import RANGES, RangeName, span_of, whole_hour_zone

NOW = datetime(2026, 3, 10, 9, 41, 7, tzinfo=UTC)
BILLING = Period(datetime(2026, 2, 20, 13, 27, 9, tzinfo=UTC), datetime(2026, 3, 20, 13, 27, 9, tzinfo=UTC))


def test_twenty_four_hours_end_with_the_running_one() -> None:
    span = span_of("day", NOW, "UTC", BILLING)
    assert (len(span.starts), span.step) == (24, "hour")
    assert span.period == Period(datetime(2026, 3, 9, 10, tzinfo=UTC), datetime(2026, 3, 10, 10, tzinfo=UTC))


def test_a_week_and_a_month_end_with_today() -> None:
    assert [len(span_of(name, NOW, "UTC", None).starts) for name in ("week", "month")] == [7, 30]
    assert span_of("week", NOW, "UTC", None).starts[-1] == datetime(2026, 3, 10, tzinfo=UTC)


def test_a_billing_period_keeps_its_second() -> None:
    span = span_of("period", NOW, "UTC", BILLING)
    assert span.period.start == BILLING.start
    assert span.starts[0] == datetime(2026, 2, 20, tzinfo=UTC)
    assert (len(span.starts), span.is_running) == (19, True)


def test_a_period_that_is_over_ends_where_it_ended() -> None:
    span = span_of("period", BILLING.end + timedelta(days=3), "UTC", BILLING)
    assert (span.period, span.is_running) == (BILLING, False)


def test_a_young_period_is_shown_by_the_hour() -> None:
    young = Period(NOW - timedelta(minutes=20), NOW + timedelta(days=30))
    span = span_of("period", NOW, "UTC", young)
    assert (span.step, len(span.starts)) == ("hour", 1)
    assert span_of("period", young.start, "UTC", young).starts == span.starts


def test_without_a_billing_period_the_calendar_month_stands_in() -> None:
    assert span_of("period", NOW, "UTC", None).starts[0] == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland"])
@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("month", range(1, 13))
def test_bars_touch_and_begin_at_local_boundaries(name: RangeName, zone: str, month: int) -> None:
    now = NOW.replace(month=month, day=30 if month != 2 else 28, hour=23)
    span = span_of(name, now, zone, None)
    hours = {(after - before) / timedelta(hours=1) for before, after in itertools.pairwise(span.starts)}
    assert hours <= ({1.0} if span.step == "hour" else {23.0, 24.0, 25.0})
    assert span.starts[0] <= span.period.start or span.starts[0] == span.period.start
    assert span.starts[-1] <= now < span.period.end


@pytest.mark.parametrize(
    ("zone", "usable"),
    [("Europe/Berlin", True), ("America/New_York", True), ("Asia/Kolkata", False), ("Australia/Adelaide", False),
     ("UTC", False), ("", False), ("../etc/passwd", False), ("Nowhere/Land", False), (None, False)],
)  # fmt: skip
def test_only_zones_of_whole_hours_can_have_their_own_days(zone: str | None, usable: bool) -> None:
    assert (whole_hour_zone(zone, NOW) == zone) is usable or zone is None
    assert bool(whole_hour_zone(zone, NOW)) is usable
