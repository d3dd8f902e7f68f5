"""How the trail's chain and the timetable stand. Run these as the system."""

from __future__ import annotations

from sqlalchemy import text

from portal.audit.verifying import check_newest
from portal.backoffice import readings
from portal.backoffice.types import LastWalk, Run, Standing
from portal.db import db

NEWEST = 200  # links that are checked whenever somebody looks
_WALKED = text("""
    SELECT finished_at, error FROM schedule_slots
    WHERE job = 'audit trail' AND finished_at IS NOT NULL ORDER BY slot DESC LIMIT 1
""")
# The newest slot of each job by the key of the table, however many slots there are.
_RUNS = text("""
    WITH RECURSIVE jobs AS (
        SELECT min(job) AS job FROM schedule_slots
        UNION ALL SELECT (SELECT min(s.job) FROM schedule_slots s WHERE s.job > jobs.job) FROM jobs WHERE jobs.job IS NOT NULL
    )
    SELECT jobs.job, last.slot, last.finished_at, last.error FROM jobs CROSS JOIN LATERAL (
        SELECT slot, finished_at, error FROM schedule_slots s WHERE s.job = jobs.job ORDER BY slot DESC LIMIT 1
    ) last ORDER BY jobs.job
""")


def read_standing() -> Standing:
    """Return the state of the chain, its newest links checked just now."""
    walked = db.session.execute(_WALKED).one_or_none()
    checked = check_newest(NEWEST)
    state, late = readings.read_here()
    return Standing(
        chain=state,
        fault=checked.fault,
        checked=checked.links,
        walked=LastWalk(walked.finished_at, walked.error) if walked else None,
        is_late=late > readings.LATE_SECONDS,
    )


def list_runs() -> list[Run]:
    """Return the last run of every job that ever ran."""
    return [Run(row.job, row.slot, row.finished_at, row.error) for row in db.session.execute(_RUNS)]
