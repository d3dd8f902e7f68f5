"""Values that cross the borders of metering."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

VerdictName = Literal["duplicate", "conflict", "quarantined"]


class LogEntry(msgspec.Struct, frozen=True, gc=False):
    """One call as a gateway reported it, checked and free of secrets.

    `request_id` is 32 hex digits. `subscription_id` and `api_id` are what the gateway says; the intake believes
    them only where our own rows agree. Sizes in bytes, latencies in milliseconds. `upstream_answered` is false for
    an answer the gateway made itself. `started_at` is what `datetime.isoformat` writes of a UTC instant: it is only
    ever written down, and its first characters name its month and its hour.
    """

    request_id: str
    given_id: str
    started_at: str
    method: str
    path: str
    status: int
    source: str
    upstream_answered: bool
    latency_ms: int
    upstream_ms: int | None
    bytes_in: int
    bytes_out: int
    billable: bool
    decision: str | None
    client_ip: str | None
    account_id: int | None
    subscription_id: int | None
    api_id: int | None
    api_key_id: int | None


@dataclass(frozen=True, slots=True)
class Fault:
    """An entry that cannot be taken in: why, and what of it may be kept for somebody to look at."""

    given_id: str
    reason: str
    kept: dict[str, Any]
    verdict: VerdictName = "quarantined"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one entry that was not simply accepted."""

    request_id: str
    verdict: VerdictName
    reason: str = ""


@dataclass(frozen=True, slots=True)
class IntakeResult:
    """What became of a batch. `conflicts` are quarantined too, but counted apart: two calls claimed one id."""

    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    quarantined: int = 0
    verdicts: list[Verdict] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums over a span of time. `billable_calls` count toward the plan; the others were refused or failed upstream."""

    calls: int = 0
    billable_calls: int = 0
    errors: int = 0
    latency_ms_sum: int = 0
    bytes_out: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.billable_calls + other.billable_calls,
            self.errors + other.errors,
            self.latency_ms_sum + other.latency_ms_sum,
            self.bytes_out + other.bytes_out,
        )

    @property
    def not_billed(self) -> int:
        """Calls that cost nothing and use up nothing."""
        return self.calls - self.billable_calls

    @property
    def average_ms(self) -> int | None:
        """Mean latency, whole milliseconds rounded half up; None without calls."""
        return (2 * self.latency_ms_sum + self.calls) // (2 * self.calls) if self.calls else None


@dataclass(frozen=True, slots=True)
class Bucket:
    """The usage of one subscription in one bar of a chart; `start` is the bar's first instant, in UTC."""

    start: datetime
    subscription_id: int
    usage: Usage


@dataclass(frozen=True, slots=True)
class FirstCall:
    """One call of a subscription: its earliest, its latest."""

    at: datetime
    method: str
    path: str
    status: int
    latency_ms: int


@dataclass(frozen=True, slots=True)
class ApiDay:
    """What a provider made of calls on one UTC day, all subscriptions together (portal/metering/availability.py).

    `histogram` counts the asked calls: pairs of a latency bucket and how many fell into it, buckets rising.
    """

    day: datetime
    asked: int
    failed: int
    subscriptions: int
    histogram: tuple[tuple[int, int], ...]
