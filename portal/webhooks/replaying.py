"""Putting deliveries back into the queue: an operator says why, and the trail keeps it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from portal.audit.service import record
from portal.db import db, on_commit
from portal.ports.queue import Queue
from portal.webhooks.errors import NothingToReplay
from portal.webhooks.leases import UNDONE
from portal.webhooks.models import WebhookEvent

ENDED = ("done", "ignored", "quarantined", "dead")


def replay(event_row_id: int, *, actor: str, reason: str, queue: Queue) -> None:
    """Put one delivery that came to its end back into the queue. Raises NothingToReplay where there is none."""
    if not _put_back(WebhookEvent.id == event_row_id, WebhookEvent.state.in_(ENDED)):
        raise NothingToReplay(event_row_id)
    record("webhooks.replay", f"webhook_event:{event_row_id}", actor=actor, reason=reason, after={"state": "pending"})
    on_commit(lambda: queue.ring("inbox"))


def put_back_undone(event_row_id: int) -> None:
    """Let one delivery that was given up, or that waits for its next try, begin anew at once.

    Callers hold the unit of work and keep the trail. Raises NothingToReplay for what is done, or being worked.
    """
    waits = and_(
        WebhookEvent.state.in_(UNDONE),
        or_(WebhookEvent.lease_until.is_(None), WebhookEvent.lease_until < func.clock_timestamp()),
    )
    if not _put_back(WebhookEvent.id == event_row_id, or_(WebhookEvent.state == "dead", waits)):
        raise NothingToReplay(event_row_id)


def replay_dead(*, actor: str, reason: str, queue: Queue) -> int:
    """Put every dead delivery back into the queue and return how many. Raises NothingToReplay when there is none."""
    ids = _put_back(WebhookEvent.state == "dead")
    if not ids:
        raise NothingToReplay
    named: dict[str, Any] = {"state": "pending", "count": len(ids), "ids": ids[:1000]}
    record("webhooks.replay_dead", "webhook_events", actor=actor, reason=reason, after=named)
    on_commit(lambda: queue.ring("inbox"))
    return len(ids)


def _put_back(*which: ColumnElement[bool]) -> list[int]:
    # Locked in one order, so that two operators who press at once wait for each other instead of blocking each other.
    locked = select(WebhookEvent.id).where(*which).order_by(WebhookEvent.id).with_for_update()
    put_back = (
        update(WebhookEvent)
        .where(WebhookEvent.id.in_(locked.scalar_subquery()))
        .values(
            state="pending",
            attempts=0,
            done_at=None,
            lease_until=None,
            lease_token=None,
            outcome=None,
            next_attempt_at=func.clock_timestamp(),
        )
        .returning(WebhookEvent.id)
        .execution_options(synchronize_session=False)
    )
    return sorted(db.session.scalars(put_back))
