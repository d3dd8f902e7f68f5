"""Raw = hourly = daily, exactly, whatever arrives in whatever order and wherever the worker dies."""

# ruff: noqa: S608 - table names come from these lines
from __future__ import annotations

import random
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from portal.db import SYSTEM, db, in_transaction, transaction
from portal.kit.clock import ManualClock
from portal.metering.entries import read_batch
from portal.metering.rollups import recompute_dirty
from portal.metering.service import take_in
from tests.metering.conftest import Customer, Post, make_customer, roll_up, rows
from tests.metering.kong import of

pytestmark = pytest.mark.usefixtures("prepared")

Sums = dict[tuple[int, datetime, int], tuple[int, ...]]
_COLUMNS = "calls, billable_calls, errors, latency_ms_sum, bytes_out"


def expected(unit: str) -> Sums:
    """Add the log up in Python, the dullest way there is."""
    found: defaultdict[tuple[int, datetime, int], list[int]] = defaultdict(lambda: [0] * 5)
    log = rows(
        "SELECT subscription_id, started_at, api_key_id, billable, status, latency_ms, bytes_out FROM api_requests_log"
    )
    for subscription, at, key, billable, status, latency, size in log:
        start = at.replace(minute=0, second=0, microsecond=0)
        start = start.replace(hour=0) if unit == "day" else start
        sums = found[subscription, start, key or 0]
        for n, value in enumerate((1, int(billable), int(status >= 400), latency, size)):
            sums[n] += value
    return {where: tuple(sums) for where, sums in found.items()}


def stored(unit: str) -> Sums:
    table = {"hour": "usage_records_hourly", "day": "usage_records_daily"}[unit]
    found = rows(f"SELECT subscription_id, {unit}, api_key_id, {_COLUMNS} FROM {table}")
    return {(row[0], row[1], row[2]): row[3:] for row in found}


def assert_exact() -> None:
    assert stored("hour") == expected("hour")
    assert stored("day") == expected("day")
    for table in ("usage_records_hourly", "usage_records_daily"):
        torn = rows(f"SELECT 1 FROM {table} WHERE calls <> (SELECT sum(n) FROM unnest(latency_counts) n)")
        assert torn == []


def test_an_hour_and_its_day_are_summed(post: Post, cleo: Customer, clock: ManualClock) -> None:
    at, mine = clock.now(), cleo.subscription.id
    post([of(mine, at), of(mine, at, status=404), of(mine, at - timedelta(hours=1), status=503)])
    assert roll_up() == 2
    assert rows(f"SELECT hour, {_COLUMNS} FROM usage_records_hourly ORDER BY hour") == [
        (at - timedelta(hours=1), 1, 0, 1, 42, 500),
        (at, 2, 2, 1, 84, 1000),
    ]
    assert rows(f"SELECT day, {_COLUMNS} FROM usage_records_daily") == [(at.replace(hour=0), 3, 2, 2, 126, 1500)]
    assert roll_up() == 0


def test_a_late_call_corrects_an_hour_that_was_already_summed(post: Post, cleo: Customer, clock: ManualClock) -> None:
    post(of(cleo.subscription.id, clock.now() - timedelta(days=40)))
    roll_up()
    post(of(cleo.subscription.id, clock.now() - timedelta(days=40)))
    roll_up()
    assert rows("SELECT calls FROM usage_records_hourly UNION ALL SELECT calls FROM usage_records_daily") == [
        (2,),
        (2,),
    ]


def test_an_hour_that_changes_while_it_is_summed_stays_dirty(post: Post, cleo: Customer, clock: ManualClock) -> None:
    post(of(cleo.subscription.id, clock.now()))
    with transaction(SYSTEM):
        recompute_dirty()
        _commit_elsewhere_before_the_end(cleo, clock)
    assert rows("SELECT generation FROM usage_dirty_hours") == [(1,)]
    assert roll_up() == 1
    assert_exact()
    assert rows("SELECT calls FROM usage_records_daily") == [(2,)]


