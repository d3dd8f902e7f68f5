"""An API's day = the daily rows of everybody who called it, exactly, or it is known to be dirty. Always, not in the end."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from jobs import drain
from portal.catalog.models import Api
from portal.db import PUBLIC, SYSTEM, db, in_transaction, scoped, transaction
from portal.kit.clock import ManualClock
from portal.kit.periods import Period
from portal.metering.api_rollups import recompute_dirty_api_days
from portal.metering.queries import api_days
from portal.metering.rollups import mark_dirty, recompute_dirty
from portal.metering.types import ApiDay
from portal.subscriptions.models import Subscription
from tests.factories import make_account, make_api, make_organisation, make_plan, make_subscription
from tests.metering.conftest import Customer, Post, make_customer, roll_up, rows
from tests.metering.kong import of, refused

pytestmark = pytest.mark.usefixtures("prepared")

Days = dict[tuple[int, datetime], ApiDay]


def expected() -> Days:
    """Add the daily rows up in Python, the dullest way there is."""
    asked: Counter[tuple[int, datetime]] = Counter()
    failed: Counter[tuple[int, datetime]] = Counter()
    callers: defaultdict[tuple[int, datetime], set[int]] = defaultdict(set)
    histograms: defaultdict[tuple[int, datetime], Counter[int]] = defaultdict(Counter)
    for api, day, subscription, calls, failures, buckets, counts in rows(
        "SELECT api_id, day, subscription_id, asked_calls, failed_calls, latency_buckets, asked_counts"
        " FROM usage_records_daily"
    ):
        asked[api, day] += calls
        failed[api, day] += failures
        callers[api, day].add(subscription)
        histograms[api, day].update(dict(zip(buckets, counts, strict=True)))
    return {
        key: ApiDay(key[1], asked[key], failed[key], len(who), tuple(sorted((+histograms[key]).items())))
        for key, who in callers.items()
    }


def stored() -> Days:
    found: Days = {}
    for (api,) in rows("SELECT DISTINCT api_id FROM usage_records_api_daily"):
        with scoped(SYSTEM):
            days = api_days(
                api, Period(datetime.fromisoformat("2020-01-01T00:00Z"), datetime.fromisoformat("2030-01-01T00:00Z"))
            )
        found |= {(api, each.day): each for each in days}
    return found


def dirty() -> set[tuple[Any, ...]]:
    return set(rows("SELECT api_id, day FROM usage_dirty_api_days"))


def assert_exact_or_dirty() -> None:
    """Every difference between the levels is known: before, between and after the steps of a worker."""
    true, kept = expected(), stored()
    assert {key for key in true | kept if true.get(key) != kept.get(key)} <= dirty()


def assert_exact() -> None:
    assert dirty() == set()
    assert stored() == expected()


def sum_up(limit: int = 100) -> int:
    return in_transaction(lambda _session: recompute_dirty_api_days(limit), scope=SYSTEM)


@pytest.fixture
def dan(cleo: Customer, clock: ManualClock) -> Subscription:
    """Dan's subscription to the API that Cleo uses."""
    plan, price = make_plan(cleo.api, "other")
    return make_subscription(make_account(make_organisation("Dan's workshop")), plan, price, clock.now())


def test_a_day_of_an_api_is_everybody_s(post: Post, cleo: Customer, dan: Subscription, clock: ManualClock) -> None:
    at = clock.now()
    post([of(cleo.subscription.id, at), of(cleo.subscription.id, at, status=503), of(dan.id, at - timedelta(hours=2))])
    post(refused(at, 429, consumer={"custom_id": str(dan.id)}, **{"latencies.request": 1}))
    roll_up()
    midnight = at.replace(hour=0)
    assert stored() == {(cleo.api.id, midnight): ApiDay(midnight, 3, 1, 2, ((41, 3),))}
    assert_exact()


def test_refusals_alone_are_a_day_without_a_histogram(post: Post, cleo: Customer, clock: ManualClock) -> None:
    post(refused(clock.now(), 429, consumer={"custom_id": str(cleo.subscription.id)}))
    roll_up()
    assert [(day.asked, day.subscriptions, day.histogram) for day in stored().values()] == [(0, 1, ())]
    assert_exact()


def test_a_late_call_makes_its_day_dirty_and_no_other(post: Post, cleo: Customer, clock: ManualClock) -> None:
    late = clock.now() - timedelta(days=40)
    post([of(cleo.subscription.id, clock.now()), of(cleo.subscription.id, late)])
    roll_up()
    entry = of(cleo.subscription.id, late)
    post(entry)
    in_transaction(lambda _session: recompute_dirty(), scope=SYSTEM)
    assert dirty() == {(cleo.api.id, late.replace(hour=0))}
    assert sum_up() == 1
    post(entry)  # a repeat changes nothing
    in_transaction(lambda _session: recompute_dirty(), scope=SYSTEM)
    assert_exact()


