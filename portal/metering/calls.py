"""The request log as its owner reads it: newest first, page by page, without counting what nobody asked to count."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from portal.db import db
from portal.kit.clock import from_timestamp
from portal.kit.periods import Period

PAGE = 25
STATUS_CLASSES = ("2xx", "3xx", "4xx", "5xx")
_CURSOR = re.compile(r"(\d{1,17})-([0-9a-f]{32})\Z")


@dataclass(frozen=True, slots=True)
class Call:
    """One logged call with the name of the key that made it."""

    started_at: datetime
    request_id: uuid.UUID
    subscription_id: int
    key_name: str | None
    method: str
    path: str
    status: int
    source: str
    billable: bool
    latency_ms: int
    bytes_out: int
    decision: str | None

    @property
    def cursor(self) -> str:
        """Where a page that ends or begins with this call goes on."""
        return f"{_microseconds(self.started_at)}-{self.request_id.hex}"


@dataclass(frozen=True, slots=True)
class CallPage:
    """Some calls, newest first, and whether there are more on either side."""

    calls: Sequence[Call]
    newer: str | None = None
    older: str | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two calls."""

    started_at: datetime
    request_id: uuid.UUID
    towards: str = "older"


def read_cursor(given: str | None, towards: str) -> Cursor | None:
    """Return the place a link named, or None when it names none: a torn link shows the newest calls."""
    found = _CURSOR.match(given or "")
    if not found:
        return None
    try:
        return Cursor(from_timestamp(int(found[1]) / 1_000_000), uuid.UUID(found[2]), towards)
    except (ValueError, OverflowError, OSError):
        return None


# Each subscription is walked on its own index and only the newest of all are kept: a few rows per subscription.
_PAGE = """
    SELECT call.started_at, call.request_id, call.subscription_id, key.name, call.method, call.path, call.status,
        call.source, call.billable, call.latency_ms, call.bytes_out, call.decision
    FROM (
        SELECT log.* FROM unnest(CAST(:subscriptions AS bigint[])) AS mine (id) CROSS JOIN LATERAL (
            SELECT * FROM api_requests_log
            WHERE subscription_id = mine.id AND account_id = :account_id
                AND started_at >= :opens AND started_at < :closes {where}
            ORDER BY started_at {order}, request_id {order} LIMIT :limit
        ) AS log
        ORDER BY log.started_at {order}, log.request_id {order} LIMIT :limit
    ) AS call LEFT JOIN api_keys key ON key.id = call.api_key_id
    ORDER BY call.started_at {order}, call.request_id {order}
"""


def list_calls(
    account_id: int,
    subscription_ids: Sequence[int],
    period: Period,
    *,
    status_class: str | None = None,
    at: Cursor | None = None,
    limit: int = PAGE,
) -> CallPage:
    """Return one page of calls that started in a period."""
    backwards = at is not None and at.towards == "newer"
    rows = _read(account_id, subscription_ids, period, status_class, at, backwards=backwards, limit=limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    if backwards:
        rows.reverse()
    has_newer, has_older = (more, True) if backwards else (at is not None, more)
    if not rows:
        return CallPage([], newer=None, older=None)
    return CallPage(rows, rows[0].cursor if has_newer else None, rows[-1].cursor if has_older else None)


def each_call(
    account_id: int, subscription_ids: Sequence[int], period: Period, *, status_class: str | None = None
) -> Iterator[Call]:
    """Yield every call of a period, newest first, reading a few thousand at a time."""
    at: Cursor | None = None
    while rows := _read(account_id, subscription_ids, period, status_class, at, backwards=False, limit=5_000):
        yield from rows
        at = Cursor(rows[-1].started_at, rows[-1].request_id)


def _read(
    account_id: int,
    subscription_ids: Sequence[int],
    period: Period,
    status_class: str | None,
    at: Cursor | None,
    *,
    backwards: bool,
    limit: int,
) -> list[Call]:
    where = ""
    values: dict[str, object] = {
        "account_id": account_id, "subscriptions": list(subscription_ids),
        "opens": period.start, "closes": period.end, "limit": limit,
    }  # fmt: skip
    if status_class in STATUS_CLASSES:
        where += " AND status >= :lowest AND status < :lowest + 100"
        values["lowest"] = int(status_class[0]) * 100
    if at is not None:
        where += f" AND (started_at, request_id) {'>' if backwards else '<'} (:from_at, :from_id)"
        values |= {"from_at": at.started_at, "from_id": at.request_id}
    statement = text(_PAGE.format(where=where, order="ASC" if backwards else "DESC"))
    return [Call(*row) for row in db.session.execute(statement, values)]


def _microseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000 + at.microsecond
