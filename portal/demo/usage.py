"""Weeks of believable calls: the same gateway log entries that the data plane posts, taken in by the same intake."""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from portal.metering.types import LogEntry

PATHS = ("/v1/holidays/DE/2026", "/v1/working-days", "/v1/deadline", "/v1/sun", "/v1/sun", "/v1/sun")
PREFIX = "/kestrel-data/almanac"


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
    start = (until - timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
    for day in range(days + 1):
        morning = start + timedelta(days=day)
        busy = per_day * (0.7 + 0.6 * day / days) * (0.35 if morning.weekday() >= 5 else 1.0)
        for _call in range(round(busy * chance.uniform(0.8, 1.2))):
            hour = min(23.99, max(0.0, chance.gauss(14.0, 3.5)))
            at = morning + timedelta(hours=hour)
            identity = uuid.UUID(int=chance.getrandbits(128))
            if at < until - timedelta(minutes=10):
                yield _entry(chance, addresses, identity, at, subscription_id, account_id, api_id, api_key_id)


def _entry(
    chance: random.Random,
    addresses: Sequence[str],
    identity: uuid.UUID,
    at: datetime,
    subscription: int,
    account: int,
    api: int,
    key: int,
) -> LogEntry:
    status = chance.choices((200, 404, 422, 500), weights=(960, 25, 10, 5))[0]
    upstream_ms = round(min(900.0, math.exp(chance.gauss(3.3, 0.5))))
    return LogEntry(
        request_id=identity.hex,
        given_id=identity.hex,
        started_at=at.isoformat(),
        method="GET",
        path=chance.choice(addresses),
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
        account_id=account,
        subscription_id=subscription,
        api_id=api,
        api_key_id=key,
    )