class Crash(Exception):
    """The worker is killed here."""


@pytest.mark.parametrize("seed", range(4))
def test_every_difference_is_known_whatever_arrives_and_wherever_the_worker_dies(
    post: Post, cleo: Customer, dan: Subscription, clock: ManualClock, seed: int
) -> None:
    chance = random.Random(seed)
    whose = [cleo.subscription.id, dan.id, make_customer(clock, "Eve").subscription.id]
    calls = [_random_call(chance, chance.choice(whose), clock) for _ in range(300)]
    sent = calls + [chance.choice(calls) for _ in range(30)]
    chance.shuffle(sent)
    while sent:
        batch, sent = sent[: (size := chance.randint(1, 60))], sent[size:]
        post(batch)
        for step in chance.sample([recompute_dirty, recompute_dirty_api_days, recompute_dirty], 2):
            _do_or_crash(chance, lambda step=step: step(chance.choice([1, 7, 500])))
            assert_exact_or_dirty()
    roll_up()
    assert_exact()
    assert sum(day.asked for day in stored().values()) == len(
        rows("SELECT 1 FROM api_requests_log WHERE source = 'upstream'")
    )


def _random_call(chance: random.Random, subscription_id: int, clock: ManualClock) -> dict[str, Any]:
    age = timedelta(days=chance.randint(2, 60)) if chance.random() < 0.1 else timedelta(hours=chance.randint(0, 30))
    at = clock.now() - age - timedelta(milliseconds=chance.randint(0, 3_600_000))
    if chance.random() < 0.2:
        return refused(at, 429, consumer={"custom_id": str(subscription_id)})
    latency = {"latencies.request": int(chance.lognormvariate(4, 1))}
    return of(subscription_id, at, status=chance.choice([200, 200, 404, 500]), **latency)


def _do_or_crash(chance: random.Random, step: Any) -> None:
    crashes = chance.random() < 0.35
    try:
        with transaction(SYSTEM):
            step()
            if crashes:
                raise Crash
    except Crash:
        pass


def test_a_day_that_lost_its_rows_has_no_sum(post: Post, cleo: Customer, dan: Subscription, clock: ManualClock) -> None:
    post([of(cleo.subscription.id, clock.now()), of(dan.id, clock.now() - timedelta(days=3))])
    roll_up()
    with transaction(SYSTEM) as session:
        session.execute(text("DELETE FROM usage_records_daily WHERE subscription_id = :id"), {"id": dan.id})
    assert_exact_or_dirty()
    roll_up()
    assert_exact()
    assert len(stored()) == 1


def test_rows_that_are_changed_by_hand_mark_both_apis(post: Post, cleo: Customer, clock: ManualClock) -> None:
    post(of(cleo.subscription.id, clock.now()))
    roll_up()
    other = make_api(make_organisation(), "Other")
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE usage_records_daily SET api_id = :api"), {"api": other.id})
    assert {api for api, _day in dirty()} == {cleo.api.id, other.id}
    roll_up()
    assert_exact()


def test_a_day_whose_api_changes_leaves_no_sum_behind(post: Post, cleo: Customer, clock: ManualClock) -> None:
    """The product is sold through another API from ten o'clock on; a daily row names the later one."""
    nine = clock.now()
    post(of(cleo.subscription.id, nine))
    roll_up()
    successor = make_api(make_organisation(), "Successor")
    with transaction(SYSTEM) as session:
        session.get_one(Api, cleo.api.id).product_id = None
        session.flush()
        session.get_one(Api, successor.id).product_id = cleo.subscription.product_id
    clock.advance(timedelta(hours=1))
    post(of(cleo.subscription.id, clock.now()))
    roll_up()
    assert [(api, day.asked) for (api, _day), day in stored().items()] == [(successor.id, 2)]
    assert_exact()


def test_a_subscription_that_is_deleted_keeps_its_calls(
    post: Post, cleo: Customer, dan: Subscription, clock: ManualClock
) -> None:
    post([of(cleo.subscription.id, clock.now()), of(dan.id, clock.now())])
    with transaction(SYSTEM) as session:
        session.execute(text("DELETE FROM subscriptions WHERE id = :id"), {"id": dan.id})
    roll_up()
    assert [(day.asked, day.subscriptions) for day in stored().values()] == [(2, 2)]
    assert_exact()


