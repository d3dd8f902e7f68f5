"""Reading usage. Sums come from the rollups and, where a period cuts an hour, from the log: never an estimate."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import text

from portal.db import db
from portal.kit.periods import Period
from portal.metering.latency import BOUNDS
from portal.metering.rules import Cover, cover
from portal.metering.types import ApiDay, Bucket, FirstCall, Usage

Step = Literal["hour", "day"]

_SPAN = "unnest(CAST(:{0}_starts AS timestamptz[]), CAST(:{0}_ends AS timestamptz[])) AS span (opens, closes)"
_MINE = (
    "account_id = :account_id AND (CAST(:subscriptions AS bigint[]) IS NULL OR subscription_id = ANY(:subscriptions))"
)

# What is read of a span of each size: table, time, and the five sums. The log gives each call as a sum of one.
_SIZES = {
    "days": ("usage_records_daily", "day", "calls, billable_calls, errors, latency_ms_sum, bytes_out"),
    "hours": ("usage_records_hourly", "hour", "calls, billable_calls, errors, latency_ms_sum, bytes_out"),
    "calls": ("api_requests_log", "started_at", "1, billable::int, (status >= 400)::int, latency_ms, bytes_out"),
}
_PIECES = " UNION ALL ".join(
    f"""
    SELECT subscription_id, {at} AS at, {sums} FROM {_SPAN.format(size)}
    JOIN {table} ON {at} >= opens AND {at} < closes WHERE {_MINE}
    """  # noqa: S608 - constants only
    for size, (table, at, sums) in _SIZES.items()
)
# Each subscription in a period of its own. OFFSET 0 keeps the planner from taking the parts apart: for a few periods it
# would rather read all of the log.
_EACH_SPAN = (
    "unnest(CAST(:{0}_owners AS bigint[]), CAST(:{0}_starts AS timestamptz[]), CAST(:{0}_ends AS timestamptz[]))"
    " AS span (owner, opens, closes)"
)
_EACH_PIECES = " UNION ALL ".join(
    f"""
    SELECT owner AS subscription_id, piece.* FROM {_EACH_SPAN.format(size)} CROSS JOIN LATERAL (
        SELECT {at} AS at, {sums} FROM {table}
        WHERE account_id = :account_id AND subscription_id = owner AND {at} >= opens AND {at} < closes OFFSET 0
    ) AS piece
    """  # noqa: S608 - constants only
    for size, (table, at, sums) in _SIZES.items()
)
_SUMS = ", ".join(
    f"sum({name})::bigint" for name in ("calls", "billable_calls", "errors", "latency_ms_sum", "bytes_out")
)

_TOTAL = text(f"SELECT {_SUMS} FROM ({_PIECES}) AS pieces")  # noqa: S608
_EACH_TOTAL = text(f"SELECT subscription_id, {_SUMS} FROM ({_EACH_PIECES}) AS pieces GROUP BY 1")  # noqa: S608
_BUCKETS = text(f"""
    SELECT date_trunc(:step, at, :zone) AS start, subscription_id, {_SUMS} FROM ({_PIECES}) AS pieces
    GROUP BY 1, 2 ORDER BY 1, 2
""")  # noqa: S608
_HISTOGRAM = text(f"""
    SELECT bucket, sum(calls)::bigint FROM (
        SELECT pair.bucket, pair.calls FROM {_SPAN.format("days")}
        JOIN usage_records_daily ON day >= opens AND day < closes,
            unnest(latency_buckets, latency_counts) AS pair (bucket, calls) WHERE {_MINE}
        UNION ALL
        SELECT pair.bucket, pair.calls FROM {_SPAN.format("hours")}
        JOIN usage_records_hourly ON hour >= opens AND hour < closes,
            unnest(latency_buckets, latency_counts) AS pair (bucket, calls) WHERE {_MINE}
        UNION ALL
        SELECT width_bucket(latency_ms, CAST(:bounds AS bigint[])), 1
        FROM {_SPAN.format("calls")} JOIN api_requests_log ON started_at >= opens AND started_at < closes WHERE {_MINE}
    ) AS pieces GROUP BY 1
