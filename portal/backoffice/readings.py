"""How sealing is doing, for probes and metrics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import func, select

from portal.audit.types import ChainState
from portal.audit.verifying import read_state
from portal.db import SYSTEM, db, scoped

# The worker seals within a second; minutes without progress mean that it is gone.
LATE_SECONDS = 300.0


def read() -> tuple[ChainState, float]:
    """Return the chain's state and how many seconds its oldest unsealed entry has waited, by the database's clock."""
    with scoped(SYSTEM):
        return read_here()


def read_here() -> tuple[ChainState, float]:
    """Return the same inside a read that runs as the system."""
    state = read_state()
    now: datetime = db.session.execute(select(func.clock_timestamp())).scalar_one()
    return state, max(0.0, (now - state.waiting_since).total_seconds()) if state.waiting_since else 0.0


def warnings() -> list[str]:
    """Return what somebody should look at; acts are recorded all the same."""
    state, late = read()
    if late <= LATE_SECONDS:
        return []
    return [f"audit trail: {state.waiting} entries wait for their seal, the oldest for {round(late)} seconds"]


class Gauges:
    """The reading in Prometheus' form, taken when it is asked for."""

    def describe(self) -> list[Metric]:
        """Nothing in advance: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield one gauge per figure."""
        state, late = read()
        links = state.head.number if state.head else 0
        figures = (
            ("portal_audit_sealed_entries", "Entries of the audit trail in the chain of seals", links),
            ("portal_audit_unsealed_entries", "Entries of the audit trail that wait for their seal", state.waiting),
            ("portal_audit_oldest_unsealed_seconds", "How long the oldest unsealed entry has waited", late),
        )
        for name, words, value in figures:
            yield GaugeMetricFamily(name, words, value=value)
