"""Measuring APIs from the sums of their days: what a buyer wants to know before, said with the number of calls it rests on.

The definitions and a worked table are in docs/algorithms/measured-facts.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import text

from portal.catalog.types import DAYS_OF_UPTIME, DAYS_SHOWN, MeasuredFacts
from portal.db import db
from portal.metering.latency import percentile_ms

_P95 = Fraction(95, 100)
_DAYS = "FROM usage_records_api_daily WHERE api_id = ANY(:apis) AND day >= :since AND day < :until"

_SUMS = text(f"""
    SELECT api_id, sum(asked_calls)::bigint AS calls, sum(failed_calls)::bigint AS failures
    {_DAYS} GROUP BY 1 HAVING sum(asked_calls) > 0
""")
_DAILY = text(f"SELECT api_id, day, asked_calls, failed_calls {_DAYS}")
_HISTOGRAMS = text(f"""
    SELECT api_id, pair.bucket, sum(pair.asked)::bigint AS calls FROM (
        SELECT api_id, latency_buckets, asked_counts {_DAYS}
    ) AS days, unnest(latency_buckets, asked_counts) AS pair (bucket, asked)
    GROUP BY 1, 2
""")  # noqa: S608


def measure(api_ids: Sequence[int], now: datetime) -> list[MeasuredFacts]:
    """Return the facts of each API that was called in the last 90 days. Runs as the system: every account's calls."""
    until = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    shown_since = until - timedelta(days=DAYS_SHOWN)
    month = {"apis": list(api_ids), "since": shown_since, "until": until}
    quarter = month | {"since": until - timedelta(days=DAYS_OF_UPTIME)}
    daily, histograms = _daily(month), _histograms(month)
    found = []
    for api_id, calls, failures in db.session.execute(_SUMS, quarter):
        days = daily.get(api_id, {})
        series = [days.get(shown_since + timedelta(days=n), (0, 0)) for n in range(DAYS_SHOWN)]
        found.append(
            MeasuredFacts(
                api_id=api_id,
                calls_30d=sum(calls for calls, _failures in series),
                failures_30d=sum(failures for _calls, failures in series),
                calls_90d=calls,
                failures_90d=failures,
                p95_ms=percentile_ms(histograms.get(api_id, {}), _P95),
                daily=tuple(calls for calls, _failures in series),
                asof=now,
            )
        )
    return found


def _daily(month: dict[str, Any]) -> dict[int, dict[datetime, tuple[int, int]]]:
    found: dict[int, dict[datetime, tuple[int, int]]] = {}
    for api_id, day, calls, failures in db.session.execute(_DAILY, month):
        found.setdefault(api_id, {})[day] = (calls, failures)
    return found


def _histograms(month: dict[str, Any]) -> dict[int, dict[int, int]]:
    found: dict[int, dict[int, int]] = {}
    for api_id, bucket, calls in db.session.execute(_HISTOGRAMS, month):
        found.setdefault(api_id, {})[bucket] = calls
    return found