""")  # noqa: S608


def usage_of_period(account_id: int, subscription_id: int | None, period: Period) -> Usage:
    """Return what an account used in a half-open period, of one subscription or (None) of all."""
    chosen = None if subscription_id is None else [subscription_id]
    found = db.session.execute(_TOTAL, _arguments(account_id, chosen, cover(period.start, period.end))).one()
    return Usage(*(value or 0 for value in found))


def usage_of_periods(account_id: int, periods: Mapping[int, Period]) -> dict[int, Usage]:
    """Return what subscriptions of an account used, each in a half-open period of its own; every one has an entry."""
    covers = {subscription: cover(period.start, period.end) for subscription, period in periods.items()}
    arguments: dict[str, Any] = {"account_id": account_id}
    for size in _SIZES:
        spans = [(owner, *span) for owner, covered in covers.items() for span in getattr(covered, size)]
        arguments |= {
            f"{size}_{part}": [span[n] for span in spans] for n, part in enumerate(("owners", "starts", "ends"))
        }
    found = {row[0]: Usage(*row[1:]) for row in db.session.execute(_EACH_TOTAL, arguments)}
    return {subscription: found.get(subscription, Usage()) for subscription in periods}


def calls_by_bucket(
    account_id: int, period: Period, *, step: Step, zone: str = "UTC", subscription_ids: Sequence[int] | None = None
) -> list[Bucket]:
    """Return usage per bar and subscription, bars without calls left out.

    Days are those of `zone`, which must keep whole hours from UTC: an hour of the rollup cannot be cut.
    """
    spans = cover(period.start, period.end, with_days=step == "day" and zone == "UTC")
    arguments = _arguments(account_id, subscription_ids, spans)
    found = db.session.execute(_BUCKETS, {**arguments, "step": step, "zone": zone})
    return [Bucket(start, subscription, Usage(*sums)) for start, subscription, *sums in found]


def latency_histogram(
    account_id: int, period: Period, *, subscription_ids: Sequence[int] | None = None
) -> dict[int, int]:
    """Return how many calls fell into each latency bucket (`portal.metering.latency`)."""
    arguments = _arguments(account_id, subscription_ids, cover(period.start, period.end))
    found = db.session.execute(_HISTOGRAM, {**arguments, "bounds": list(BOUNDS)})
    return {bucket: calls for bucket, calls in found}  # noqa: C416 - rows are not pairs to mypy


def api_days(api_id: int, period: Period) -> list[ApiDay]:
    """Return what the provider of an API made of calls on each UTC day of a period, every account's together.

    Days without calls are left out. Reads across accounts, so it runs as the system; what comes back names nobody.
    """
    found = db.session.execute(
        text("""
            SELECT day, asked_calls, failed_calls, subscriptions, latency_buckets, asked_counts
            FROM usage_records_api_daily WHERE api_id = :api_id AND day >= :start AND day < :end ORDER BY day
        """),
        {"api_id": api_id, "start": period.start, "end": period.end},
    )
    return [
        ApiDay(day, asked, failed, subscriptions, tuple(zip(buckets, counts, strict=True)))
        for day, asked, failed, subscriptions, buckets, counts in found
    ]


def paths_called(account_id: int, api_id: int, period: Period) -> list[tuple[str, str, int]]:
    """Return `(method, path, calls)` of what an account called of an API, the most called first, 2,000 at most."""
    found = db.session.execute(
        text("""
            SELECT log.method, log.path, count(*) FROM subscriptions s CROSS JOIN LATERAL (
                SELECT method, path FROM api_requests_log
                WHERE subscription_id = s.id AND started_at >= :start AND started_at < :end AND api_id = :api_id
                ORDER BY started_at DESC LIMIT 200000
            ) AS log
            WHERE s.account_id = :account_id GROUP BY 1, 2 ORDER BY 3 DESC, 2, 1 LIMIT 2000
        """),
        {"account_id": account_id, "api_id": api_id, "start": period.start, "end": period.end},
    )
    return [(method, path, calls) for method, path, calls in found]


def list_called(subscription_ids: Collection[int]) -> set[int]:
    """Return which subscriptions were ever called; read from the log, so it is true once a call is stored."""
    called = text("""
        SELECT id FROM unnest(CAST(:ids AS bigint[])) AS asked (id)
        WHERE EXISTS (SELECT FROM api_requests_log WHERE subscription_id = id)
    """)
    return set(db.session.scalars(called, {"ids": list(subscription_ids)})) if subscription_ids else set()


def find_first_call(subscription_id: int) -> FirstCall | None:
    """Return the earliest call of a subscription, refused ones included, or None."""
    return _first_by(subscription_id, "ORDER BY started_at")


def find_first_success(subscription_id: int) -> FirstCall | None:
    """Return the earliest call of a subscription that its API answered as asked, or None."""
    return _first_by(subscription_id, "AND status < 400 ORDER BY started_at")


def find_latest_call(subscription_id: int) -> FirstCall | None:
    """Return the latest call of a subscription, refused ones included, or None."""
    return _first_by(subscription_id, "ORDER BY started_at DESC")


def _first_by(subscription_id: int, order: str) -> FirstCall | None:
    row = db.session.execute(
        text(f"""
            SELECT started_at, method, path, status, latency_ms FROM api_requests_log
            WHERE subscription_id = :subscription_id {order} LIMIT 1
        """),  # noqa: S608 - the order is one of two constants of ours
        {"subscription_id": subscription_id},
    ).one_or_none()
    return FirstCall(*row) if row else None


def data_until(account_id: int | None, now: datetime) -> datetime:
    """Return up to when the rollups hold everything that was taken in: now, or the first change they still lack."""
    waiting = db.session.execute(
        text("""
            SELECT min(dirty_since) FROM usage_dirty_hours
            WHERE CAST(:account_id AS bigint) IS NULL OR account_id = :account_id
        """),
        {"account_id": account_id},
    ).scalar_one()
    return min(waiting, now) if waiting else now


def _arguments(account_id: int, subscriptions: Sequence[int] | None, spans: Cover) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "account_id": account_id,
        "subscriptions": list(subscriptions) if subscriptions is not None else None,
    }
    for name, found in spans._asdict().items():
        arguments[f"{name}_starts"] = [opens for opens, _ in found]
        arguments[f"{name}_ends"] = [closes for _, closes in found]
    return arguments
