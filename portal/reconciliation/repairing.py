"""Repairs: looked at first, applied with a reason, refused when anything changed meanwhile, looked at again afterwards."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.audit.service import record
from portal.db import SYSTEM, db, in_transaction, scoped, transaction
from portal.gateway import provisioning
from portal.metering.rollups import recompute_dirty
from portal.outbox.service import Pending
from portal.payments import billed
from portal.payments.errors import UnknownCustomer, UnknownPrice
from portal.payments.syncing import Syncing
from portal.ports.payments import PaymentsRefused, PaymentsUnavailable
from portal.reconciliation.errors import ChangedMeanwhile, NotPossible, UnknownRecord
from portal.reconciliation.keeping import keep
from portal.reconciliation.looking import Asking, look_at
from portal.reconciliation.models import ReconAction, ReconMismatch
from portal.reconciliation.planning import plan
from portal.reconciliation.plans import Plan, State
from portal.reconciliation.types import Repair
from portal.subscriptions.errors import AlreadySubscribed, UnknownSubscription
from portal.webhooks.processing import work_one

log = structlog.get_logger(__name__)
Outcome = Literal["agrees", "differs", "unknown"]
LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be repaired, how, and who says so. `key` makes repeating it harmless; by default it follows from the preview."""

    subject: str
    action: Repair
    actor: str = ""
    reason: str = ""
    force: bool = False
    mismatch_id: int | None = None
    run_id: int | None = None
    key: str = ""
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """Both states, and the hash of everything the repair rests on."""

    order: Order
    before: State
    after: State
    source_hash: str
    warnings: tuple[str, ...] = ()
    plan: Plan | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Done:
    """A repair that was applied, and what looking again said. `is_repeated`: it had been applied before, once."""

    preview: Preview
    outcome: Outcome
    is_repeated: bool = False


class _Repeated(Exception):
    """The same repair was applied already; its second effect is taken back."""


def preview(order: Order, asking: Asking, syncing: Syncing) -> Preview:
    """Return what a repair would do; nothing is written. Raises UnknownRecord and NotPossible."""
    made = plan(order.subject, order.action, asking, syncing, force=order.force)
    basis = {"subject": order.subject, "action": order.action, "mismatch": order.mismatch_id, **made.inputs}
    digest = hashlib.sha256(json.dumps(basis, sort_keys=True, default=str).encode()).hexdigest()[:32]
    return Preview(order, made.before, made.after, digest, made.warnings, made)


def apply(order: Order, seen_hash: str, asking: Asking, syncing: Syncing) -> Done:
    """Make a repair that somebody has looked at, then look again.

    Its trace is written in the unit of work of its effect. Raises ChangedMeanwhile when the preview no longer holds,
    UnknownRecord, NotPossible, and PaymentsUnavailable when the provider went away meanwhile.
    """
    if not order.reason.strip():
        raise NotPossible("no_reason")
    key = order.key or f"{order.action}:{order.subject}:{seen_hash}"
    if was_applied(order, key):
        shown = Preview(order, {}, {}, seen_hash)
        return Done(shown, _look_again(order, key, asking), is_repeated=True)
    shown = preview(order, asking, syncing)
    if shown.source_hash != seen_hash or shown.plan is None:
        raise ChangedMeanwhile(order.subject)
    is_repeated = not _act(shown.plan, lambda session: _note(session, shown, key))
    _tell_at_once(shown.plan, asking, syncing)
    return Done(shown, _look_again(order, key, asking), is_repeated)


def was_applied(order: Order, key: str) -> bool:
    """True when this repair was made under this key. Raises NotPossible when the key stands for another one."""
    with scoped(SYSTEM) as session:
        row = session.execute(
            select(ReconAction.subject, ReconAction.action).where(ReconAction.key == key)
        ).one_or_none()
    if row is not None and (row.subject, row.action) != (order.subject, order.action):
        raise NotPossible("key_reused")
    return row is not None


