"""Hourly and daily sums, recomputed from the request log wherever it changed.

Nothing is ever incremented. An hour that received rows is marked dirty in the transaction that brought them; here it is
summed again from the log and replaced, then its day is summed again from its hours. So the order of arrival,
repeats, late calls and a crash at any line cannot make the sums differ from the log (docs/algorithms/rollups.md).
What changes a day here marks the day of its API, which `portal.metering.api_rollups` sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from portal.db import db
from portal.kit.periods import Period
from portal.metering.availability import ASKED_SQL, FAILED_SQL
from portal.metering.latency import BOUNDS

# One recomputation at a time. Locking the dirty rows instead would make the intake of the running hour wait for us.
_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtext('usage rollups'))")

# A worker may take longer over a busy hour than a person would wait for a page. Every statement here goes by key; a
# sequential scan inside a loop is what a planner chooses for a table that was empty when it last looked.
_MANNERS = text("SELECT set_config('statement_timeout', '60s', true), set_config('enable_seqscan', 'off', true)")

_SEEN = text("""
    SELECT hour, subscription_id, generation FROM usage_dirty_hours
    ORDER BY dirty_since, hour, subscription_id LIMIT :limit
""")

_UNNEST = "unnest(CAST(:hours AS timestamptz[]), CAST(:subscriptions AS bigint[])) AS seen (hour, subscription_id)"

_FORGET_HOURS = text(f"""
    DELETE FROM usage_records_hourly old USING {_UNNEST}
    WHERE old.subscription_id = seen.subscription_id AND old.hour = seen.hour
""")  # noqa: S608 - constants only

# Each pair is summed by itself (the planner cannot take a grouped LATERAL apart), so one index range is read per pair
# whatever the statistics say: a table that has just been filled must not make a plan that scans it all.
_SUM_HOURS = text(f"""
    INSERT INTO usage_records_hourly (subscription_id, hour, api_key_id, account_id, api_id, calls, billable_calls,
        errors, latency_ms_sum, bytes_out, last_call_at, asked_calls, failed_calls, latency_buckets, latency_counts,
        asked_counts)
    SELECT seen.subscription_id, seen.hour, sums.* FROM {_UNNEST} CROSS JOIN LATERAL (
        SELECT api_key_id, max(account_id), coalesce(max(api_id), 0), sum(calls), sum(billable_calls),
            sum(errors), sum(latency_ms_sum), sum(bytes_out), max(last_call_at), sum(asked), sum(failed),
            array_agg(bucket ORDER BY bucket), array_agg(calls ORDER BY bucket), array_agg(asked ORDER BY bucket)
        FROM (
            SELECT coalesce(api_key_id, 0) AS api_key_id,
                width_bucket(latency_ms, CAST(:bounds AS bigint[]))::smallint AS bucket,
                max(account_id) AS account_id, max(api_id) AS api_id,
                count(*) AS calls, count(*) FILTER (WHERE billable) AS billable_calls,
                count(*) FILTER (WHERE status >= 400) AS errors,
                count(*) FILTER (WHERE {ASKED_SQL}) AS asked, count(*) FILTER (WHERE {FAILED_SQL}) AS failed,
                sum(latency_ms) AS latency_ms_sum, sum(bytes_out) AS bytes_out, max(started_at) AS last_call_at
            FROM api_requests_log
            WHERE subscription_id = seen.subscription_id
                AND started_at >= seen.hour AND started_at < seen.hour + interval '1 hour'
            GROUP BY 1, 2
        ) AS by_bucket
        GROUP BY 1
    ) AS sums
""")  # noqa: S608

_FORGET_DAYS = text(f"""
    DELETE FROM usage_records_daily old USING {_UNNEST}
    WHERE old.subscription_id = seen.subscription_id AND old.day = seen.hour
""")  # noqa: S608

_SUM_DAYS = text(f"""
    INSERT INTO usage_records_daily (subscription_id, day, api_key_id, account_id, api_id, calls, billable_calls,
        errors, latency_ms_sum, bytes_out, last_call_at, asked_calls, failed_calls, latency_buckets, latency_counts,
        asked_counts)
    SELECT seen.subscription_id, seen.hour, sums.*, histogram.* FROM {_UNNEST} CROSS JOIN LATERAL (
        SELECT api_key_id, max(account_id), max(api_id), sum(calls), sum(billable_calls), sum(errors),
            sum(latency_ms_sum), sum(bytes_out), max(last_call_at), sum(asked_calls), sum(failed_calls)
        FROM usage_records_hourly
        WHERE subscription_id = seen.subscription_id AND hour >= seen.hour AND hour < seen.hour + interval '1 day'
        GROUP BY 1
    ) AS sums CROSS JOIN LATERAL (
        SELECT array_agg(bucket ORDER BY bucket), array_agg(calls ORDER BY bucket), array_agg(asked ORDER BY bucket)
        FROM (
            SELECT pair.bucket, sum(pair.calls)::bigint AS calls, coalesce(sum(pair.asked), 0)::bigint AS asked
            FROM usage_records_hourly h,
                unnest(h.latency_buckets, h.latency_counts, h.asked_counts) AS pair (bucket, calls, asked)
            WHERE h.subscription_id = seen.subscription_id AND h.api_key_id = sums.api_key_id
                AND h.hour >= seen.hour AND h.hour < seen.hour + interval '1 day'
            GROUP BY 1
        ) AS by_bucket
    ) AS histogram
