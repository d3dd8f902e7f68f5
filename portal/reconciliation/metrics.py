"""What machines watch: when the last run ended, what it found, what is open, and a sentence when it is late."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from portal.db import SYSTEM, scoped
from portal.reconciliation import queries
from portal.reconciliation.rules import Alert, alerts_of
from portal.reconciliation.views import RunView
from portal.web import health
from portal.web.plugs import plugs

VERDICTS = ("in_sync", "mismatched", "unknown", "healed")
_SENTENCES: dict[Alert, str] = {
    "overdue": "the reconciliation with Stripe is overdue",
    "failed": "the last reconciliation with Stripe failed",
    "left_over": "the last reconciliation found more than it may repair by itself",
    "stuck": "a reconciliation with Stripe is running for hours",
}


def register(app: Flask) -> None:
    """Add the sentences to `/ready` and the gauges to `/metrics`."""
    health.contribute(app, _warnings, _Gauges())


def read_alerts() -> list[Alert]:
    """Return what is wrong with the comparison itself, but for there having been none yet."""
    return [alert for alert in _read()[2] if alert in _SENTENCES]


def _warnings() -> list[str]:
    return [_SENTENCES[alert] for alert in read_alerts()]


def _read() -> tuple[RunView | None, RunView | None, list[Alert]]:
    ports = plugs()
    with scoped(SYSTEM):
        last, finished = queries.find_latest_run(), queries.find_latest_run(finished=True)
    enabled = ports.settings.reconciliation_enabled
    return last, finished, alerts_of(last, finished, enabled=enabled, now=ports.clock.now())


class _Gauges(Collector):
    """Read from the rows whenever they are asked for, so that every process says the same."""

    def describe(self) -> Iterator[Metric]:
        """Say nothing at registration: there may be no database yet."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield the figures of now."""
        _last, finished, alerts = _read()
        with scoped(SYSTEM):
            now = queries.overview(plugs().clock.now())
        ended = GaugeMetricFamily("portal_reconciliation_last_run_timestamp_seconds", "When the last whole run ended")
        if finished is not None and finished.finished_at is not None:
            ended.add_metric([], finished.finished_at.timestamp())
        yield ended
        records = GaugeMetricFamily(
            "portal_reconciliation_records", "Records of the last whole run by verdict", labels=["verdict"]
        )
        for verdict in VERDICTS:
            records.add_metric([verdict], getattr(finished, verdict) if finished else 0)
        yield records
        open_ones = GaugeMetricFamily("portal_reconciliation_open_mismatches", "Open disagreements", labels=["code"])
        for code, count in now.by_code.items():
            open_ones.add_metric([code], count)
        yield open_ones
        raised = GaugeMetricFamily(
            "portal_reconciliation_alerts",
            "1 while somebody should look at the reconciliation itself",
            labels=["alert"],
        )
        for alert in _SENTENCES:
            raised.add_metric([alert], int(alert in alerts))
        yield raised