def suppress(mismatch_id: int, until: datetime, *, actor: str, reason: str, now: datetime) -> None:
    """Leave a disagreement out of the list until an instant. Callers hold the unit of work. Raises UnknownRecord."""
    row = db.session.get(ReconMismatch, mismatch_id, with_for_update=True)
    if row is None or row.resolved_at is not None:
        raise UnknownRecord(f"mismatch {mismatch_id}")
    states: dict[str, Any] = {
        "before": {"suppressed_until": _text(row.suppressed_until)},
        "after": {"suppressed_until": _text(until)},
    }
    row.suppressed_until = until
    values = {"mismatch_id": row.id, "account_id": row.account_id, "source_hash": "", "actor": actor, "reason": reason}
    key = f"suppress:{row.id}:{now.isoformat()}"
    db.session.add(ReconAction(key=key, action="suppress", subject=row.subject, **values, **states))
    record("reconciliation.suppress", row.subject, actor=actor, reason=reason, **states)


def _act(made: Plan, also: Callable[[Session], None]) -> bool:
    """Run the act; False when it turns out to have been done by somebody else this moment."""
    try:
        made.act(also)
    except _Repeated:
        return False
    except (UnknownCustomer, UnknownPrice, UnknownSubscription) as problem:
        raise NotPossible("unknown_customer" if isinstance(problem, UnknownCustomer) else "unknown_price") from problem
    except AlreadySubscribed as problem:
        raise NotPossible("bought_twice") from problem
    return True


def _note(session: Session, shown: Preview, key: str) -> None:
    order, made = shown.order, shown.plan
    assert made is not None
    states: dict[str, Any] = {"before": shown.before, "after": shown.after}
    statement = insert(ReconAction).values(
        key=key,
        action=order.action,
        subject=order.subject,
        mismatch_id=order.mismatch_id,
        run_id=order.run_id,
        account_id=made.account_id,
        actor=order.actor,
        reason=order.reason,
        source_hash=shown.source_hash,
        **states,
    )
    written = session.execute(statement.on_conflict_do_nothing(index_elements=["key"]).returning(ReconAction.id))
    if written.first() is None:
        raise _Repeated
    why = f"{order.reason} (forced)" if order.force else order.reason
    record(
        f"reconciliation.{order.action}",
        order.subject,
        actor=order.actor,
        organisation_id=made.organisation_id,
        reason=why,
        request_id=order.request_id,
        **states,
    )


def _tell_at_once(made: Plan, asking: Asking, syncing: Syncing) -> None:
    """Do at once what a worker would do in a moment, so that looking again sees it; if it fails, the worker does it."""
    if made.afterwards is None:
        return
    what, whom = made.afterwards
    try:
        if what == "refuse" and asking.gateway:
            provisioning.refuse(str(whom), asking.gateway)
        elif what == "agree" and asking.gateway:
            provisioning.agree(int(whom), asking.gateway, clock=asking.clock)
        elif what == "tell":
            billed.tell(int(whom), payments=asking.payments, livemode=asking.livemode)
        elif what == "sums":
            in_transaction(lambda _session: recompute_dirty(), scope=SYSTEM)
        elif what == "work":
            work_one(int(whom), syncing)
    except (Pending, PaymentsUnavailable, PaymentsRefused) as problem:
        log.info("a repair will be told later", what=what, error=repr(problem))


def _look_again(order: Order, key: str, asking: Asking) -> Outcome:
    """Compare the record once more and write down what came of it."""
    found = look_at(order.subject, asking)  # each subject is a record of its own
    outcome: Outcome = {"unknown": "unknown", "mismatched": "differs"}.get(found.verdict, "agrees")  # type: ignore[assignment]
    now = asking.clock.now()
    with transaction(SYSTEM) as session:
        keep([found], run_id=order.run_id, now=now, how="repaired")
        statement = insert(ReconAction).values(
            step="verified",
            key=f"{key}:verified",
            action=order.action,
            subject=order.subject,
            mismatch_id=order.mismatch_id,
            run_id=order.run_id,
            account_id=found.account_id,
            actor=order.actor,
            reason=order.reason,
            source_hash="",
            outcome=outcome,
        )
        session.execute(statement.on_conflict_do_nothing(index_elements=["key"]))
    return outcome


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
