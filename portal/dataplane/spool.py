"""The request log on disk: written before anybody is told, sent afterwards, removed when the portal has it."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections import deque
from contextlib import suppress
from pathlib import Path

import structlog

from portal.kit.clock import Clock
from portal.kit.stable_ids import time_ordered_hex

log = structlog.get_logger(__name__)

SEGMENT_ENTRIES = 200
SEGMENT_BYTES = 600_000
_MEMORY_ENTRIES = 10_000


class StateInUse(RuntimeError):
    """Another gateway writes to the same folder."""


class Spool:
    """Lines in segment files, oldest first.

    Every entry is handed to the operating system as soon as its call ends, so killing the process loses none that was
    written; a power cut loses what the last `sync` (one second) had not reached. When the disk refuses, entries wait in
    bounded memory; when the spool is full the oldest segment goes, and `lost` counts its entries.
    """

    def __init__(self, folder: Path, clock: Clock, *, limit: int) -> None:
        self._folder, self._clock, self._limit = folder, clock, limit
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StateInUse(f"{folder} is in use by another gateway; give each its own --state") from None
        self._closed: deque[Path] = deque(sorted(folder.glob("*.jsonl")))
        self._bytes = sum(path.stat().st_size for path in self._closed)
        self._waiting: deque[bytes] = deque(maxlen=_MEMORY_ENTRIES)
        self._descriptor: int | None = None
        self._active = folder
        self._entries = self._size = 0
        self.lost = 0
        self.has_work = asyncio.Event()
        if self._closed:
            self.has_work.set()

    @property
    def backlog(self) -> int:
        """Segments that wait to be sent, the open one included."""
        return len(self._closed) + (1 if self._entries else 0)

    def append(self, line: bytes) -> None:
        """Take one entry, a line of JSON with its newline."""
        try:
            self._write(line)
            while self._waiting:
                self._write(self._waiting[0])
                self._waiting.popleft()
        except OSError as problem:
            if len(self._waiting) == _MEMORY_ENTRIES:
                self.lost += 1
            self._waiting.append(line)
            log.error("the request log cannot be written", error=str(problem), waiting=len(self._waiting))
            self._abandon_segment()
        self.has_work.set()

    def oldest(self) -> Path | None:
        """Return the oldest complete segment; the one being written is completed when there is no other."""
        if not self._closed and self._entries:
            self._complete_segment()
        if not self._closed:
            self.has_work.clear()
            return None
        return self._closed[0]

    def remove(self, path: Path) -> None:
        """Forget a segment that the portal has."""
        with suppress(ValueError):
            self._closed.remove(path)
        with suppress(OSError):
            self._bytes -= path.stat().st_size
            path.unlink()

    def set_aside(self, path: Path) -> None:
        """Keep a segment that the portal will never take where somebody can look at it."""
        with suppress(ValueError):
            self._closed.remove(path)
        rejected = self._folder / "rejected"
        rejected.mkdir(exist_ok=True)
        self._bytes -= path.stat().st_size
        path.rename(rejected / path.name)

    def sync(self) -> None:
        """Make what was written survive a power cut. Blocks; call it from a thread."""
        if self._descriptor is not None:
            with suppress(OSError):
                os.fdatasync(self._descriptor)

    def close(self) -> None:
        if self._entries:
            self._complete_segment()
        self._lock.close()

    def _write(self, line: bytes) -> None:
        if self._descriptor is None:
            self._active = self._folder / f"{time_ordered_hex(self._clock)}.jsonl"
            self._descriptor = os.open(self._active, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        written = os.write(self._descriptor, line)
        if written != len(line):
            raise OSError("the disk is full")
        self._entries += 1
        self._size += written
        self._bytes += written
        if self._entries >= SEGMENT_ENTRIES or self._size >= SEGMENT_BYTES:
            self._complete_segment()

    def _complete_segment(self) -> None:
        self._closed.append(self._active)
        self._abandon_segment()
        while self._bytes > self._limit and len(self._closed) > 1:
            oldest = self._closed[0]
            self.lost += oldest.read_bytes().count(b"\n")
            log.error("the request log is full; its oldest entries are gone", lost=self.lost)
            self.remove(oldest)

    def _abandon_segment(self) -> None:
        if self._descriptor is not None:
            if self._entries and self._active not in self._closed:
                self._closed.append(self._active)
            with suppress(OSError):
                os.close(self._descriptor)
        self._descriptor, self._entries, self._size = None, 0, 0
