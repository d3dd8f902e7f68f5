"""The monthly partitions of the request log: made ahead, and never in the way when nobody made them.

A row whose month has no partition goes to the default one, so a dead job stops nothing; when the month is
made, its rows move there. Months are UTC calendar months.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from portal.db import db
from portal.kit.clock import isoformat_z
from portal.kit.periods import add_intervals, month_of

# Fewer whole months than this ahead of us means the job that makes them has been missing for weeks.
ENOUGH_AHEAD = 1
_LEAF = re.compile(r"api_requests_log_(\d{4})_(\d{2})\Z")


@dataclass(frozen=True, slots=True)
class Outlook:
    """How far ahead the log is prepared, for readiness and metrics.

    `months` are the prepared ones as "2026-03"; `months_ahead` counts whole months after the current one without a
    gap; `rows_in_default` is how many rows wait for their month.
    """

    months: tuple[str, ...]
    months_ahead: int
    rows_in_default: int
    prepared_until: datetime | None

    @property
    def is_healthy(self) -> bool:
        """True when the next month is ready and nothing waits in the default partition."""
        return self.months_ahead >= ENOUGH_AHEAD and not self.rows_in_default

    def summary(self) -> str:
        """One line for a probe."""
        until = isoformat_z(self.prepared_until) if self.prepared_until else "never"
        waiting = f", {self.rows_in_default} rows in the default partition" if self.rows_in_default else ""
        return f"prepared until {until}{waiting}"


def ensure_ahead(now: datetime, months: int = 3) -> list[str]:
    """Make this month's partition, the next `months`, and those that rows in the default one wait for.

    Returns the months made, as "2026-03". Safe to repeat and to run twice at once. Runs as the system, in the open
    unit of work.
    """
    wanted = {add_intervals(month_of(now).start, "month", n) for n in range(months + 1)} | _waiting_months()
    made = []
    for month in sorted(wanted):
        moved = db.session.execute(
            text("SELECT portal_add_log_partition(CAST(:month AS date))"), {"month": month.date()}
        ).scalar_one()
        if moved is not None:
            made.append(f"{month:%Y-%m}")
    return made


def outlook(now: datetime) -> Outlook:
    """Return how far ahead of `now` the log is prepared. Runs as the system."""
    leaves = db.session.execute(
        text("""
            SELECT child.relname FROM pg_inherits link JOIN pg_class child ON child.oid = link.inhrelid
            WHERE link.inhparent = 'api_requests_log'::regclass
        """)
    ).scalars()
    months = sorted(f"{found[1]}-{found[2]}" for name in leaves if (found := _LEAF.match(name)))
    ahead = -1
    while f"{add_intervals(month_of(now).start, 'month', ahead + 1):%Y-%m}" in months:
        ahead += 1
    until = add_intervals(month_of(now).start, "month", ahead + 1) if ahead >= 0 else None
    waiting = db.session.execute(text("SELECT count(*) FROM api_requests_log_default")).scalar_one()
    return Outlook(tuple(months), max(ahead, 0), waiting, until)


def _waiting_months() -> set[datetime]:
    rows = db.session.execute(
        text("SELECT DISTINCT date_trunc('month', started_at, 'UTC') FROM api_requests_log_default")
    )
    return set(rows.scalars())
