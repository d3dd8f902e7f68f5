"""Sums of an API's UTC days over all its subscribers, made again from the daily rows wherever those changed.

The third level, for pages that speak of an API and not of anybody's calls. A trigger marks the API's day dirty in the
transaction that adds or removes a daily row, so a row that vanishes or moves to another API marks what it leaves.
Here the day is summed again and replaced; nothing is ever incremented (docs/algorithms/rollups.md).
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from portal.db import db
from portal.metering.rollups import take_turn

# How long a worker lets changes of a day gather. An API that thousands call changes with every batch of hours, and its
# day costs as many rows as it has subscribers: so it is summed six times a minute, however often it changes.
GATHERING = timedelta(seconds=10)

_SEEN = text("""
    SELECT api_id, day, generation FROM usage_dirty_api_days
    WHERE dirty_since <= statement_timestamp() - CAST(:gathering AS interval)
    ORDER BY dirty_since, api_id, day LIMIT :limit
""")

_UNNEST = "unnest(CAST(:apis AS bigint[]), CAST(:days AS timestamptz[])) AS seen (api_id, day)"

_FORGET = text(f"""
    DELETE FROM usage_records_api_daily old USING {_UNNEST} WHERE old.api_id = seen.api_id AND old.day = seen.day
""")  # noqa: S608 - constants only

# One index range per pair, as in `portal.metering.rollups`. HAVING: a day that has no rows left has no sum, not one of 0.
_SUM = text(f"""
    INSERT INTO usage_records_api_daily
        (api_id, day, asked_calls, failed_calls, subscriptions, latency_buckets, asked_counts)
    SELECT seen.api_id, seen.day, sums.*, histogram.* FROM {_UNNEST} CROSS JOIN LATERAL (
        SELECT sum(asked_calls), sum(failed_calls), count(DISTINCT subscription_id)
        FROM usage_records_daily WHERE api_id = seen.api_id AND day = seen.day HAVING count(*) > 0
    ) AS sums CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(bucket ORDER BY bucket), '{{}}'), coalesce(array_agg(asked ORDER BY bucket), '{{}}')
        FROM (
            SELECT pair.bucket, sum(pair.asked)::bigint AS asked
            FROM usage_records_daily d, unnest(d.latency_buckets, d.asked_counts) AS pair (bucket, asked)
            WHERE d.api_id = seen.api_id AND d.day = seen.day AND pair.asked > 0
            GROUP BY 1
        ) AS by_bucket
    ) AS histogram
""")  # noqa: S608

# Other workers wait for their turn, but whoever changes rows by hand does not: such a day has a higher generation by now.
_DONE = text("""
    DELETE FROM usage_dirty_api_days dirty
    USING unnest(CAST(:apis AS bigint[]), CAST(:days AS timestamptz[]), CAST(:generations AS bigint[]))
        AS seen (api_id, day, generation)
    WHERE dirty.api_id = seen.api_id AND dirty.day = seen.day AND dirty.generation = seen.generation
""")


def recompute_dirty_api_days(limit: int = 50, *, gathering: timedelta = timedelta(0)) -> int:
    """Recompute up to `limit` days of APIs that have been dirty for `gathering`, longest waiting first; return how many.

    Zero means that none is due, or that another worker is at it. Runs as the system, in the open unit of work.
    """
    if not take_turn():
        return 0
    found = db.session.execute(_SEEN, {"limit": limit, "gathering": gathering}).all()
    if not found:
        return 0
    apis, days, generations = (list(column) for column in zip(*found, strict=True))
    pairs = {"apis": apis, "days": days}
    db.session.execute(_FORGET, pairs)
    db.session.execute(_SUM, pairs)
    db.session.execute(_DONE, {**pairs, "generations": generations})
    return len(found)
