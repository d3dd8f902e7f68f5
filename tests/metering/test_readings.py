"""What operators and probes are told about the log and its sums."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from portal.db import SYSTEM, transaction
from portal.kit.clock import ManualClock
from portal.metering.rollups import recompute_dirty
from tests.metering.conftest import Customer, Post, roll_up, rows
from tests.metering.kong import of


def ready(client: FlaskClient) -> tuple[int, str, list[str]]:
    answer = client.get("/ready")
    return answer.status_code, answer.json["status"], answer.json["warnings"]


def test_a_prepared_log_needs_no_attention(client: FlaskClient, prepared: None) -> None:
    assert ready(client) == (200, "ok", [])


def test_the_job_that_makes_partitions_is_missed(
    client: FlaskClient, prepared: None, post: Post, cleo: Customer, clock: ManualClock
) -> None:
    clock.advance(timedelta(days=90))
    assert ready(client)[1] == "degraded"
    clock.advance(timedelta(days=45))
    post(of(cleo.subscription.id, clock.now()))
    assert ready(client) == (
        200, "degraded", ["request log: prepared until never, 1 rows in the default partition"],
    )  # fmt: skip


def test_a_worker_that_is_gone_is_noticed(
    client: FlaskClient, prepared: None, post: Post, cleo: Customer, clock: ManualClock
) -> None:
    post(of(cleo.subscription.id, clock.now()))
    with transaction(SYSTEM) as session:
        marked = clock.now() - timedelta(minutes=10)
        session.execute(text("UPDATE usage_dirty_hours SET dirty_since = :marked"), {"marked": marked})
    assert ready(client)[2] == ["usage sums are 600 seconds behind (1 hours wait)"]
    metrics = client.get("/metrics", headers={"Authorization": "Bearer metrics-token-for-tests"}).text
    assert "portal_usage_lag_seconds 600.0" in metrics
    assert "portal_log_partition_months_ahead 3.0" in metrics
    roll_up()
    assert ready(client)[2] == []


def test_sums_of_apis_that_nobody_makes_are_noticed(
    client: FlaskClient, prepared: None, post: Post, cleo: Customer, clock: ManualClock
) -> None:
    post(of(cleo.subscription.id, clock.now()))
    with transaction(SYSTEM) as session:
        recompute_dirty()
        marked = clock.now() - timedelta(minutes=10)
        session.execute(text("UPDATE usage_dirty_api_days SET dirty_since = :marked"), {"marked": marked})
    assert ready(client)[2] == ["sums of APIs are 600 seconds behind (1 days of APIs wait)"]
    metrics = client.get("/metrics", headers={"Authorization": "Bearer metrics-token-for-tests"}).text
    assert "portal_usage_api_lag_seconds 600.0" in metrics
    assert "portal_usage_dirty_api_days 1.0" in metrics


def test_partitions_can_be_made_by_hand(app: Flask, clock: ManualClock) -> None:
    runner = app.test_cli_runner()
    first = runner.invoke(args=["usage", "partitions", "--months", "1"])
    assert first.output == "made 2026-03, 2026-04; prepared until 2026-05-01T00:00:00Z\n"
    assert runner.invoke(args=["usage", "partitions", "--months", "1"]).output.startswith("made nothing;")
    assert runner.invoke(args=["usage", "partitions", "--json"]).output.startswith('{"made":["2026-05"')
    assert runner.invoke(args=["usage", "partitions", "--months", "0"]).exit_code == 2


def test_days_can_be_summed_again_by_hand(
    app: Flask, prepared: None, post: Post, cleo: Customer, clock: ManualClock
) -> None:
    post([of(cleo.subscription.id, clock.now()), of(cleo.subscription.id, clock.now() - timedelta(hours=2))])
    roll_up()
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE usage_records_hourly SET calls = 99"))
        session.execute(text("DELETE FROM usage_records_daily"))
    runner = app.test_cli_runner()
    done = runner.invoke(args=["usage", "recompute", "--from", "2026-03-10", "--to", "2026-03-10"])
    assert done.output == "2 hours marked, 2 summed again\n"
    assert rows("SELECT sum(calls) FROM usage_records_hourly UNION ALL SELECT sum(calls) FROM usage_records_daily") == [
        (2,), (2,),
    ]  # fmt: skip
    assert runner.invoke(args=["usage", "recompute", "--from", "2026-03-10", "--to", "2026-03-09"]).exit_code == 2
    assert runner.invoke(args=["usage", "health"]).exit_code == 0