def _commit_elsewhere_before_the_end(cleo: Customer, clock: ManualClock) -> None:
    """A batch for the same hour starts before the sums are committed and ends after."""
    from threading import Thread

    from flask import current_app

    app = current_app._get_current_object()  # type: ignore[attr-defined]
    body = __import__("json").dumps(of(cleo.subscription.id, clock.now())).encode()

    def elsewhere() -> None:
        with app.app_context():
            entries, _ = read_batch(body, clock.now())
            in_transaction(lambda _s: take_in(entries), scope=SYSTEM)

    thread = Thread(target=elsewhere)
    thread.start()
    db.session.info["unit_of_work"].append(thread.join)


def test_two_workers_do_not_sum_at_once(post: Post, cleo: Customer, clock: ManualClock) -> None:
    post(of(cleo.subscription.id, clock.now()))
    with db.engine.connect() as other, other.begin():
        other.execute(text("SELECT pg_advisory_xact_lock(hashtext('usage rollups'))"))
        assert roll_up() == 0
    assert roll_up() == 1


def test_the_longest_waiting_hours_come_first(post: Post, clock: ManualClock) -> None:
    early, late = make_customer(clock, "Cleo"), make_customer(clock, "Dan")
    post(of(early.subscription.id, clock.now()))
    post([of(late.subscription.id, clock.now() - timedelta(hours=n)) for n in range(3)])
    post(of(early.subscription.id, clock.now()))
    assert in_transaction(lambda _s: recompute_dirty(1), scope=SYSTEM) == 1
    assert rows("SELECT subscription_id, calls FROM usage_records_hourly") == [(early.subscription.id, 2)]


class Crash(Exception):
    """The worker is killed here."""


@pytest.mark.parametrize("seed", range(4))
def test_sums_equal_the_log_after_duplicates_lateness_disorder_and_crashes(
    post: Post, clock: ManualClock, seed: int
) -> None:
    """I27 at the size of a test: 10 % repeats, 5 % late, any order, a worker that dies in every third run."""
    chance = random.Random(seed)
    customers = [make_customer(clock, name) for name in ("Cleo", "Dan")]
    calls = [_random_call(chance, chance.choice(customers).subscription.id, clock) for _ in range(600)]
    sent = calls + [chance.choice(calls) for _ in range(60)]
    chance.shuffle(sent)
    accepted = 0
    while sent:
        batch, sent = sent[: (size := chance.randint(1, 60))], sent[size:]
        accepted += post(batch).json["accepted"]
        _recompute_or_crash(chance)
    roll_up()
    assert accepted == len(calls)
    assert sum(sums[0] for sums in expected("hour").values()) == len(calls)
    assert_exact()


def _random_call(chance: random.Random, subscription_id: int, clock: ManualClock) -> dict[str, Any]:
    age = timedelta(days=chance.randint(2, 60)) if chance.random() < 0.05 else timedelta(hours=chance.randint(0, 30))
    return of(
        subscription_id,
        clock.now() - age - timedelta(milliseconds=chance.randint(0, 3_600_000)),
        status=chance.choice([200, 200, 200, 201, 404, 429, 500]),
        **{"latencies.request": int(chance.lognormvariate(4, 1)), "response.size": chance.randint(100, 9000)},
    )


def _recompute_or_crash(chance: random.Random) -> None:
    crashes = chance.random() < 0.35
    try:
        with transaction(SYSTEM):
            recompute_dirty(chance.choice([1, 7, 500]))
            if crashes:
                raise Crash
    except Crash:
        pass


def test_percentiles_of_a_day_are_those_of_its_calls(post: Post, cleo: Customer, clock: ManualClock) -> None:
    from fractions import Fraction

    from portal.metering.latency import merge, percentile_ms

    chance = random.Random(7)
    post(
        [
            of(
                cleo.subscription.id,
                clock.now() - timedelta(minutes=n % 540),
                **{"latencies.request": int(chance.lognormvariate(5, 1))},
            )
            for n in range(2000)
        ]
    )
    roll_up()
    hourly, daily = (
        merge(zip(*row, strict=True) for row in rows(f"SELECT latency_buckets, latency_counts FROM {table}"))
        for table in ("usage_records_hourly", "usage_records_daily")
    )
    assert hourly == daily
    for share in (Fraction(1, 2), Fraction(95, 100), Fraction(99, 100)):
        ((exact,),) = rows(
            f"SELECT percentile_disc({float(share)}) WITHIN GROUP (ORDER BY latency_ms) FROM api_requests_log"
        )
        assert percentile_ms(daily, share) == pytest.approx(exact, rel=0.025)