def test_a_day_that_changes_while_it_is_summed_stays_dirty(
    app: Flask, post: Post, cleo: Customer, clock: ManualClock
) -> None:
    post(of(cleo.subscription.id, clock.now()))
    in_transaction(lambda _session: recompute_dirty(), scope=SYSTEM)
    sum_up()
    post(of(cleo.subscription.id, clock.now()))
    in_transaction(lambda _session: recompute_dirty(), scope=SYSTEM)

    def elsewhere() -> None:
        with app.app_context():
            sum_up()

    worker = threading.Thread(target=elsewhere)
    with db.engine.connect() as other, other.begin():
        other.execute(text("SELECT FROM usage_records_api_daily FOR UPDATE"))
        worker.start()
        _wait_until_somebody_waits()  # the day's generation has been read, its sum not yet been replaced
        other.execute(text("DELETE FROM usage_records_daily"))
    worker.join()
    assert len(dirty()) == 1
    sum_up()
    assert_exact()
    assert stored() == {}


def _wait_until_somebody_waits() -> None:
    blocked = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _attempt in range(200):
        with db.engine.connect() as watching:
            if watching.execute(blocked).scalar_one():
                return
        time.sleep(0.02)
    raise AssertionError("nobody waited")


def test_neither_level_is_summed_while_another_worker_sums(post: Post, cleo: Customer, clock: ManualClock) -> None:
    post(of(cleo.subscription.id, clock.now()))
    in_transaction(lambda _session: recompute_dirty(), scope=SYSTEM)
    with db.engine.connect() as other, other.begin():
        other.execute(text("SELECT pg_advisory_xact_lock(hashtext('usage rollups'))"))
        assert sum_up() == 0
    assert sum_up() == 1


def test_the_longest_waiting_days_come_first(post: Post, cleo: Customer, clock: ManualClock) -> None:
    post([of(cleo.subscription.id, clock.now() - timedelta(days=n)) for n in range(3)])
    in_transaction(lambda _session: recompute_dirty(), scope=SYSTEM)
    oldest = clock.now().replace(hour=0) - timedelta(days=1)
    with transaction(SYSTEM) as session:
        sooner = "UPDATE usage_dirty_api_days SET dirty_since = dirty_since - interval '1 s' WHERE day = :day"
        session.execute(text(sooner), {"day": oldest})
    assert sum_up(1) == 1
    assert [day for _api, day in stored()] == [oldest]


def test_changes_gather_for_ten_seconds_and_then_wait_for_nothing(
    post: Post, cleo: Customer, dan: Subscription, clock: ManualClock
) -> None:
    post(of(cleo.subscription.id, clock.now()))
    assert drain.rollups() == 1
    post(of(dan.id, clock.now()))
    assert drain.rollups() == 1
    assert stored() == {}
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE usage_dirty_api_days SET dirty_since = dirty_since - interval '10 s'"))
    post(of(cleo.subscription.id, clock.now()))
    assert drain.rollups() == 2  # an hour, whose day was dirty before it, and the day
    assert_exact()


def test_summing_days_again_by_hand_mends_the_sums_of_apis(
    app: Flask, post: Post, cleo: Customer, clock: ManualClock
) -> None:
    post([of(cleo.subscription.id, clock.now()), of(cleo.subscription.id, clock.now() - timedelta(days=1))])
    roll_up()
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE usage_records_api_daily SET asked_calls = 99, subscriptions = 7"))
        orphaned = "UPDATE usage_records_api_daily SET api_id = api_id + 1 WHERE day < :today"
        session.execute(text(orphaned), {"today": clock.now().replace(hour=0)})
    done = app.test_cli_runner().invoke(args=["usage", "recompute", "--from", "2026-03-09", "--to", "2026-03-10"])
    assert done.output == "2 hours marked, 2 summed again\n"
    assert_exact()


def test_marking_an_hour_marks_the_api_days_that_hold_it(post: Post, cleo: Customer, clock: ManualClock) -> None:
    post([of(cleo.subscription.id, clock.now()), of(cleo.subscription.id, clock.now() - timedelta(days=1))])
    roll_up()
    in_transaction(lambda _session: mark_dirty(Period(clock.now(), clock.now() + timedelta(hours=1))), scope=SYSTEM)
    assert dirty() == {(cleo.api.id, clock.now().replace(hour=0))}


@pytest.mark.parametrize("table", ["usage_records_api_daily", "usage_dirty_api_days"])
def test_requests_cannot_read_the_sums_of_everybody(cleo: Customer, table: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), scoped(PUBLIC) as session:
        session.execute(text(f"SELECT FROM {table}"))
