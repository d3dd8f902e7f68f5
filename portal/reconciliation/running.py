"""Runs: started by the timetable or by an operator, worked off in pages by whichever worker holds the lease.

What a page found, the counters and the cursor are written in one unit of work, guarded by the lease. So a worker may be
killed anywhere and another goes on from the cursor: nothing is counted twice and nothing is left out.
"""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import structlog
from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.db import SYSTEM, db, in_transaction, transaction
from portal.payments.syncing import Syncing
from portal.ports.gateway import Gateway
from portal.reconciliation import facts, keeping
from portal.reconciliation.errors import LeaseLost
from portal.reconciliation.looking import Asking, settle
from portal.reconciliation.mending import mend
from portal.reconciliation.models import ReconRun
from portal.reconciliation.stages import AT_ONCE, STAGES, Page
from portal.settings import Settings

log = structlog.get_logger(__name__)
LEASE = timedelta(minutes=2)
Trigger = Literal["schedule", "operator", "command"]

# After the last list come the disagreements of before that no list led to, then the repairs.
_LEFT_OVER, _REPAIRS = "left over", "repairs"
ORDER = (*STAGES, _LEFT_OVER, _REPAIRS)
# What no list leads to any more once it is well: done deliveries, settled strangers and payments, hours that were not
# sampled again.
_FORGETFUL = ("stripe-subscription:", "invoice:", "payment:", "event:", "usage:", "key:", "subscription:")


@dataclass(frozen=True, slots=True)
class Rules:
    """When the run of the day begins (an hour, UTC), how far it looks back, what it leaves alone, whether it repairs."""

    hour: int
    days_back: int
    age: timedelta
    may_repair: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """A run this worker may work on until its lease ends."""

    id: int
    stage: str
    cursor: str
    since: datetime
    age: timedelta
    may_repair: bool
    lease_token: uuid.UUID


def start(
    trigger: Trigger,
    *,
    actor: str,
    now: datetime,
    days_back: int,
    age: timedelta,
    may_repair: bool = False,
    slot: str | None = None,
) -> int | None:
    """Begin a run; None when one is running already or this slot had its run. Callers hold the unit of work."""
    from_then = now - timedelta(days=days_back)
    statement = insert(ReconRun).values(
        trigger=trigger,
        actor=actor,
        slot=slot,
        since=from_then,
        min_age_seconds=int(age.total_seconds()),
        may_repair=may_repair,
        stage=ORDER[0],
        expected=facts.count_due(from_then),
        started_at=now,
    )
    return db.session.execute(statement.on_conflict_do_nothing().returning(ReconRun.id)).scalar_one_or_none()


def start_if_due(*, now: datetime, rules: Rules) -> int | None:
    """Begin the run of the day once its hour (UTC) has come; a day has one. Callers hold the unit of work."""
    if now.hour < rules.hour:
        return None
    return start(
        "schedule",
        actor="system:schedule",
        now=now,
        slot=now.date().isoformat(),
        days_back=rules.days_back,
        age=rules.age,
        may_repair=rules.may_repair,
    )


def rules_of(settings: Settings) -> Rules:
    """Return what the settings say about runs."""
    return Rules(
        hour=settings.reconciliation_schedule_hour,
        days_back=settings.reconciliation_days_back,
        age=timedelta(minutes=settings.reconciliation_min_age_minutes),
        may_repair=settings.reconciliation_auto_repair,
    )


def work_page(syncing: Syncing, gateway: Gateway | None) -> bool:
    """Work one page of the run that is due, if there is one that nobody else works on; True when a page was worked."""
    claimed = _claim()
    if claimed is None:
        return False
    asking = Asking(syncing.payments, gateway, syncing.clock, syncing.livemode, claimed.since, claimed.age)
    try:
        if claimed.stage == _REPAIRS:
            repaired, left_over = mend(claimed.id, asking, syncing) if claimed.may_repair else (0, 0)
            in_transaction(lambda session: _finish(session, claimed, syncing, repaired, left_over), scope=SYSTEM)
        else:
            page = _page(claimed, asking)
            in_transaction(lambda session: _turn(session, claimed, page, syncing), scope=SYSTEM)
    except LeaseLost:
        log.warning("run was taken over by another worker", run=claimed.id)
    except Exception as problem:
        log.exception("reconciliation failed", run=claimed.id, stage=claimed.stage)
        error = repr(problem)[:2000]
        in_transaction(lambda session: _fail(session, claimed, error, syncing.clock.now()), scope=SYSTEM)
    return True


