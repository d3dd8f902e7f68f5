"""Webhook intake against verifying alone; draining a burst against one queue job per event."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import os
import time
from collections.abc import Callable, Mapping

import psycopg
import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty

from benchmarks import load
from benchmarks.ground import WEBHOOK_SECRET, Ground, ground, web
from benchmarks.harness import Arm, compare
from jobs import drain
from portal.webhooks.processing import work_due

EVENTS = int(os.environ.get("BENCH_EVENTS", "4000"))
THREADS = int(os.environ.get("BENCH_THREADS", "4"))  # as in production
BURST = int(os.environ.get("BENCH_BURST", "2000"))
PATH = "/api/v1/webhooks/stripe"
_numbers = itertools.count()


def run() -> None:
    """Measure intake and drain on a database of their own."""
    with ground() as here:
        with (
            web(here, threads=THREADS) as port,
            web(here, "benchmarks.verify_only:app", threads=THREADS) as limit,
            web(here, "benchmarks.verify_only:bare", threads=THREADS) as bare,
        ):
            _intake(here, port, limit, bare)
        _drain(here)


def _intake(here: Ground, port: int, limit: int, bare: int) -> None:
    requests: list[bytes] = []

    def fresh() -> None:
        with psycopg.connect(here.libpq_url, autocommit=True) as link:
            link.execute("TRUNCATE webhook_events")
        requests[:] = load.posts(PATH, [_event() for _ in range(EVENTS)], _signed)

    def post(to: int, stores: bool) -> Callable[[], int]:
        def send() -> int:
            load.send_all(to, requests)
            with psycopg.connect(here.libpq_url) as link:
                stored = link.execute("SELECT count(*) FROM webhook_events").fetchone()
            if stores and stored != (EVENTS,):
                raise RuntimeError(f"{stored} rows for {EVENTS} acknowledged events")
            return EVENTS

        return send

    found = compare(
        f"Webhook intake, one web process of {THREADS} threads",
        [
            Arm("verify only", post(limit, False), fresh),
            Arm("verify, store, commit, ring", post(port, True), fresh),
            Arm("verify only, without Flask", post(bare, False), fresh),
        ],
        unit="events",
        baseline="verify only",
        meaning=(
            "1 would mean that storing costs nothing: the limit is a Flask application with this one route, which"
            " verifies and reads the event by the product's own function, stores nothing and says yes. The product"
            " commits each event to disk before it says yes; what is left between it and the last arm is PostgreSQL."
        ),
    )
    found.goal("verify, store, commit, ring", at_least=0.5)


def _drain(here: Ground) -> None:
    connection = redis.Redis.from_url(here.redis_url)

    def stored() -> None:
        connection.flushall()
        with psycopg.connect(here.libpq_url, autocommit=True) as link:
            link.execute("TRUNCATE webhook_events")
            link.execute(
                "INSERT INTO webhook_events (provider, endpoint, external_id, type, livemode, object_type, object_id,"
                " event_created_at, received_at, next_attempt_at, raw, raw_sha256) SELECT 'stripe', '/', 'evt_' || n,"
                " 'product.updated', false, 'product', 'prod_1', now(), now(), now(), '', '' FROM generate_series(1, %s) n",
                [BURST],
            )

    def enqueued() -> None:
        stored()
        queue = Queue("bench", connection=connection, serializer=JSONSerializer)
        for _ in range(BURST):
            queue.enqueue("benchmarks.webhooks.work_one", result_ttl=0)

    def one_job_each() -> int:
        queue = Queue("bench", connection=connection, serializer=JSONSerializer)
        worker = SimpleWorker([queue], connection=connection, serializer=JSONSerializer)
        worker.death_penalty_class = TimerDeathPenalty
        worker.work(burst=True, logging_level="ERROR")
        return _all_done(here)

    def drained() -> int:
        drain.inbox()
        return _all_done(here)

    found = compare(
        f"A burst of {BURST} stored events",
        [Arm("one job per event", one_job_each, enqueued), Arm("drain", drained, stored)],
        unit="events",
        baseline="one job per event",
        meaning="10 means that a burst is worked off ten times as fast as by one RQ job for each event.",
        rounds=3,
    )
    found.goal("drain", at_least=10.0)


def work_one() -> int:
    """What a queue job per event would do."""
    return work_due(drain.syncing(), limit=1)


def _all_done(here: Ground) -> int:
    with psycopg.connect(here.libpq_url) as link:
        left = link.execute("SELECT count(*) FROM webhook_events WHERE state <> 'ignored'").fetchone()
    if left != (0,):
        raise RuntimeError(f"{left} events were not worked")
    return BURST


def _event() -> bytes:
    number = next(_numbers)
    return json.dumps(
        {
            "id": f"evt_{number}",
            "object": "event",
            "type": "customer.subscription.updated",
            "created": int(time.time()),
            "livemode": False,
            "api_version": "2026-10-28.endive",
            "data": {"object": {"object": "subscription", "id": f"sub_{number}", "padding": "x" * 700}},
        }
    ).encode()


def _signed(body: bytes) -> Mapping[str, str]:
    at = int(time.time())
    digest = hmac.new(WEBHOOK_SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={digest}"}
