"""How metering is doing, for probes, metrics and operators."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import text

from portal.db import SYSTEM, db, scoped
from portal.metering.partitions import Outlook, outlook

# The worker sums within a second; a minute without progress means that it is gone.
LATE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Reading:
    """The state of the log and its sums. The lags say how long the longest waiting hour, or day of an API, has waited."""

    partitions: Outlook
    dirty_hours: int
    lag_seconds: float
    quarantined: int
    dirty_api_days: int
    api_lag_seconds: float

    def warnings(self) -> list[str]:
        """Return what somebody should look at; calls are still taken in and nothing is lost meanwhile."""
        found = []
        if not self.partitions.is_healthy:
            found.append(f"request log: {self.partitions.summary()}")
        if self.lag_seconds > LATE_SECONDS:
            found.append(f"usage sums are {round(self.lag_seconds)} seconds behind ({self.dirty_hours} hours wait)")
        if self.api_lag_seconds > LATE_SECONDS:
            late, waiting = round(self.api_lag_seconds), self.dirty_api_days
            found.append(f"sums of APIs are {late} seconds behind ({waiting} days of APIs wait)")
        return found


def read(now: datetime) -> Reading:
    """Take a reading, as the system."""
    with scoped(SYSTEM):
        hours, hours_lag = _waiting("usage_dirty_hours", now)
        api_days, api_lag = _waiting("usage_dirty_api_days", now)
        quarantined = db.session.execute(text("SELECT count(*) FROM quarantined_log_entries")).scalar_one()
        return Reading(outlook(now), hours, hours_lag, quarantined, api_days, api_lag)


def _waiting(table: str, now: datetime) -> tuple[int, float]:
    """Return how many rows of a table of dirty sums wait, and for how many seconds the first of them has."""
    statement = text(f"SELECT count(*), min(dirty_since) FROM {table}")  # noqa: S608 - one of two names of ours
    count, oldest = db.session.execute(statement).one()
    return count, max(0.0, (now - oldest).total_seconds()) if oldest else 0.0


class Gauges:
    """The reading in Prometheus' form, taken when it is asked for."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def describe(self) -> list[Metric]:
        """Nothing in advance: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield one gauge per figure."""
        found = read(self._now())
        figures = (
            (
                "portal_log_partition_months_ahead",
                "Months of the request log prepared ahead",
                found.partitions.months_ahead,
            ),
            ("portal_log_default_rows", "Calls waiting in the default partition", found.partitions.rows_in_default),
            ("portal_usage_dirty_hours", "Hours whose sums wait to be made again", found.dirty_hours),
            ("portal_usage_lag_seconds", "How long the longest waiting hour has waited", found.lag_seconds),
            ("portal_usage_dirty_api_days", "Days of APIs whose sums wait to be made again", found.dirty_api_days),
            (
                "portal_usage_api_lag_seconds",
                "How long the longest waiting day of an API has waited",
                found.api_lag_seconds,
            ),
            ("portal_quarantined_log_entries", "Log entries that could not be taken in", found.quarantined),
        )
        for name, words, value in figures:
            yield GaugeMetricFamily(name, words, value=value)
