"""What this process answered a moment ago: the door in front of the entitlements' view (ADR 8).

An answer is given again for one second at most, and never across a boundary of a right. Within the process that changes
a right it is forgotten at once. While the database is away the last answer that allowed something is given for up to five
minutes, marked as stale. A hit is not counted against the app's rate.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import Lock
from typing import Any, NamedTuple

FRESH_FOR = timedelta(seconds=1)
LAST_KNOWN_FOR = timedelta(minutes=5)
MOST = 20_000


class _Answer(NamedTuple):
    body: bytes
    about: tuple[int, str]
    allows: bool
    fresh_until: float
    last_until: float


class Remembered:
    """The last answers by credential and question; the least recently used give way."""

    def __init__(self, most: int = MOST, seconds: Callable[[], float] = time.monotonic) -> None:
        self._answers: OrderedDict[bytes, _Answer] = OrderedDict()
        self._most, self._seconds = most, seconds
        self._lock = Lock()

    def find(self, environ: Mapping[str, Any]) -> bytes | None:
        """Return an answer that is fresh."""
        held = self._answers.get(_question(environ))
        return held.body if held is not None and self._seconds() < held.fresh_until else None

    def find_last(self, environ: Mapping[str, Any]) -> bytes | None:
        """Return an answer that allowed something, up to five minutes old."""
        held = self._answers.get(_question(environ))
        return held.body if held is not None and held.allows and self._seconds() < held.last_until else None

    def keep(
        self, environ: Mapping[str, Any], about: tuple[int, str], body: bytes, *, allows: bool, lasts: timedelta
    ) -> None:
        """Remember an answer about somebody; `lasts` is how long nothing can change by itself."""
        now, question = self._seconds(), _question(environ)
        fresh, last = min(FRESH_FOR, lasts), min(LAST_KNOWN_FOR, lasts)
        with self._lock:
            self._answers[question] = _Answer(
                body, about, allows, now + fresh.total_seconds(), now + last.total_seconds()
            )
            self._answers.move_to_end(question)
            while len(self._answers) > self._most:
                self._answers.popitem(last=False)

    def forget(self, about: tuple[int, str]) -> None:
        """Forget what was answered about somebody."""
        with self._lock:
            for question in [key for key, held in self._answers.items() if held.about == about]:
                del self._answers[question]

    def forget_all(self) -> None:
        """Forget everything."""
        with self._lock:
            self._answers.clear()


def _question(environ: Mapping[str, Any]) -> bytes:
    """Return what stands for credential and question; the credential itself is not kept."""
    asked = f"{environ.get('HTTP_X_API_KEY', '')}\n{environ.get('QUERY_STRING', '')}"
    return hashlib.blake2b(asked.encode("utf-8", "surrogatepass"), digest_size=20).digest()


REMEMBERED = Remembered()
