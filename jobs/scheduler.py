"""The scheduler process: `python -m jobs.scheduler`. Any number may run; a slot row lets one of them through."""

from __future__ import annotations

import signal
import threading
from datetime import datetime

import structlog
from flask import Flask
from sqlalchemy import text

from jobs.schedule import TIMETABLE, Entry
from portal.app import create_app
from portal.db import SYSTEM, enter_scope, transaction
from portal.web.plugs import plugs

log = structlog.get_logger("scheduler")
TICK_SECONDS = 1.0


def run_due(app: Flask) -> list[str]:
    """Run every job whose current slot nobody has taken; return their names."""
    with app.app_context():
        enter_scope(SYSTEM)
        now = plugs().clock.now()
        return [entry.name for entry in TIMETABLE if _take(entry, now) and _run(entry, entry.slot(now))]


def _take(entry: Entry, now: datetime) -> bool:
    with transaction(SYSTEM) as session:
        taken = session.execute(
            text("INSERT INTO schedule_slots (job, slot) VALUES (:job, :slot) ON CONFLICT DO NOTHING RETURNING job"),
            {"job": entry.name, "slot": entry.slot(now)},
        )
        return taken.first() is not None


def _run(entry: Entry, slot: datetime) -> bool:
    error = None
    try:
        log.info(entry.name, summary=entry.run())
    except Exception as problem:
        error = repr(problem)[:2000]
        log.exception("scheduled job failed", job=entry.name)
    with transaction(SYSTEM) as session:
        session.execute(
            text(
                "UPDATE schedule_slots SET finished_at = clock_timestamp(), error = :error WHERE job = :job AND slot = :slot"
            ),
            {"job": entry.name, "slot": slot, "error": error},
        )
    return True


def main() -> None:
    """Tick until asked to stop."""
    app, stop = create_app(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("scheduler started", jobs=len(TIMETABLE))
    while not stop.wait(TICK_SECONDS):
        try:
            run_due(app)
        except Exception as problem:
            log.warning("tick failed", error=repr(problem)[:300])
            stop.wait(2)
    log.info("scheduler stopped")


if __name__ == "__main__":
    main()
