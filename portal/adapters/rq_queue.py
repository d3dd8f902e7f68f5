"""The bell over RQ. One job per kind waits at most: a job drains everything that is due."""

from __future__ import annotations

import time

import redis
import structlog
from rq import Queue as JobQueue
from rq.serializers import JSONSerializer

from portal.ports.queue import Bell

log = structlog.get_logger(__name__)
QUEUE_NAME = "portal"
QUIET_MS = 100
_JOBS: dict[Bell, str] = {
    "inbox": "jobs.drain.inbox",
    "outbox": "jobs.drain.outbox",
    "rollups": "jobs.drain.rollups",
}


class RQBell:
    """Enqueues the draining job of a bell unless one is already waiting."""

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection
        self._rung: dict[str, float] = {}
        self._queue = JobQueue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)

    def ring(self, bell: Bell) -> None:
        # A drain works until nothing is due, so one ring per moment is enough. The first silence is kept in this process,
        # the second among processes; both end by themselves, so a job lost with its worker costs a moment only.
        now = time.monotonic()
        if now - self._rung.get(bell, 0.0) > QUIET_MS / 1000:
            self._rung[bell] = now
            self._enqueue(_JOBS[bell], marker=f"bell:{bell}", quiet_ms=QUIET_MS)

    def look_after(self, purchase_id: int) -> None:
        self._enqueue("jobs.drain.purchase", purchase_id, marker=f"bell:purchase:{purchase_id}", quiet_ms=2000)

    def _enqueue(self, job: str, *args: int, marker: str, quiet_ms: int) -> None:
        try:
            if self._redis.set(marker, "1", nx=True, px=quiet_ms):
                self._queue.enqueue(job, *args, result_ttl=0, failure_ttl=3600, job_timeout=120)
        except (redis.RedisError, OSError) as problem:
            log.warning("bell not heard", job=job, error=type(problem).__name__)