""")  # noqa: S608

# An hour that changed again while we summed has a higher generation by now and stays dirty.
_DONE = text("""
    DELETE FROM usage_dirty_hours dirty
    USING unnest(CAST(:hours AS timestamptz[]), CAST(:subscriptions AS bigint[]), CAST(:generations AS bigint[]))
        AS seen (hour, subscription_id, generation)
    WHERE dirty.hour = seen.hour AND dirty.subscription_id = seen.subscription_id AND dirty.generation = seen.generation
""")

_MARK_API_DAYS = text("""
    INSERT INTO usage_dirty_api_days (api_id, day)
    SELECT api_id, day FROM usage_records_api_daily
    WHERE day >= date_trunc('day', CAST(:opens AS timestamptz), 'UTC') AND day < :closes ORDER BY 1, 2
    ON CONFLICT (api_id, day) DO UPDATE SET generation = usage_dirty_api_days.generation + 1
""")


@dataclass(frozen=True, slots=True)
class _Seen:
    """The dirty hours as they stood before the log was read."""

    hours: Sequence[datetime]
    subscriptions: Sequence[int]
    generations: Sequence[int]


def take_turn() -> bool:
    """Return whether the open unit of work may replace sums, of whatever level: until it ends, nobody else may."""
    if not db.session.execute(_ALONE).scalar_one():
        return False
    db.session.execute(_MANNERS)
    return True


def mark_dirty(period: Period) -> int:
    """Mark every hour of a period that has calls or sums, so that all of it is summed again; return how many.

    Days of APIs follow from their rows. Those that have a sum are marked all the same: it may have lost its rows.
    """
    db.session.execute(_MARK_API_DAYS, {"opens": period.start, "closes": period.end})
    marked = db.session.execute(
        text("""
            INSERT INTO usage_dirty_hours (hour, subscription_id, account_id)
            SELECT date_trunc('hour', started_at, 'UTC'), subscription_id, max(account_id) FROM api_requests_log
            WHERE started_at >= :opens AND started_at < :closes AND account_id IS NOT NULL GROUP BY 1, 2
            UNION
            SELECT hour, subscription_id, account_id FROM usage_records_hourly WHERE hour >= :opens AND hour < :closes
            ORDER BY 1, 2
            ON CONFLICT (hour, subscription_id) DO UPDATE SET generation = usage_dirty_hours.generation + 1
            RETURNING 1
        """),
        {"opens": period.start, "closes": period.end},
    )
    return len(marked.all())


def recompute_dirty(limit: int = 500) -> int:
    """Recompute up to `limit` dirty hours, longest waiting first, and their days; return how many.

    Zero means that nothing is dirty, or that another worker is at it and will go on until nothing is. Runs as the
    system, in the open unit of work.
    """
    if not take_turn():
        return 0
    found = db.session.execute(_SEEN, {"limit": limit}).all()
    if not found:
        return 0
    seen = _Seen(*(list(column) for column in zip(*found, strict=True)))
    _replace_hours(seen)
    _replace_days(seen)
    db.session.execute(
        _DONE, {"hours": seen.hours, "subscriptions": seen.subscriptions, "generations": seen.generations}
    )
    return len(found)


def _replace_hours(seen: _Seen) -> None:
    pairs = {"hours": seen.hours, "subscriptions": seen.subscriptions}
    db.session.execute(_FORGET_HOURS, pairs)
    db.session.execute(_SUM_HOURS, {**pairs, "bounds": list(BOUNDS)})


def _replace_days(seen: _Seen) -> None:
    days = sorted({(hour.replace(hour=0), who) for hour, who in zip(seen.hours, seen.subscriptions, strict=True)})
    pairs = {"hours": [day for day, _ in days], "subscriptions": [who for _, who in days]}
    db.session.execute(_FORGET_DAYS, pairs)
    db.session.execute(_SUM_DAYS, pairs)
