"""How the inbox is doing, for probes and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from portal.db import SYSTEM, scoped
from portal.webhooks.queries import Lag, count_gaps, read_lag

# A worker works a delivery within a second; minutes without progress mean that it is gone.
LATE_SECONDS = 120.0


def warnings(now: datetime) -> list[str]:
    """Return what somebody should look at; deliveries are still taken in and nothing is lost meanwhile."""
    with scoped(SYSTEM):
        lag = read_lag()
    found = []
    if lag.seconds(now) > LATE_SECONDS:
        found.append(f"payment events are {round(lag.seconds(now))} seconds behind ({lag.due} are due)")
    if lag.dead:
        found.append(f"{lag.dead} payment events were given up: flask webhooks list --state dead")
    return found


class Gauges:
    """The figures in Prometheus' form, read when they are asked for. What is settled is history and not counted here."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def describe(self) -> list[Metric]:
        """Nothing in advance: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the inbox by state, its lag and what the gap filler found."""
        with scoped(SYSTEM):
            lag, (missing, finished) = read_lag(), count_gaps()
        yield _by_state(lag)
        words = "How long the oldest due payment event has been waiting"
        yield GaugeMetricFamily("portal_webhook_oldest_due_seconds", words, value=lag.seconds(self._now()))
        words = "Payment events that were found in the provider's list and had never arrived"
        yield CounterMetricFamily("portal_webhook_gap_events", words, value=missing)
        words = "When the provider's list was last read to its end"
        yield GaugeMetricFamily(
            "portal_webhook_gap_last_run_timestamp_seconds", words, value=finished.timestamp() if finished else 0
        )


def _by_state(lag: Lag) -> Metric:
    family = GaugeMetricFamily("portal_webhook_inbox_rows", "Payment events that are not settled", labels=["state"])
    for state, count in (
        ("due", lag.due),
        ("waiting", lag.waiting),
        ("dead", lag.dead),
        ("quarantined", lag.quarantined),
    ):
        family.add_metric([state], count)
    return family
