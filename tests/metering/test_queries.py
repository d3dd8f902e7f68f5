"""Usage of a period is exact, also where the period cuts an hour in two."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from portal.db import SYSTEM, Scope, transaction
from portal.kit.clock import ManualClock
from portal.kit.periods import Period
from portal.metering import queries
from tests.factories import make_api, make_organisation, make_plan, make_subscription
from tests.metering.conftest import Customer, Post, make_customer, roll_up, rows
from tests.metering.kong import of

pytestmark = pytest.mark.usefixtures("prepared")


def test_two_neighbouring_periods_share_no_call(post: Post, cleo: Customer, clock: ManualClock) -> None:
    border = datetime(2026, 3, 5, 13, 27, 9, tzinfo=UTC)
    offsets = (-7200, -60, -0.001, 0, 0.001, 60, 7200)
    post([of(cleo.subscription.id, border + timedelta(seconds=seconds)) for seconds in offsets])
    roll_up()
    before = queries.usage_of_period(cleo.account.id, None, Period(border - timedelta(days=2), border))
    after = queries.usage_of_period(cleo.account.id, cleo.subscription.id, Period(border, border + timedelta(days=2)))
    assert (before.calls, after.calls) == (3, 4)


@pytest.mark.parametrize("seed", range(3))
def test_a_sum_of_any_period_equals_the_log_and_its_bars(
    post: Post, cleo: Customer, clock: ManualClock, seed: int
) -> None:
    chance = random.Random(seed)
    post(
        [
            of(
                cleo.subscription.id,
                clock.now() - timedelta(seconds=chance.randint(0, 86_400 * 20)),
                status=chance.choice([200, 404, 503]),
                **{"latencies.request": chance.randint(0, 2000)},
            )
            for _ in range(400)
        ]
    )
    roll_up()
    for _ in range(10):
        start = clock.now() - timedelta(seconds=chance.randint(1, 86_400 * 20))
        period = Period(start, start + timedelta(seconds=chance.randint(1, 86_400 * 10)))
        found = queries.usage_of_period(cleo.account.id, None, period)
        assert [(found.calls, found.billable_calls, found.errors, found.latency_ms_sum)] == rows(
            "SELECT count(*), count(*) FILTER (WHERE billable), count(*) FILTER (WHERE status >= 400),"
            " coalesce(sum(latency_ms), 0)::bigint FROM api_requests_log WHERE started_at >= :a AND started_at < :b",
            a=period.start,
            b=period.end,
        )
        bars = queries.calls_by_bucket(cleo.account.id, period, step=chance.choice(["hour", "day"]))
        assert sum(bar.usage.calls for bar in bars) == found.calls
        assert sum(queries.latency_histogram(cleo.account.id, period).values()) == found.calls


def test_days_are_those_of_the_readers_zone(post: Post, cleo: Customer, clock: ManualClock) -> None:
    late = datetime(2026, 3, 8, 23, 30, tzinfo=UTC)
    post(of(cleo.subscription.id, late))
    roll_up()
    period = Period(late - timedelta(days=2), late + timedelta(days=1))

    def days(zone: str) -> list[datetime]:
        return [bar.start for bar in queries.calls_by_bucket(cleo.account.id, period, step="day", zone=zone)]

    assert days("UTC") == [datetime(2026, 3, 8, tzinfo=UTC)]
    assert days("Europe/Berlin") == [datetime(2026, 3, 8, 23, tzinfo=UTC)]


def test_the_first_call_is_known_before_any_sum_is(post: Post, cleo: Customer, clock: ManualClock) -> None:
    assert queries.find_first_call(cleo.subscription.id) is None
    assert queries.list_called([cleo.subscription.id]) == set()
    post(of(cleo.subscription.id, clock.now()))
    post(of(cleo.subscription.id, clock.now() - timedelta(minutes=5), status=403))
    first = queries.find_first_call(cleo.subscription.id)
    assert first is not None
    assert first.at == clock.now() - timedelta(minutes=5)
    assert queries.list_called([cleo.subscription.id, 10**12]) == {cleo.subscription.id}


def test_each_subscription_is_summed_over_a_period_of_its_own(post: Post, cleo: Customer, clock: ManualClock) -> None:
    """As one by one: periods that begin at any second, of a minute, of hours, of days and of none with calls."""
    plan, price = make_plan(make_api(make_organisation("Dan's works"), "Tides"))
    other = make_subscription(cleo.account, plan, price, clock.now())
    last = clock.now() - timedelta(seconds=2)
    for held in (cleo.subscription, other):
        post([of(held.id, last - timedelta(minutes=7 * n)) for n in range(400 if held is other else 300)])
    roll_up()
    for length in (timedelta(seconds=50), timedelta(hours=5, seconds=7), timedelta(days=1, hours=3), timedelta(days=9)):
        periods = {
            cleo.subscription.id: Period(last - length, last + timedelta(seconds=1)),
            other.id: Period(last - 2 * length, last - length),
            10**12: Period(last - length, last),
        }
        found = queries.usage_of_periods(cleo.account.id, periods)
        assert found == {one: queries.usage_of_period(cleo.account.id, one, period) for one, period in periods.items()}
        assert found[cleo.subscription.id].calls > 0


def test_another_tenants_usage_is_not_there_to_be_read(post: Post, clock: ManualClock) -> None:
    cleo, dan = make_customer(clock, "Cleo"), make_customer(clock, "Dan")
    post([of(cleo.subscription.id, clock.now())])
    roll_up()
    day = Period(clock.now() - timedelta(days=1), clock.now() + timedelta(days=1))
    with transaction(Scope(organisation_id=dan.organisation.id, account_id=dan.account.id)):
        assert queries.usage_of_period(cleo.account.id, cleo.subscription.id, day).calls == 0
        assert queries.usage_of_periods(cleo.account.id, {cleo.subscription.id: day})[cleo.subscription.id].calls == 0
        assert queries.find_first_call(cleo.subscription.id) is None
        assert queries.list_called([cleo.subscription.id]) == set()


def test_sums_say_up_to_when_they_are_complete(post: Post, cleo: Customer, clock: ManualClock) -> None:
    assert queries.data_until(cleo.account.id, clock.now()) == clock.now()
    post(of(cleo.subscription.id, clock.now()))
    with transaction(SYSTEM) as session:
        from sqlalchemy import text

        session.execute(
            text("UPDATE usage_dirty_hours SET dirty_since = :then"), {"then": clock.now() - timedelta(minutes=3)}
        )
    assert queries.data_until(cleo.account.id, clock.now()) == clock.now() - timedelta(minutes=3)
    roll_up()
    assert queries.data_until(cleo.account.id, clock.now()) == clock.now()
