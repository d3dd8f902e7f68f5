"""The queue in rows: a worker leases what is due, and writes its end only while the lease is its own."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, or_, select, text, update
from sqlalchemy.orm import Session

from portal.db import SYSTEM, in_transaction, transaction
from portal.outbox.service import backoff
from portal.webhooks.faults import Ruling
from portal.webhooks.models import WebhookEvent
from portal.webhooks.routing import End

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=30)
"""How long a dead worker's deliveries wait for another. A living one renews it between objects."""
UNDONE = ("pending", "retry")


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
    received_at: datetime
    lease_token: uuid.UUID


def claim(limit: int, *, only: int | None = None) -> list[Claimed]:
    """Lease up to `limit` deliveries that are due, the longest waiting first; with `only`, that one if it is due."""
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
    if only is not None:
        due = due.where(WebhookEvent.id == only)
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
            WebhookEvent.received_at,
        )
        .execution_options(synchronize_session=False)
    )
    with transaction(SYSTEM) as session:
        rows = session.execute(statement).all()
    return [Claimed(**row._mapping, lease_token=token) for row in sorted(rows, key=lambda row: row.id)]


def renew(deliveries: Sequence[Claimed]) -> None:
    """Keep what is still to be worked; what another worker took meanwhile has another token, and is found out at its end."""
    ids, token = [delivery.id for delivery in deliveries], deliveries[0].lease_token

    def write(session: Session) -> None:
        session.execute(
            update(WebhookEvent)
            .where(WebhookEvent.id.in_(ids), WebhookEvent.lease_token == token)
            .values(lease_until=func.clock_timestamp() + LEASE)
        )

    in_transaction(write, scope=SYSTEM)


def finish_without_work(session: Session, ends: Sequence[tuple[Claimed, End]]) -> None:
    """Write why deliveries need no work."""
    for delivery, end in ends:
        _write_end(session, delivery, end.state, {end.state: end.reason})


def finish(session: Session, deliveries: Sequence[Claimed]) -> None:
    """Write that deliveries are done, in the unit of work of their effects. Raises LeaseLost, which undoes those."""
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


def postpone(deliveries: Sequence[Claimed], problem: Exception | None, ruling: Ruling) -> None:
    """Write that an attempt failed: try again after a pause, or give up."""
    first, token = deliveries[0], deliveries[0].lease_token
    pause = backoff(ruling.counted, first=1.0, longest=ruling.longest)
    report = log.warning if ruling.is_passing else log.error
    report("delivery not worked", id=first.id, type=first.type, attempt=first.attempts, error=repr(problem))

    def write(session: Session) -> None:
        session.execute(
            update(WebhookEvent)
            .where(WebhookEvent.id.in_([delivery.id for delivery in deliveries]), WebhookEvent.lease_token == token)
            .values(
                state="dead" if ruling.is_final else "retry",
                attempts=ruling.counted,
                next_attempt_at=func.clock_timestamp() + text(":pause * interval '1 second'").bindparams(pause=pause),
                lease_until=None,
                last_error=_shown(problem),
                outcome={"fault": ruling.fault},
            )
        )

    in_transaction(write, scope=SYSTEM)


def _shown(problem: Exception | None) -> str | None:
    return None if problem is None else repr(problem)[:2000].replace("\0", "").encode(errors="replace").decode()
