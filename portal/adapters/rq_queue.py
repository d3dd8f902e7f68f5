"""The bell over RQ. One job per kind waits at most: a job drains everything that is due."""

from __future__ import annotations

import threading
import time

import redis
import structlog
from rq import Queue as JobQueue
from rq.serializers import JSONSerializer

from portal.ports.queue import Bell

log = structlog.get_logger(__name__)
QUEUE_NAME = "portal"
QUIET_MS = 200
_JOBS: dict[Bell, str] = {
    "inbox": "jobs.drain.inbox",
    "outbox": "jobs.drain.outbox",
    "rollups": "jobs.drain.rollups",
}


class RQBell:
    """Enqueues the draining job of a bell unless one is already waiting.

    Ringing is handed to a thread of this process, so that neither Redis' speed nor its absence is felt by whoever
    rings. A drain works until nothing is due, so one job per moment is enough: the thread rings, is quiet for a moment,
    and rings once more if it was asked to meanwhile. What it could not say before the process ended, the poll finds.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._redis = connection
        self._asked: set[Bell] = set()
        self._wake = threading.Event()
        self._ringer: threading.Thread | None = None
        self._starting = threading.Lock()
        self._queue = JobQueue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)

    def ring(self, bell: Bell) -> None:
        self._asked.add(bell)
        self._wake.set()
        if self._ringer is None or not self._ringer.is_alive():  # also after a fork, which takes no threads along
            self._start()

    def look_after(self, purchase_id: int) -> None:
        self._enqueue("jobs.drain.purchase", purchase_id, marker=f"bell:purchase:{purchase_id}", quiet_ms=2000)

    def _start(self) -> None:
        with self._starting:
            if self._ringer is None or not self._ringer.is_alive():
                self._ringer = threading.Thread(target=self._ring_on, name="bell", daemon=True)
                self._ringer.start()

    def _ring_on(self) -> None:
        while self._wake.wait():
            self._wake.clear()
            for bell in [self._asked.pop() for _ in range(len(self._asked))]:
                if not self._enqueue(_JOBS[bell], marker=f"bell:{bell}", quiet_ms=QUIET_MS // 2):
                    self.ring(bell)  # another process rang just now; its drain may have ended before our row came
            time.sleep(QUIET_MS / 1000)

    def _enqueue(self, job: str, *args: int, marker: str, quiet_ms: int) -> bool:
        """Return False when the same was enqueued a moment ago; a broken bell is no reason to try again."""
        try:
            if not self._redis.set(marker, "1", nx=True, px=quiet_ms):
                return False
            self._queue.enqueue(job, *args, result_ttl=0, failure_ttl=3600, job_timeout=120)
        except (redis.RedisError, OSError) as problem:
            log.warning("bell not heard", job=job, error=type(problem).__name__)
        return True
