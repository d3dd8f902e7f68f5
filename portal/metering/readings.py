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
    """The state of the log and its sums. `lag_seconds` is how long the longest waiting hour has waited."""

    partitions: Outlook
    dirty_hours: int
    lag_seconds: float
    quarantined: int

    def warnings(self) -> list[str]:
        """Return what somebody should look at; calls are still taken in and nothing is lost meanwhile."""
        found = []
        if not self.partitions.is_healthy:
            found.append(f"request log: {self.partitions.summary()}")
        if self.lag_seconds > LATE_SECONDS:
            found.append(f"usage sums are {round(self.lag_seconds)} seconds behind ({self.dirty_hours} hours wait)")
        return found


def read(now: datetime) -> Reading:
    """Take a reading, as the system."""
    with scoped(SYSTEM):
        dirty, oldest = db.session.execute(text("SELECT count(*), min(dirty_since) FROM usage_dirty_hours")).one()
        quarantined = db.session.execute(text("SELECT count(*) FROM quarantined_log_entries")).scalar_one()
        lag = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
        return Reading(outlook(now), dirty, lag, quarantined)


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
            ("portal_quarantined_log_entries", "Log entries that could not be taken in", found.quarantined),
        )
        for name, words, value in figures:
            yield GaugeMetricFamily(name, words, value=value)
