"""The worker process: `python -m jobs.worker`.

Two ways lead to the same drains: RQ's bell, which wakes the worker within milliseconds, and a poll each second, which
finds the rows when Redis is away or a bell was lost. A drain claims rows, so both may run at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import redis
import structlog
from flask import Flask
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty

from jobs import drain
from portal.adapters.rq_queue import QUEUE_NAME
from portal.app import create_app
from portal.db import SYSTEM, enter_scope
from portal.settings import load_settings

log = structlog.get_logger("worker")
POLL_SECONDS = 1.0
POLLED: tuple[Callable[[], int], ...] = (
    drain.inbox,
    drain.outbox,
    drain.purchases,
    drain.rollups,
    drain.seals,
    drain.reconciliation,
)


def poll_once(app: Flask) -> int:
    """Run every drain once; return how many rows were worked."""
    with app.app_context():
        enter_scope(SYSTEM)
        return sum(polled() for polled in POLLED)


class AppWorker(SimpleWorker):  # type: ignore[misc]  # RQ ships no types
    """Runs jobs in this process, each inside an application context with the system's scope."""

    death_penalty_class = TimerDeathPenalty
    app: Flask

    def perform_job(self, *args: Any, **kwargs: Any) -> bool:
        with self.app.app_context():
            enter_scope(SYSTEM)
            return bool(super().perform_job(*args, **kwargs))

    def _install_signal_handlers(self) -> None:
        """Leave signals to `main`, which stops the poll as well."""


def main() -> None:
    """Listen and poll until asked to stop; work in hand is finished first."""
    settings = load_settings()
    app, stop = create_app(settings), threading.Event()
    connection = redis.Redis.from_url(settings.redis_url, socket_timeout=30, socket_connect_timeout=2)
    listener: list[AppWorker] = []

    def end(*_: Any) -> None:
        stop.set()
        for worker in listener:
            worker._stop_requested = True  # RQ's own flag: leave after the job in hand

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    threading.Thread(target=_listen, args=(app, connection, stop, listener), name="bell", daemon=True).start()
    log.info("worker started")
    while not stop.wait(POLL_SECONDS):
        try:
            poll_once(app)
        except Exception as problem:
            log.warning("poll failed", error=repr(problem)[:300])
            stop.wait(2)
    log.info("worker stopped")


def _listen(app: Flask, connection: redis.Redis, stop: threading.Event, listener: list[AppWorker]) -> None:
    while not stop.is_set():
        try:
            queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
            worker = AppWorker([queue], connection=connection, serializer=JSONSerializer)
            worker.app = app
            listener[:] = [worker]
            worker.work(logging_level="WARNING")
        except (redis.RedisError, OSError) as problem:
            log.warning("bell is out of order, polling goes on", error=type(problem).__name__)
            stop.wait(3)


if __name__ == "__main__":
    main()
