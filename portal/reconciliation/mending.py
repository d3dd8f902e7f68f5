"""Repairs that a run makes by itself: pure re-derivations only, and few.

A mass of disagreements is our own fault, not the provider's: then it stops and says so.
"""

from __future__ import annotations

import structlog
from sqlalchemy import func, select

from portal.db import SYSTEM, scoped
from portal.payments.syncing import Syncing
from portal.ports.payments import PaymentsUnavailable
from portal.reconciliation import repairing
from portal.reconciliation.errors import ChangedMeanwhile, NotPossible, UnknownRecord
from portal.reconciliation.looking import Asking
from portal.reconciliation.models import ReconAction, ReconMismatch, ReconRun
from portal.reconciliation.repairing import Order
from portal.reconciliation.types import Code, Repair

log = structlog.get_logger(__name__)
MOST = 50
SHARE = 100  # one of so many records

# What follows from the provider's word or from our own rows alone. What is gone there or was bought twice is for people,
# and so is a payment whose amount is another: what came in does not change.
BY_ITSELF: dict[Code, Repair] = {
    "SUB_MISSING_LOCAL": "sync_from_stripe",
    "SUB_STATUS_DIFF": "sync_from_stripe",
    "SUB_PLAN_DIFF": "sync_from_stripe",
    "SUB_QTY_DIFF": "sync_from_stripe",
    "SUB_PERIOD_DIFF": "sync_from_stripe",
    "SUB_CANCEL_FLAG_DIFF": "sync_from_stripe",
    "SUB_STALE_SNAPSHOT": "sync_from_stripe",
    "ENT_WITHOUT_SOURCE": "rebuild_entitlements",
    "ENT_MISSING": "rebuild_entitlements",
    "ENT_WINDOW_DIFF": "rebuild_entitlements",
    "API_KEY_ORPHAN": "refuse_key",
    "PAY_UNCREDITED": "sync_from_stripe",
    "PAY_STATUS_DIFF": "sync_from_stripe",
    "REFUND_NOT_APPLIED": "sync_from_stripe",
    "REFUND_OVERAPPLIED": "sync_from_stripe",
    "DISPUTE_NOT_APPLIED": "sync_from_stripe",
    "DISPUTE_WON_NOT_RESTORED": "sync_from_stripe",
}


def cap(total: int) -> int:
    """Return how many repairs a run over so many records may make by itself: 50 or one in a hundred, whichever is less."""
    return max(1, min(MOST, total // SHARE))


def mend(run_id: int, asking: Asking, syncing: Syncing) -> tuple[int, int]:
    """Repair what this run found; return how many repairs it has made in all and how many it had to leave to people.

    Safe to run again after a crash: what was applied is counted from its rows.
    """
    with scoped(SYSTEM) as session:
        total = session.scalar(select(ReconRun.total).where(ReconRun.id == run_id)) or 0
        found = session.scalars(
            select(ReconMismatch)
            .where(
                ReconMismatch.last_run_id == run_id,
                ReconMismatch.resolved_at.is_(None),
                ReconMismatch.reason_code.in_(BY_ITSELF),
                ReconMismatch.suppressed_until.is_(None),
            )
            .order_by(ReconMismatch.severity, ReconMismatch.id)
        ).all()
        wanted = {(row.subject, action): row.id for row in found if (action := _action(row)) is not None}
    made = _count(run_id)
    left_over = list(wanted.items())
    while left_over and made < cap(total):
        (subject, action), mismatch_id = left_over.pop(0)
        reason = "made by the reconciliation itself: it only follows from its source"
        order = Order(subject, action, "system:reconciliation", reason, mismatch_id=mismatch_id, run_id=run_id)
        made += _try(order, asking, syncing)
    return made, len(left_over)


def _action(row: ReconMismatch) -> Repair | None:
    action: Repair = BY_ITSELF[row.reason_code]  # type: ignore[index]
    if row.reason_code == "API_KEY_ORPHAN":
        return next((one for one in ("admit_key", "refuse_key") if one in row.repairs), None)
    return action if action in row.repairs else None


def _try(order: Order, asking: Asking, syncing: Syncing) -> int:
    try:
        shown = repairing.preview(order, asking, syncing)
        repairing.apply(order, shown.source_hash, asking, syncing)
    except (NotPossible, UnknownRecord, ChangedMeanwhile, PaymentsUnavailable) as problem:
        log.warning("not repaired", subject=order.subject, action=order.action, error=repr(problem))
        return 0
    return 1


def _count(run_id: int) -> int:
    with scoped(SYSTEM) as session:
        applied = select(func.count()).where(ReconAction.run_id == run_id, ReconAction.step == "applied")
        return session.scalar(applied) or 0
