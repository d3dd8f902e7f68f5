"""Answers of the database, believed only as long as somebody can prove that they still hold."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Value = TypeVar("Value")

NEGATIVE_SECONDS = 0.9  # how long "there is no such thing" is believed
RELOAD_SECONDS = 300.0  # every answer is read again now and then, whatever the proof says
_ATTEMPTS = 3


class TruthUnavailable(Exception):
    """The database did not answer and nothing recent enough is known."""


@dataclass(slots=True)
class Proof:
    """Until when all changes are known to have arrived.

    `epoch` counts the times the feed of changes had to start over: what was read before is proven no longer.
    """

    lease: float
    proven_at: float = float("-inf")
    epoch: int = 0
    is_up: bool = True

    def holds(self, now: float) -> bool:
        return now - self.proven_at <= self.lease


@dataclass(slots=True)
class _Entry(Generic[Value]):
    value: Value | None
    loaded_at: float
    epoch: int


class LeaseCache(Generic[Value]):
    """Bounded, least recently used out first. One load per key at a time.

    An entry answers while it is younger than the lease, or while the feed of changes proves that it would have been
    dropped had it changed. While the database is away the last known value answers for `outage` seconds.
    """

    def __init__(
        self, load: Callable[[str], Awaitable[Value | None]], proof: Proof, *, outage: float, size: int = 50_000
    ) -> None:
        self._load, self._proof, self._outage, self._size = load, proof, outage, size
        self._entries: OrderedDict[str, _Entry[Value]] = OrderedDict()
        self._loading: dict[str, asyncio.Task[_Entry[Value]]] = {}
        self._generation = 0

    def __len__(self) -> int:
        return len(self._entries)

    def peek(self, key: str) -> Value | None:
        """Return the value when it is known and proven, without waiting; None says nothing about existence."""
        entry = self._entries.get(key)
        if entry is None or entry.value is None or not self._is_fresh(entry, time.monotonic()):
            return None
        self._entries.move_to_end(key)
        return entry.value

    async def get(self, key: str) -> Value | None:
        """Return the value, or None when there is no such thing. Raises TruthUnavailable."""
        now = time.monotonic()
        entry = self._entries.get(key)
        if entry is not None:
            if self._is_fresh(entry, now):
                return entry.value
            if not self._proof.is_up and self._is_bearable(entry, now):
                return entry.value
        try:
            return (await self._load_once(key)).value
        except TruthUnavailable:
            if entry is not None and self._is_bearable(entry, now) and key in self._entries:
                return entry.value
            raise

    def drop(self, key: str) -> None:
        """Forget one key; a load under way is repeated."""
        self._generation += 1
        self._entries.pop(key, None)

    def drop_where(self, matches: Callable[[Value], bool]) -> None:
        """Forget every value that matches, and everything known to be absent."""
        self._generation += 1
        for key in [k for k, e in self._entries.items() if e.value is None or matches(e.value)]:
            del self._entries[key]

    def clear(self) -> None:
        """Forget everything."""
        self._generation += 1
        self._entries.clear()

    def _is_fresh(self, entry: _Entry[Value], now: float) -> bool:
        age = now - entry.loaded_at
        if entry.value is None:
            return age <= NEGATIVE_SECONDS
        if age <= self._proof.lease:
            return True
        return entry.epoch == self._proof.epoch and age <= RELOAD_SECONDS and self._proof.holds(now)

    def _is_bearable(self, entry: _Entry[Value], now: float) -> bool:
        known_good = max(entry.loaded_at, self._proof.proven_at if entry.epoch == self._proof.epoch else float("-inf"))
        return entry.value is not None and now - known_good <= self._outage

    async def _load_once(self, key: str) -> _Entry[Value]:
        task = self._loading.get(key)
        if task is None:
            task = asyncio.create_task(self._load_settled(key))
            self._loading[key] = task
            task.add_done_callback(lambda done: self._settled(key, done))
        return await asyncio.shield(task)

    def _settled(self, key: str, task: asyncio.Task[_Entry[Value]]) -> None:
        self._loading.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen, also when every caller has left meanwhile

    async def _load_settled(self, key: str) -> _Entry[Value]:
        for _attempt in range(_ATTEMPTS):
            generation, epoch, started = self._generation, self._proof.epoch, time.monotonic()
            entry = _Entry(await self._load(key), started, epoch)
            if generation == self._generation:
                self._keep(key, entry)
                return entry
        return entry  # read during this very request, so good enough for it, but not kept

    def _keep(self, key: str, entry: _Entry[Value]) -> None:
        self._entries[key] = entry
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)
