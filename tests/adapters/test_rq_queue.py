"""The bell wakes a worker soon, seldom, and never at the cost of whoever rings it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from redis import Redis
from rq import Queue
from rq.serializers import JSONSerializer

from portal.adapters.rq_queue import QUEUE_NAME, QUIET_MS, RQBell


def waiting(connection: Redis) -> list[str]:
    """The jobs that a worker would find, oldest first."""
    return [job.func_name for job in Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer).jobs]


def soon(found: Callable[[], bool]) -> bool:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        if found():
            return True
        time.sleep(0.01)
    return False


def test_each_kind_of_bell_enqueues_its_drain(redis_connection: Redis) -> None:
    bell = RQBell(redis_connection)
    for kind in ("inbox", "outbox", "rollups"):
        bell.ring(kind)  # type: ignore[arg-type]
    expected = ["jobs.drain.inbox", "jobs.drain.outbox", "jobs.drain.rollups"]
    assert soon(lambda: sorted(waiting(redis_connection)) == expected)


def test_a_thousand_rings_at_once_are_few_jobs_and_the_last_is_heard(redis_connection: Redis) -> None:
    bell = RQBell(redis_connection)
    started = time.monotonic()
    bell.ring("inbox")
    assert soon(lambda: waiting(redis_connection) == ["jobs.drain.inbox"])
    for _ in range(1000):
        bell.ring("inbox")
    took = time.monotonic() - started
    # One for what came while the bell was quiet: a drain may have ended before that row was there.
    assert soon(lambda: len(waiting(redis_connection)) >= 2)
    time.sleep(2 * QUIET_MS / 1000)
    assert len(waiting(redis_connection)) <= 2 + took // (QUIET_MS / 1000)


def test_a_ring_right_after_another_process_rang_is_not_lost(redis_connection: Redis) -> None:
    RQBell(redis_connection).ring("inbox")
    assert soon(lambda: len(waiting(redis_connection)) == 1)
    RQBell(redis_connection).ring("inbox")
    assert soon(lambda: len(waiting(redis_connection)) == 2)


def test_a_redis_that_does_not_answer_is_not_waited_for() -> None:
    bell = RQBell(Redis.from_url("redis://10.255.255.1:6379/0", socket_connect_timeout=2))
    started = time.monotonic()
    for _ in range(100):
        bell.ring("inbox")
    assert time.monotonic() - started < 1


def test_a_bell_rings_again_once_redis_is_back(redis_connection: Redis) -> None:
    away = Redis.from_url("redis://127.0.0.1:1/0")
    bell = RQBell(away)
    bell.ring("inbox")
    time.sleep(0.1)
    bell._redis = bell._queue.connection = redis_connection
    bell.ring("inbox")
    assert soon(lambda: waiting(redis_connection) == ["jobs.drain.inbox"])
    assert sum(thread.name == "bell" and thread.is_alive() for thread in threading.enumerate()) >= 1
