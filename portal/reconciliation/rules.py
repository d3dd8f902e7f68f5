"""When somebody has to be told that the comparison itself is not well."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from portal.reconciliation.views import RunView

Alert = Literal["never", "overdue", "failed", "left_over", "stuck"]

# A day, and time for the run itself: a run that is later than this did not take place.
LONGEST_PAUSE = timedelta(hours=26)
LONGEST_RUN = timedelta(hours=2)


def alerts_of(last: RunView | None, finished: RunView | None, *, enabled: bool, now: datetime) -> list[Alert]:
    """Return what is wrong: `last` is the newest run, `finished` the newest that went through to its end."""
    found: list[Alert] = []
    if last is None:
        return ["never"] if enabled else []
    if last.status == "failed":
        found.append("failed")
    if last.status == "running" and now - last.started_at > LONGEST_RUN:
        found.append("stuck")
    since = finished.finished_at if finished and finished.finished_at else None
    if enabled and last.status != "running" and (since is None or now - since > LONGEST_PAUSE):
        found.append("overdue")
    if finished and finished.left_over:
        found.append("left_over")
    return found
