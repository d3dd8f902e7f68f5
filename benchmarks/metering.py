"""Intake against COPY and the ordinary way; rollups against a bare GROUP BY, a correction against everything."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import psycopg
from sqlalchemy import text

from benchmarks import load
from benchmarks.ground import TOKEN, Ground, ground, web
from benchmarks.harness import Arm, compare
from portal.db import SYSTEM, db, in_transaction, transaction
from portal.metering import request_log
from portal.metering.api_rollups import recompute_dirty_api_days
from portal.metering.entries import read_batch
from portal.metering.partitions import ensure_ahead
from portal.metering.rollups import recompute_dirty

CALLS = int(os.environ.get("BENCH_CALLS", "30000"))  # per sample of the intake
ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))  # in the log, for the rollups
THREADS = int(os.environ.get("BENCH_THREADS", "4"))  # as in production
SUBSCRIPTIONS = 50
HEADERS = {"X-Gateway-Token": TOKEN}
NOW = datetime.now(UTC).replace(microsecond=0)


def run() -> None:
    """Measure intake and rollups on a database of their own."""
    with ground() as here:
        with transaction(SYSTEM):
            ensure_ahead(NOW)
            _customers()
        with (
            web(here, threads=THREADS) as port,
            web(here, "benchmarks.naive_intake:app", threads=THREADS) as naive_port,
        ):
            for batch, goal in ((1000, 0.60), (100, 0.30)):
                _intake(here, port, naive_port, batch, goal)
        _rollups(here)


def _customers() -> None:
    """Subscriptions by the shortest way; the log needs nothing else of them."""
    for statement in (
        "INSERT INTO organisations (name, slug) SELECT 'o' || n, 'o' || n FROM generate_series(1, :n) n",
        "INSERT INTO accounts (project_id, organisation_id, external_id, kind)"
        " SELECT 1, id, id::text, 'org' FROM organisations",
        "INSERT INTO products (project_id, name) SELECT 1, 'p' || n FROM generate_series(1, :n) n",
        "INSERT INTO apis (organisation_id, product_id, slug, name, state, upstream_url)"
        " SELECT 1, id, 'a' || id, 'a', 'published', 'http://127.0.0.1:9/' FROM products",
        "INSERT INTO plans (product_id, code, name) SELECT id, 'pro', 'Pro' FROM products",
        "INSERT INTO prices (plan_id, currency, amount) SELECT id, 'eur', 0 FROM plans",
        "INSERT INTO subscriptions (account_id, product_id, plan_id, price_id, status, current_period_start,"
        " current_period_end, anchor_at, source_fetched_at) SELECT a.id, p.id, p.id, p.id, 'active', now(),"
        " now() + interval '1 month', now(), now() FROM products p JOIN accounts a ON a.id = p.id",
    ):
        db.session.execute(text(statement), {"n": SUBSCRIPTIONS} if ":n" in statement else {})


def _entry(chance: random.Random, number: int) -> dict[str, Any]:
    """What our own gateway posts: time-ordered ids, the ids of who called under `portal`."""
    subscription = chance.randint(1, SUBSCRIPTIONS)
    at = NOW - timedelta(milliseconds=chance.randint(0, 600_000))
    stamp = int(at.timestamp() * 1000)
    return {
        "request": {
            "id": f"{stamp:012x}7{number & 0xFFF:03x}{chance.getrandbits(64) | 1 << 63:016x}",
            "method": "GET",
            "uri": f"/acme/rates/latest/{number % 1000}?base=EUR",
            "size": 180,
            "headers": {"host": "127.0.0.1:8080", "accept": "*/*"},
        },
        "response": {"status": chance.choice((200, 200, 200, 404)), "size": chance.randint(200, 9000)},
        "latencies": {"request": chance.randint(1, 400), "kong": 1, "proxy": chance.randint(1, 390), "receive": 0},
        "started_at": stamp,
        "client_ip": "198.51.100.7",
        "source": "upstream",
        "upstream_status": "200",
        "portal": {
            "subscription_id": subscription, "account_id": subscription, "api_id": subscription,
            "api_key_id": subscription, "decision": "allowed", "billable": True,
        },
    }  # fmt: skip


def _intake(here: Ground, port: int, naive_port: int, batch: int, goal: float) -> None:
    chance = random.Random(batch)
    bodies: list[bytes] = []
    requests: list[bytes] = []

    def fresh() -> None:
        """Empty tables and new ids before every sample, so that every arm meets the same state."""
        with psycopg.connect(here.libpq_url, autocommit=True) as link:
            link.execute("TRUNCATE api_requests_log, api_request_keys, usage_dirty_hours")
        made = [_entry(chance, n) for n in range(CALLS)]
        bodies[:] = [orjson.dumps(made[n : n + batch]) for n in range(0, CALLS, batch)]
        requests[:] = load.posts("/api/gateway/logs", bodies, HEADERS)

    lines: list[str] = []

    def fresh_lines() -> None:
        fresh()
        lines.clear()
        for body in bodies:
            entries, _ = read_batch(body, NOW)
            rows = [request_log.Row.of(entry, entry.account_id, entry.api_id) for entry in entries]
            lines.append("".join(row.line for row in rows))

    def copy() -> int:
        """The limit: ready rows, one connection, one commit per batch, no keys, no checks."""
        with psycopg.connect(here.libpq_url) as link:
            for text_of_batch in lines:
                with link.cursor().copy(
                    f"COPY api_requests_log ({request_log._COLUMNS}) FROM STDIN (NULL '')"
                ) as stream:
                    stream.write(text_of_batch)
                link.commit()
        return CALLS

    def over_http(to: int) -> Callable[[], int]:
        def post() -> int:
            load.send_all(to, requests)
            with psycopg.connect(here.libpq_url) as link:
                stored = link.execute("SELECT count(*) FROM api_requests_log").fetchone()
            if stored != (CALLS,):
                raise RuntimeError(f"{stored} rows for {CALLS} acknowledged calls")
            return CALLS

        return post

    def repeats() -> None:
        fresh()
        load.send_all(port, requests)

    found = compare(
        f"Intake, batches of {batch}, one web process",
        [
            Arm("copy", copy, fresh_lines),
            Arm("intake", over_http(port), fresh),
            Arm("intake, all repeats", over_http(port), repeats),
            Arm("ordinary way", over_http(naive_port), fresh),
        ],
        unit="calls",
        baseline="copy",
        meaning=(
            "1 would mean that HTTP, reading, checking, recognising repeats and marking hours cost nothing: the limit is"
            " COPY of ready text into the same table by one connection, one commit per batch, no key, no check. The intake"
            f" is one web process of {THREADS} threads, posted to over 8 connections."
        ),
    )
    found.goal("intake", at_least=goal)
    print(f"  intake is {found.ratio('intake') / found.ratio('ordinary way'):.1f} x the ordinary way")


def _rollups(here: Ground) -> None:
    with psycopg.connect(here.libpq_url, autocommit=True) as link:
        link.execute("TRUNCATE api_requests_log, api_request_keys, usage_dirty_hours")
        start = NOW.replace(hour=0, minute=0, second=0) - timedelta(days=10)
        with transaction(SYSTEM):
            ensure_ahead(start)
        link.execute(
            "INSERT INTO api_requests_log (request_id, started_at, account_id, subscription_id, api_id, api_key_id,"
            " method, path, status, source, latency_ms, bytes_in, bytes_out, billable)"
            " SELECT gen_random_uuid(), %s + random() * interval '240 hours', s, s, s, s, 'GET', '/x',"
            " (ARRAY[200,200,200,404,503])[1 + floor(random() * 5)], 'upstream', (exp(random() * 6))::int,"
            " 100, 2000, true"
            " FROM (SELECT 1 + floor(random() * 100)::int AS s FROM generate_series(1, %s)) AS calls",
            (start, ROWS),
        )
        link.execute("VACUUM ANALYZE api_requests_log")

    def grouped() -> int:
        """The limit: the same sums in one statement, thrown away."""
        with psycopg.connect(here.libpq_url) as link:
            link.execute(
                "SELECT count(*) FROM (SELECT subscription_id, date_trunc('hour', started_at), api_key_id, count(*),"
                " count(*) FILTER (WHERE billable), count(*) FILTER (WHERE status >= 400),"
                " sum(latency_ms), sum(bytes_out)"
                " FROM api_requests_log GROUP BY 1, 2, 3) AS sums"
            )
        return ROWS

    def soil(where: str) -> Callable[[], None]:
        def prepare() -> None:
            with psycopg.connect(here.libpq_url, autocommit=True) as link:
                link.execute(
                    "INSERT INTO usage_dirty_hours (hour, subscription_id, account_id)"
                    " SELECT DISTINCT date_trunc('hour', started_at), subscription_id, account_id FROM api_requests_log"
                    f" WHERE {where}"
                )
                link.execute("ANALYZE usage_dirty_hours")

        return prepare

    def drain() -> int:
        for recompute in (recompute_dirty, recompute_dirty_api_days):
            while in_transaction(lambda _session, recompute=recompute: recompute(2_000), scope=SYSTEM):
                pass
        return ROWS

    def drained_three_hours() -> int:
        drain()
        return ROWS

    three = f"started_at >= '{start + timedelta(days=5)}' AND started_at < '{start + timedelta(days=5, hours=3)}'"
    found = compare(
        f"Rollups of {ROWS:,} calls, 100 subscriptions, 240 hours (speed: calls kept true per second)",
        [
            Arm("bare GROUP BY", grouped),
            Arm("everything again", drain, soil("true")),
            Arm("three dirty hours", drained_three_hours, soil(three)),
        ],
        unit="calls",
        baseline="everything again",
        meaning=(
            "15 means that a correction of three hours costs a fifteenth of summing all 240 again, hours, days, days of"
            " APIs and histograms included."
        ),
        rounds=3,
    )
    found.goal("three dirty hours", at_least=15)
    share = 1 / found.ratio("bare GROUP BY")
    print(f"  everything again is {share:.2f} x the bare GROUP BY, histograms and days included")
    _check_exact(here)


def _check_exact(here: Ground) -> None:
    with psycopg.connect(here.libpq_url) as link:
        sums = link.execute(
            "SELECT (SELECT count(*) FROM api_requests_log), (SELECT sum(calls) FROM usage_records_hourly),"
            " (SELECT sum(calls) FROM usage_records_daily),"
            " (SELECT sum(n) FROM usage_records_daily, unnest(latency_counts) n)"
        ).fetchone()
        asked = link.execute(
            "SELECT (SELECT sum(asked_calls) FROM usage_records_daily), (SELECT sum(asked_calls) FROM usage_records_api_daily),"
            " (SELECT sum(n) FROM usage_records_api_daily, unnest(asked_counts) n)"
        ).fetchone()
    if sums is None or len({int(value) for value in sums}) != 1:
        raise RuntimeError(f"log, hours, days and histograms differ: {sums}")
    if asked is None or len({int(value) for value in asked}) != 1:
        raise RuntimeError(f"days, days of APIs and their histograms differ: {asked}")
    print(f"  log = hours = days = histograms = {int(sums[0]):,}; days = days of APIs = {int(asked[0]):,} asked")
