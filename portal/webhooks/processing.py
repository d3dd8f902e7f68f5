"""Working stored deliveries: claim a lease, fetch the object, write effects and "done" together.

The rows are the queue. A worker that dies leaves a lease that ends; a delivery that fails is tried again with
growing pauses; one that never succeeds ends as `dead`, where an operator sees it and may replay it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import func, or_, select, text, update
from sqlalchemy.orm import Session

from portal.db import SYSTEM, in_transaction, transaction
from portal.outbox.service import backoff
from portal.payments.errors import UnknownCustomer, UnknownPrice
from portal.payments.syncing import Syncing
from portal.ports.payments import PaymentsUnavailable
from portal.webhooks.models import WebhookEvent
from portal.webhooks.routing import sync_for, why_ignored

log = structlog.get_logger(__name__)

LEASE = timedelta(minutes=2)
MAX_ATTEMPTS = 15
UNDONE = ("pending", "retry")
PASSING = (PaymentsUnavailable, UnknownCustomer, UnknownPrice)


class LeaseLost(Exception):
    """Another worker took the row over; this one's effects must not be committed."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery this worker may work until its lease ends."""

    id: int
    type: str
    object_type: str | None
    object_id: str | None
    livemode: bool
    connected_account: str | None
    attempts: int
    lease_token: uuid.UUID


def work_due(syncing: Syncing, *, limit: int = 50) -> int:
    """Work up to `limit` deliveries that are due; return how many were claimed."""
    claimed = _claim(limit)
    ignored = [(delivery, why) for delivery in claimed if (why := why_ignored(delivery, livemode=syncing.livemode))]
    if ignored:
        in_transaction(lambda session: _finish_ignored(session, ignored), scope=SYSTEM)
    beside = {delivery.id for delivery, _why in ignored}
    for deliveries in _by_object(delivery for delivery in claimed if delivery.id not in beside):
        _work(deliveries, syncing)
    return len(claimed)


def replay(event_row_id: int) -> bool:
    """Put a finished or dead delivery back into the queue; return False when there is no such row."""
    with transaction(SYSTEM) as session:
        found = session.execute(
            update(WebhookEvent)
            .where(WebhookEvent.id == event_row_id)
            .values(state="pending", attempts=0, done_at=None, lease_until=None, next_attempt_at=func.clock_timestamp())
            .returning(WebhookEvent.id)
        ).scalar_one_or_none()
    return found is not None


def _claim(limit: int) -> list[Claimed]:
    token, now = uuid.uuid4(), func.clock_timestamp()
    due = (
        select(WebhookEvent.id)
        .where(
            WebhookEvent.state.in_(UNDONE),
            WebhookEvent.next_attempt_at <= now,
            or_(WebhookEvent.lease_until.is_(None), WebhookEvent.lease_until < now),
        )
        .order_by(WebhookEvent.next_attempt_at, WebhookEvent.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(WebhookEvent)
        .where(WebhookEvent.id.in_(due.scalar_subquery()))
        .values(lease_token=token, lease_until=now + LEASE, attempts=WebhookEvent.attempts + 1)
        .returning(
            WebhookEvent.id,
            WebhookEvent.type,
            WebhookEvent.object_type,
            WebhookEvent.object_id,
            WebhookEvent.livemode,
            WebhookEvent.connected_account,
            WebhookEvent.attempts,
        )
        .execution_options(synchronize_session=False)
    )
    with transaction(SYSTEM) as session:
        rows = session.execute(statement).all()
    return [Claimed(*row, lease_token=token) for row in sorted(rows, key=lambda row: row.id)]


def _by_object(deliveries: Iterable[Claimed]) -> list[list[Claimed]]:
    """Put deliveries about the same object together: one read of it answers them all. The first decides the order."""
    groups: dict[tuple[str | None, str | None], list[Claimed]] = {}
    for delivery in deliveries:
        groups.setdefault((delivery.object_type, delivery.object_id), []).append(delivery)
    return list(groups.values())


def _work(deliveries: list[Claimed], syncing: Syncing) -> None:
    """Work deliveries about one object."""
    first = deliveries[0]
    sync = sync_for(first.type, first.object_type)
    try:
        if sync is None or first.object_id is None:
            raise LookupError("routed nowhere")
        sync(first.object_id, syncing, lambda session: _finish(session, deliveries))
    except LeaseLost:
        log.warning("delivery was taken over by another worker", ids=[delivery.id for delivery in deliveries])
    except Exception as problem:
        for delivery in deliveries:
            _postpone(delivery, problem)


def _finish_ignored(session: Session, ignored: list[tuple[Claimed, str]]) -> None:
    for delivery, why in ignored:
        _write_end(session, delivery, "ignored", {"ignored": why})


def _finish(session: Session, deliveries: list[Claimed]) -> None:
    for delivery in deliveries:
        outcome = {"synced": f"{delivery.object_type} {delivery.object_id}"}
        if not _write_end(session, delivery, "done", outcome):
            raise LeaseLost(f"delivery {delivery.id}")


def _write_end(session: Session, delivery: Claimed, state: str, outcome: dict[str, str]) -> bool:
    """Write the end of a delivery; False when its lease is another worker's by now."""
    ended = session.execute(
        update(WebhookEvent)
        .where(WebhookEvent.id == delivery.id, WebhookEvent.lease_token == delivery.lease_token)
        .values(state=state, done_at=func.clock_timestamp(), lease_until=None, last_error=None, outcome=outcome)
        .returning(WebhookEvent.id)
        .execution_options(synchronize_session=False)
    )
    return ended.first() is not None


def _postpone(delivery: Claimed, problem: Exception) -> None:
    is_last = delivery.attempts >= MAX_ATTEMPTS
    pause = backoff(delivery.attempts, first=1.0, longest=6 * 3600.0)
    report = log.error if is_last or not isinstance(problem, PASSING) else log.warning
    report("delivery not worked", id=delivery.id, type=delivery.type, attempt=delivery.attempts, error=repr(problem))

    def write(session: Session) -> None:
        session.execute(
            update(WebhookEvent)
            .where(WebhookEvent.id == delivery.id, WebhookEvent.lease_token == delivery.lease_token)
            .values(
                state="dead" if is_last else "retry",
                next_attempt_at=func.clock_timestamp() + text(":pause * interval '1 second'").bindparams(pause=pause),
                lease_until=None,
                last_error=repr(problem)[:2000],
            )
        )

    in_transaction(write, scope=SYSTEM)