def _page(claimed: Claimed, asking: Asking) -> Page:
    if claimed.stage != _LEFT_OVER:
        return STAGES[claimed.stage](claimed.id, claimed.cursor, asking)
    with transaction(SYSTEM):
        records = [one for prefix in _FORGETFUL for one in keeping.list_open_records(prefix, claimed.id)]
    rest = sorted(one for one in records if one > claimed.cursor)[:AT_ONCE]
    found = [one for record in rest for one in settle(record.partition(":")[0], [record.partition(":")[2]], asking)]
    return Page(tuple(found), cursor=rest[-1] if len(rest) == AT_ONCE else None)


def _claim() -> Claimed | None:
    token, now = uuid.uuid4(), func.clock_timestamp()
    due = (
        select(ReconRun.id)
        .where(ReconRun.status == "running", or_(ReconRun.lease_until.is_(None), ReconRun.lease_until < now))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(ReconRun)
        .where(ReconRun.id.in_(due.scalar_subquery()))
        .values(lease_token=token, lease_until=now + LEASE)
        .returning(
            ReconRun.id, ReconRun.stage, ReconRun.cursor, ReconRun.since, ReconRun.min_age_seconds, ReconRun.may_repair
        )
        .execution_options(synchronize_session=False)
    )
    with transaction(SYSTEM) as session:
        row = session.execute(statement).one_or_none()
    if row is None:
        return None
    age = timedelta(seconds=row.min_age_seconds)
    return Claimed(row.id, row.stage, row.cursor, row.since, age, row.may_repair, token)


def _turn(session: Session, claimed: Claimed, page: Page, syncing: Syncing) -> None:
    """Write what a page found and move on to the next."""
    run = _held(session, claimed)
    now = syncing.clock.now()
    keeping.keep(page.found, run_id=claimed.id, now=now)
    verdicts = Counter(one.verdict for one in page.found)
    run.total += len(page.found)
    run.in_sync += verdicts["in_sync"]
    run.mismatched += verdicts["mismatched"]
    run.unknown += verdicts["unknown"]
    run.healed += verdicts["healed"]
    run.skipped += page.skipped
    codes = Counter({**run.by_code}) + Counter(m.code for one in page.found for m in one.mismatches)
    run.by_code = dict(codes)
    run.lease_until = None
    if page.asked_in_vain:
        run.status, run.error, run.finished_at = "failed", "payments_unreachable", now
        log.error("reconciliation gave up: the payment provider does not answer", run=run.id, stage=run.stage)
    elif page.cursor is not None:
        run.cursor = page.cursor
    else:
        run.stage, run.cursor = ORDER[ORDER.index(run.stage) + 1], ""


def _finish(session: Session, claimed: Claimed, syncing: Syncing, repaired: int, left_over: int) -> None:
    run = _held(session, claimed)
    run.repaired, run.left_over = run.repaired + repaired, left_over
    run.status, run.finished_at, run.lease_until = "done", syncing.clock.now(), None
    log.info("reconciliation done", run=run.id, total=run.total, mismatched=run.mismatched, unknown=run.unknown)
    if left_over:
        log.error("more disagreements than a run may repair by itself: look at them", run=run.id, left_over=left_over)


def _fail(session: Session, claimed: Claimed, error: str, now: datetime) -> None:
    session.execute(
        update(ReconRun)
        .where(ReconRun.id == claimed.id, ReconRun.lease_token == claimed.lease_token, ReconRun.status == "running")
        .values(status="failed", error=error, finished_at=now, lease_until=None)
    )


def _held(session: Session, claimed: Claimed) -> ReconRun:
    run = session.scalars(
        select(ReconRun)
        .where(ReconRun.id == claimed.id, ReconRun.lease_token == claimed.lease_token, ReconRun.status == "running")
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if run is None:
        raise LeaseLost(f"run {claimed.id}")
    return run
