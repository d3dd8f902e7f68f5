"""Partitions are made ahead; when nobody makes them, calls are stored all the same."""

# ruff: noqa: S608 - table names come from these lines
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from portal.db import SYSTEM, Scope, db, in_transaction, transaction
from portal.kit.clock import ManualClock
from portal.metering.partitions import Outlook, ensure_ahead, outlook
from tests.metering.conftest import Customer, Post, make_customer, roll_up, rows
from tests.metering.kong import of


def make(clock: ManualClock, months: int = 3) -> list[str]:
    return in_transaction(lambda _s: ensure_ahead(clock.now(), months), scope=SYSTEM)


def look(clock: ManualClock) -> Outlook:
    return in_transaction(lambda _s: outlook(clock.now()), scope=SYSTEM)


def where() -> list[tuple[str, int]]:
    found = rows("SELECT tableoid::regclass::text, count(*) FROM api_requests_log GROUP BY 1 ORDER BY 1")
    return [(leaf, count) for leaf, count in found]


def test_this_month_and_three_more_are_made_once(app: Flask, clock: ManualClock) -> None:
    clock.set(datetime(2026, 11, 30, 23, 59, tzinfo=UTC))
    assert make(clock) == ["2026-11", "2026-12", "2027-01", "2027-02"]
    assert make(clock) == []
    clock.advance(timedelta(minutes=1))
    assert make(clock) == ["2027-03"]


def test_the_first_instant_of_a_month_belongs_to_it(post: Post, cleo: Customer, clock: ManualClock) -> None:
    make(clock)
    clock.set(datetime(2026, 4, 1, tzinfo=UTC))
    post([of(cleo.subscription.id, clock.now()), of(cleo.subscription.id, clock.now() - timedelta(milliseconds=1))])
    assert where() == [("api_requests_log_2026_03", 1), ("api_requests_log_2026_04", 1)]


def test_calls_are_stored_while_the_job_is_dead_and_move_when_it_is_back(
    post: Post, cleo: Customer, clock: ManualClock
) -> None:
    """I30: the job has been dead for 45 days when a month begins."""
    make(clock, months=0)
    assert look(clock) == Outlook(("2026-03",), 0, 0, datetime(2026, 4, 1, tzinfo=UTC))
    clock.set(datetime(2026, 5, 1, tzinfo=UTC))
    assert post([of(cleo.subscription.id, clock.now() - timedelta(days=n)) for n in (0, 20, 40)]).json["accepted"] == 3
    assert where() == [("api_requests_log_2026_03", 1), ("api_requests_log_default", 2)]
    behind = look(clock)
    assert (behind.is_healthy, behind.rows_in_default, behind.summary()) == (
        False, 2, "prepared until never, 2 rows in the default partition",
    )  # fmt: skip
    roll_up()
    before = rows("SELECT hour, calls FROM usage_records_hourly ORDER BY 1")

    assert make(clock) == ["2026-04", "2026-05", "2026-06", "2026-07", "2026-08"]
    assert where() == [
        ("api_requests_log_2026_03", 1), ("api_requests_log_2026_04", 1), ("api_requests_log_2026_05", 1),
    ]  # fmt: skip
    assert look(clock).is_healthy
    post(of(cleo.subscription.id, clock.now() - timedelta(days=20)))
    roll_up()
    after = rows("SELECT hour, calls FROM usage_records_hourly ORDER BY 1")
    assert [calls for _, calls in before] == [1, 1, 1]
    assert [calls for _, calls in after] == [1, 2, 1]


def test_two_schedulers_make_a_month_once(app: Flask, clock: ManualClock) -> None:
    made: list[str] = []

    def run() -> None:
        with app.app_context():
            made.extend(make(clock))

    threads = [Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == ["2026-03", "2026-04", "2026-05", "2026-06"]


def test_a_tenant_reads_its_own_calls_and_no_partition_directly(post: Post, clock: ManualClock) -> None:
    make(clock)
    cleo, dan = make_customer(clock, "Cleo"), make_customer(clock, "Dan")
    post([of(cleo.subscription.id, clock.now()), of(dan.subscription.id, clock.now())])
    roll_up()
    mine = Scope(organisation_id=cleo.organisation.id, account_id=cleo.account.id)
    for table in ("api_requests_log", "usage_records_hourly", "usage_records_daily"):
        with transaction(mine) as session:
            assert session.execute(text(f"SELECT account_id FROM {table}")).all() == [(cleo.account.id,)]
    closed = (
        "api_requests_log_2026_03", "api_requests_log_default", "api_request_keys", "quarantined_log_entries",
    )  # fmt: skip
    for table in closed:
        with pytest.raises(ProgrammingError, match="permission denied"), transaction(mine) as session:
            session.execute(text(f"SELECT 1 FROM {table}"))


def test_only_the_system_may_make_partitions(app: Flask) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction(Scope(organisation_id=1)):
        db.session.execute(text("SELECT portal_add_log_partition('2026-03-01')"))
