"""Weeks of believable calls: the same gateway log entries that the data plane posts, taken in by the same intake."""

from __future__ import annotations

import asyncio
import math
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.dataplane.cache import Proof
from portal.dataplane.truth import Truth
from portal.metering.types import LogEntry

PATHS = ("/v1/holidays/DE/2026", "/v1/working-days", "/v1/deadline", "/v1/sun", "/v1/sun", "/v1/sun")
PREFIX = "/kestrel-data/almanac"


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose calls they are, by our own numbers."""

    subscription_id: int
    account_id: int
    api_id: int
    api_key_id: int


def believable_calls(
    *,
    subscription_id: int,
    account_id: int,
    api_id: int,
    api_key_id: int,
    until: datetime,
    days: int,
    per_day: int,
    prefix: str = PREFIX,
    paths: Sequence[str] = PATHS,
) -> Iterator[LogEntry]:
    """Yield calls over `days` up to `until`: busy afternoons, quiet weekends, a slow growth, some errors.

    Always the same for the same subscription, so that seeding twice repeats request ids instead of calls.
    """
    chance = random.Random(f"demo usage {subscription_id}")  # noqa: S311 - repeatable on purpose
    addresses = [prefix + path for path in paths]
    caller = Caller(subscription_id, account_id, api_id, api_key_id)
    start = (until - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
    for day in range(days + 1):
        morning = start + timedelta(days=day)
        busy = per_day * (0.7 + 0.6 * day / days) * (0.35 if morning.weekday() >= 5 else 1.0)
        for _call in range(round(busy * chance.uniform(0.8, 1.2))):
            hour = min(23.99, max(0.0, chance.gauss(14.0, 3.5)))
            at = morning + timedelta(hours=hour)
            identity = uuid.UUID(int=chance.getrandbits(128))
            if at < until - timedelta(minutes=10):
                status = chance.choices((200, 404, 422, 500), weights=(960, 25, 10, 5))[0]
                taken = round(min(900.0, math.exp(chance.gauss(3.3, 0.5))))
                yield entry(chance, caller, identity, at, ("GET", chance.choice(addresses)), status, taken)


def note_use(database_url: str, seen: Mapping[int, datetime]) -> None:
    """Remember when keys were last used, as the gateway does."""

    async def note() -> None:
        truth = Truth(database_url, Proof(lease=1.0), size=1)
        await truth.open()
        try:
            await truth.mark_used(seen)
        finally:
            await truth.close()

    asyncio.run(note())


def entry(
    chance: random.Random,
    caller: Caller,
    identity: uuid.UUID,
    at: datetime,
    call: tuple[str, str],
    status: int,
    upstream_ms: int,
) -> LogEntry:
    """Return one call, method and path, as the data plane reports it."""
    return LogEntry(
        request_id=identity.hex,
        given_id=identity.hex,
        started_at=at.isoformat(),
        method=call[0],
        path=call[1],
        status=status,
        source="upstream",
        upstream_answered=True,
        latency_ms=upstream_ms + chance.randint(1, 4),
        upstream_ms=upstream_ms,
        bytes_in=chance.randint(180, 260),
        bytes_out=chance.randint(400, 1_800),
        billable=status < 500,
        decision="admitted",
        client_ip="192.0.2.10",
        account_id=caller.account_id,
        subscription_id=caller.subscription_id,
        api_id=caller.api_id,
        api_key_id=caller.api_key_id,
    )
