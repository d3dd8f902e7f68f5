"""Calls per minute, and calls per billing period."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from portal.dataplane.cache import TruthUnavailable
from portal.dataplane.truth import Truth
from portal.dataplane.types import Credential
from portal.kit.periods import Period

log = structlog.get_logger(__name__)

LARGEST_LEASE = 200
_DENIAL_SECONDS = 1.0  # how long a reached cap is believed without asking again
_IDLE_SECONDS = 5.0  # an unused lease goes back after this


@dataclass(frozen=True, slots=True)
class MinuteVerdict:
    """The state of a fixed one-minute window after this call. `reset` is whole seconds until the next one."""

    allowed: bool
    limit: int
    remaining: int
    reset: int


class MinuteWindows:
    """Fixed windows of one clock minute per subscription, in this process: Kong's `local` policy.

    All keys of a subscription share its window, so rotating a key gives nobody a second allowance.
    """

    def __init__(self) -> None:
        self._minute = 0
        self._calls: dict[int, int] = {}

    def take(self, subscription_id: int, limit: int, epoch_seconds: float) -> MinuteVerdict:
        """Count one call against `limit` unless the window is full."""
        minute, second = divmod(int(epoch_seconds), 60)
        if minute != self._minute:
            self._minute, self._calls = minute, {}
        used = self._calls.get(subscription_id, 0)
        if used >= limit:
            return MinuteVerdict(False, limit, 0, 60 - second)
        self._calls[subscription_id] = used + 1
        return MinuteVerdict(True, limit, limit - used - 1, 60 - second)


@dataclass(frozen=True, slots=True)
class QuotaVerdict:
    """The state of a period's quota after this call. `remaining` may be higher elsewhere while leases are out."""

    allowed: bool
    limit: int
    remaining: int
    resets_at: datetime


@dataclass(slots=True)
class _Counter:
    """What this process holds of one period: `left` calls are booked and not made, `unbooked` made and not booked."""

    subscription_id: int
    period: Period
    left: int = 0
    booked: int | None = None
    unbooked: int = 0
    denied_until: float = 0.0
    denied_cap: int = -1
    touched: float = field(default_factory=time.monotonic)
    recent: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def may_spend(self, cap: int) -> bool:
        """True when a held call may be made under this cap.

        What was leased under a higher cap, or came back after this one was reached, is the database's to judge again.
        """
        return self.left > 0 and self.denied_cap != cap and (self.booked is None or self.booked <= cap)


class Quotas:
    """Hard caps that hold across processes and restarts; plain counting where calls beyond the quota are billed.

    Calls are booked in PostgreSQL before they are made, in leases that shrink near the cap. A process that is killed
    strands what it had leased (the cap is never passed); one that ends in order gives it back.
    """

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._counters: dict[tuple[int, datetime], _Counter] = {}

    async def take(self, credential: Credential, instant: datetime) -> QuotaVerdict | None:
        """Use one call; None when nothing caps this key. Raises TruthUnavailable when the cap cannot be checked."""
        if not credential.is_counted:
            return None
        counter = self._counter(credential, instant)
        counter.touched = time.monotonic()
        cap = credential.quota
        if cap is None:
            # A lease from when there was a cap was booked already; it is taken off what is booked next.
            counter.unbooked, counter.left = counter.unbooked + 1 - counter.left, 0
            return None
        if not counter.may_spend(cap):
            await self._book(counter, cap)
        if not counter.may_spend(cap):
            return QuotaVerdict(False, cap, 0, counter.period.end)
        counter.left -= 1
        counter.recent += 1
        return QuotaVerdict(True, cap, self._remaining(counter, cap), counter.period.end)

    def give_back(self, credential: Credential, instant: datetime) -> None:
        """Return the call of a request that is not counted after all (no answer of the upstream, or its failure)."""
        if not credential.is_counted:
            return
        counter = self._counter(credential, instant)
        if credential.quota is None:
            counter.unbooked -= 1
        else:
            counter.left += 1
            counter.denied_until = 0.0

    async def settle(self, *, everything: bool = False) -> None:
        """Book what was counted, return idle leases, forget old periods. `everything` at the end of the process."""
        now = time.monotonic()
        for key, counter in list(self._counters.items()):
            counter.recent = min(counter.recent, LARGEST_LEASE) // 2
            idle = now - counter.touched > _IDLE_SECONDS
            if counter.lock.locked() and not everything:
                continue
            async with counter.lock:
                if counter.unbooked or (counter.left and (idle or everything)):
                    await self._return(counter, everything or idle)
            if now - counter.touched > 600 and not counter.left and not counter.unbooked:
                self._counters.pop(key, None)

    async def _return(self, counter: _Counter, with_lease: bool) -> None:
        unbooked, left = counter.unbooked, counter.left if with_lease else 0
        counter.unbooked, counter.left = 0, counter.left - left
        if counter.booked is not None:
            counter.booked -= left
        try:
            await self._truth.count(counter.subscription_id, counter.period.start, unbooked - left)
        except TruthUnavailable:
            counter.unbooked += unbooked
            counter.left += left
            if counter.booked is not None:
                counter.booked += left

    async def _book(self, counter: _Counter, cap: int) -> None:
        async with counter.lock:
            if counter.may_spend(cap):
                return
            if counter.denied_cap == cap and time.monotonic() < counter.denied_until:
                return
            wanted = max(1, min(LARGEST_LEASE, counter.recent))
            if counter.unbooked or counter.left:  # from before this cap, or before it was reached
                await self._return(counter, with_lease=True)
            try:
                granted, counter.booked = await self._truth.lease(
                    counter.subscription_id, counter.period, wanted=wanted, cap=cap
                )
            except TruthUnavailable:
                self._lend(counter, cap)
                return
            counter.left, counter.denied_cap = counter.left + granted, -1
            if not granted:
                counter.denied_cap, counter.denied_until = cap, time.monotonic() + _DENIAL_SECONDS

    def _lend(self, counter: _Counter, cap: int) -> None:
        """Without the database, go on up to the cap as last seen: exact for one gateway, and booked afterwards."""
        if counter.booked is None:
            raise TruthUnavailable("the quota was never seen")
        if counter.booked + counter.unbooked < cap:
            counter.unbooked += 1
            counter.left += 1

    def _counter(self, credential: Credential, instant: datetime) -> _Counter:
        period = credential.period_at(instant)
        key = (credential.subscription_id, period.start)
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = _Counter(credential.subscription_id, period)
        return counter

    def _remaining(self, counter: _Counter, cap: int) -> int:
        return max(0, cap - (counter.booked or 0) - counter.unbooked + counter.left)
