"""Measured facts: the definitions of docs/algorithms/measured-facts.md, from log rows to what the market shows."""

from __future__ import annotations

import uuid
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import text

from jobs import recurring
from portal.catalog.facts import find_facts
from portal.db import PUBLIC, SYSTEM, scoped, transaction
from portal.kit.clock import ManualClock
from portal.metering.service import take_in
from portal.metering.types import LogEntry
from tests.metering.conftest import Customer, Post, make_customer, roll_up, rows
from tests.metering.kong import of, refused
from tests.worked_tables import worked_rows

pytestmark = pytest.mark.usefixtures("prepared")


def taken_in(cleo: Customer, clock: ManualClock, **values: Any) -> None:
    identity = uuid.uuid4().hex
    known: dict[str, Any] = {
        "request_id": identity, "given_id": identity, "started_at": clock.now().isoformat(), "method": "GET", "path": "/x",
        "latency_ms": 50, "bytes_in": 1, "bytes_out": 1, "billable": False, "client_ip": None,
        "account_id": cleo.account.id, "subscription_id": cleo.subscription.id, "api_id": cleo.api.id, "api_key_id": 1,
    }  # fmt: skip
    with transaction(SYSTEM):
        take_in([LogEntry(**(known | values))])


@pytest.mark.parametrize(
    ("what", "status", "source", "decision", "upstream_ms", "call", "failure"),
    worked_rows("measured-facts.md", "Which log rows are what"),
)
def test_a_log_row_is_a_call_or_a_failure_as_the_page_says(
    cleo: Customer, clock: ManualClock, what: str, status: int, source: str, decision: str | None,
    upstream_ms: int | None, call: int, failure: int,
) -> None:  # fmt: skip
    answered = source == "upstream"
    taken_in(
        cleo, clock, status=status, source=source, decision=decision, upstream_ms=upstream_ms,
        upstream_answered=answered,
    )  # fmt: skip
    roll_up()
    for table in ("usage_records_hourly", "usage_records_daily"):
        sums = rows(f"SELECT asked_calls, failed_calls, asked_counts FROM {table}")  # noqa: S608
        assert sums == [(call, failure, [call])], what


def test_what_nobody_called_has_no_figures(cleo: Customer) -> None:
    assert recurring.measure_the_market() == "1 APIs"
    assert find_facts(cleo.api.id) is None
    assert rows("SELECT calls_30d, uptime_ppm, p95_ms FROM apis") == [(0, None, None)]


def test_refusals_alone_are_no_calls(post: Post, cleo: Customer, clock: ManualClock) -> None:
    post([refused(clock.now(), 429, consumer={"custom_id": str(cleo.subscription.id)}) for _ in range(3)])
    roll_up()
    recurring.measure_the_market()
    assert rows("SELECT calls FROM usage_records_daily") == [(3,)]
    assert find_facts(cleo.api.id) is None


def test_facts_add_up_over_their_own_windows(post: Post, cleo: Customer, clock: ManualClock) -> None:
    today = clock.now().replace(hour=0)
    mine = cleo.subscription.id
    days = {0: 100, 29: 60, 30: 40, 89: 20, 90: 10}  # days ago: calls; the last is outside of both windows
    for ago, calls in days.items():
        at = today - timedelta(days=ago) + timedelta(hours=8)
        batch = [of(mine, at, status=500 if n < 2 else 200, **{"latencies.request": 10 + n}) for n in range(calls)]
        assert post(batch).json["accepted"] == calls
    roll_up()
    recurring.measure_the_market()
    found = find_facts(cleo.api.id)
    assert found is not None
    assert (found.calls_30d, found.failures_30d) == (160, 4)
    assert (found.calls_90d, found.failures_90d) == (220, 8)
    assert found.uptime == Fraction(212, 220)
    assert found.error_rate == Fraction(4, 160)
    assert (found.daily[0], found.daily[-1], sum(found.daily), len(found.daily)) == (60, 100, 160, 30)
    assert found.asof == clock.now()
    latencies = sorted([10 + n for n in range(100)] + [10 + n for n in range(60)])
    assert found.p95_ms == pytest.approx(latencies[151], rel=0.025)
    assert rows("SELECT calls_30d, uptime_ppm, p95_ms FROM apis") == [(160, 963_600, found.p95_ms)]


def test_refusals_do_not_make_an_api_look_quick(post: Post, cleo: Customer, clock: ManualClock) -> None:
    mine = {"custom_id": str(cleo.subscription.id)}
    post([of(cleo.subscription.id, clock.now(), **{"latencies.request": 800}) for _ in range(10)])
    post([refused(clock.now(), 429, consumer=mine, **{"latencies.request": 1}) for _ in range(500)])
    roll_up()
    recurring.measure_the_market()
    found = find_facts(cleo.api.id)
    assert found is not None
    assert found.p95_ms == pytest.approx(800, rel=0.025)
    assert found.calls_30d == 10


def test_every_customer_of_an_api_counts_and_others_do_not(post: Post, clock: ManualClock) -> None:
    one, other = make_customer(clock, "Cleo"), make_customer(clock, "Dan")
    post([of(one.subscription.id, clock.now()), of(other.subscription.id, clock.now(), status=502)])
    roll_up()
    recurring.measure_the_market()
    first, second = find_facts(one.api.id), find_facts(other.api.id)
    assert first is not None
    assert second is not None
    assert (first.uptime, second.uptime) == (1, 0)


def test_facts_go_when_their_calls_have_left_the_window(post: Post, cleo: Customer, clock: ManualClock) -> None:
    post(of(cleo.subscription.id, clock.now()))
    roll_up()
    recurring.measure_the_market()
    assert find_facts(cleo.api.id) is not None
    clock.set(clock.now() + timedelta(days=31))
    recurring.measure_the_market()
    later = find_facts(cleo.api.id)
    assert later is not None
    assert (later.calls_30d, later.calls_90d, later.p95_ms, later.error_rate) == (0, 1, None, None)
    clock.set(clock.now() + timedelta(days=60))
    recurring.measure_the_market()
    assert find_facts(cleo.api.id) is None
    assert rows("SELECT calls_30d FROM apis") == [(0,)]


def test_strangers_read_facts_and_cannot_write_them(post: Post, cleo: Customer, clock: ManualClock) -> None:
    post(of(cleo.subscription.id, clock.now()))
    roll_up()
    recurring.measure_the_market()
    with scoped(PUBLIC):
        assert find_facts(cleo.api.id) is not None
    with pytest.raises(Exception, match="permission denied"), transaction(PUBLIC) as session:
        session.execute(text("UPDATE api_facts SET failures_90d = 0"))
