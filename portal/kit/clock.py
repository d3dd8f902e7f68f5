"""The only place that asks the machine what time it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Source of the current instant; everything that depends on time receives one."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told: tests and rehearsals."""

    def __init__(self, start: datetime) -> None:
        self._now = as_utc(start)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move forward by `by` and return the new instant."""
        self._now += by
        return self._now

    def set(self, instant: datetime) -> datetime:
        """Jump to `instant`, forwards or backwards, and return it."""
        self._now = as_utc(instant)
        return self._now


def as_utc(instant: datetime) -> datetime:
    """Return the same instant in UTC. Raises ValueError for a naive datetime: its zone would be a guess."""
    if instant.tzinfo is None:
        raise ValueError("a datetime without a time zone has no instant")
    return instant.astimezone(UTC)


def from_timestamp(seconds: float) -> datetime:
    """Return the aware UTC instant of a Unix timestamp in seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def isoformat_z(instant: datetime) -> str:
    """Return RFC 3339 in UTC with a `Z`, seconds precision unless there are microseconds."""
    return as_utc(instant).isoformat().replace("+00:00", "Z")
