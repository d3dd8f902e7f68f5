"""The database as the gateway sees it: two views to read, two things to write."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from yarl import URL

from portal.dataplane.cache import Proof, TruthUnavailable
from portal.dataplane.types import Credential, Route
from portal.kit.money import Money
from portal.kit.periods import Period
from portal.kit.stable_ids import stable_uuid

SESSION = "-c role=portal_system -c statement_timeout=3000 -c lock_timeout=2000 -c timezone=UTC"
_ROUTE = "SELECT * FROM gateway_routes WHERE organisation_slug = %s AND api_slug = %s"
_CREDENTIAL = "SELECT * FROM gateway_credentials WHERE public_id = %s"
# A lease never passes the cap; near the cap it shrinks to single calls, so that little waits unused anywhere.
_LEASE = """
    INSERT INTO quota_counters AS counter (subscription_id, period_start, used)
    VALUES (%(subscription)s, %(period)s, LEAST(%(wanted)s, GREATEST(1, %(cap)s / 16), %(cap)s))
    ON CONFLICT (subscription_id, period_start) DO UPDATE
    SET used = counter.used + LEAST(%(wanted)s, GREATEST(1, (%(cap)s - counter.used) / 16)),
        updated_at = clock_timestamp()
    WHERE counter.used < %(cap)s
    RETURNING COALESCE(old.used, 0) AS before, new.used AS after
"""
_COUNT = """
    INSERT INTO quota_counters AS counter (subscription_id, period_start, used)
    VALUES (%(subscription)s, %(period)s, GREATEST(0, %(calls)s))
    ON CONFLICT (subscription_id, period_start) DO UPDATE
    SET used = GREATEST(0, counter.used + %(calls)s), updated_at = clock_timestamp()
"""
_USED = """
    UPDATE api_keys SET last_used_at = GREATEST(COALESCE(last_used_at, seen.at), seen.at)
    FROM unnest(%s::bigint[], %s::timestamptz[]) AS seen (id, at) WHERE api_keys.id = seen.id
"""


class Truth:
    """PostgreSQL through a small pool, as the role `portal_system`. Every failure to answer is TruthUnavailable."""

    def __init__(self, url: str, proof: Proof, *, size: int = 8) -> None:
        self._proof = proof
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[dict[str, Any]]] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=size,
            open=False,
            timeout=1.0,
            reconnect_timeout=5.0,
            kwargs={"autocommit": True, "row_factory": dict_row, "options": SESSION, "connect_timeout": 2},
        )

    async def open(self) -> None:
        """Start connecting; a database that is not there yet is no reason not to start."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=2)

    async def find_route(self, prefix: str) -> Route | None:
        """Return the published API under `<organisation>/<api>`."""
        organisation, _, api = prefix.partition("/")
        rows = await self._ask(_ROUTE, (organisation, api))
        return _route(rows[0]) if rows else None

    async def find_credential(self, public_id: str) -> Credential | None:
        """Return an unrevoked key."""
        rows = await self._ask(_CREDENTIAL, (public_id,))
        return _credential(rows[0]) if rows else None

    async def lease(self, subscription_id: int, period: Period, *, wanted: int, cap: int) -> tuple[int, int]:
        """Book up to `wanted` calls that stay within `cap`; return how many were granted and the new total.

        Zero granted means that the cap is reached.
        """
        values = {"subscription": subscription_id, "period": period.start, "wanted": wanted, "cap": cap}
        rows = await self._ask(_LEASE, values)
        return (rows[0]["after"] - rows[0]["before"], rows[0]["after"]) if rows else (0, cap)

    async def count(self, subscription_id: int, period_start: datetime, calls: int) -> None:
        """Add calls already made (or give back leased ones with a negative number)."""
        await self._ask(_COUNT, {"subscription": subscription_id, "period": period_start, "calls": calls})

    async def mark_used(self, seen: Mapping[int, datetime]) -> None:
        """Remember when keys were last used."""
        await self._ask(_USED, (list(seen), list(seen.values())))

    async def say(self, channel: str, message: str) -> None:
        """Send a notification; it arrives after everything that was committed before."""
        await self._ask("SELECT pg_notify(%s, %s)", (channel, message))

    async def _ask(self, statement: str, values: Mapping[str, Any] | Sequence[Any]) -> list[dict[str, Any]]:
        try:
            async with asyncio.timeout(4), self._pool.connection() as connection:
                cursor = await connection.execute(statement, values)
                rows = await cursor.fetchall() if cursor.description else []
        except (psycopg.Error, PoolTimeout, OSError, TimeoutError) as problem:
            if not isinstance(problem, psycopg.DataError):
                self._proof.is_up = False
            raise TruthUnavailable(f"{type(problem).__name__}: {problem}") from problem
        self._proof.is_up = True
        return rows


def _route(row: Mapping[str, Any]) -> Route:
    api_id, prefix = row["api_id"], f"{row['organisation_slug']}/{row['api_slug']}"
    upstream = urlsplit(row["upstream_url"])
    service_id = str(stable_uuid("service", api_id))
    service = {
        "id": service_id,
        "name": f"api-{api_id}",
        "protocol": upstream.scheme,
        "host": upstream.hostname or "",
        "port": upstream.port or (443 if upstream.scheme == "https" else 80),
        "path": upstream.path or None,
        "tags": ["portal", f"api:{api_id}"],
    }
    log_route = {
        "id": str(stable_uuid("route", api_id)),
        "name": f"api-{api_id}",
        "paths": [f"/{prefix}"],
        "service": {"id": service_id},
        "strip_path": True,
        "tags": ["portal", f"api:{api_id}"],
    }
    return Route(
        api_id=api_id,
        prefix=prefix,
        upstream=URL(row["upstream_url"], encoded=True),
        service=orjson.Fragment(orjson.dumps(service)),
        log_route=orjson.Fragment(orjson.dumps(log_route)),
        is_blocked=row["state"] == "blocked",
    )


def _cap(row: Mapping[str, Any]) -> tuple[int | None, Money | None]:
    """Return after how many calls a period stops, and the buyer's limit when it is that which stops it."""
    hard = None if row["is_billed_beyond"] else row["included_quantity"]
    own = row["spending_calls"]
    if own is None or (hard is not None and hard <= own):
        return hard, None
    return own, Money(row["spending_limit"], row["currency"])


def _credential(row: Mapping[str, Any]) -> Credential:
    subscription_id = row["subscription_id"]
    consumer_id = str(stable_uuid("consumer", subscription_id))
    consumer = {
        "id": consumer_id,
        "username": f"sub-{subscription_id}",
        "custom_id": str(subscription_id),
        "tags": ["portal", f"sub:{subscription_id}"],
    }
    included = row["included_quantity"]
    quota, spending_limit = _cap(row)
    return Credential(
        key_id=row["key_id"],
        public_id=row["public_id"],
        key_hash=bytes(row["key_hash"]),
        expires_at=row["expires_at"],
        account_id=row["account_id"],
        subscription_id=subscription_id,
        api_id=row["api_id"],
        plan_code=row["plan_code"],
        requests_per_minute=row["requests_per_minute"],
        quota=quota,
        spending_limit=spending_limit,
        is_counted=included is not None or row["is_billed_beyond"],
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        period=Period(row["period_start"], row["period_end"]),
        anchor_at=row["anchor_at"],
        interval=row["interval"],
        interval_count=row["interval_count"],
        consumer_id=consumer_id,
        credential_id=str(stable_uuid("credential", row["public_id"])),
        consumer=orjson.Fragment(orjson.dumps(consumer)),
    )
