"""Announcing, and delivering what was announced."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from portal.db import SYSTEM, db, in_transaction, on_commit, transaction
from portal.outbox.models import OutboxMessage
from portal.ports.queue import Queue

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=30)
MAX_ATTEMPTS = 20
Payload = Mapping[str, Any]
Reaction = Callable[[Payload], None]


class Pending(Exception):
    """A reaction that cannot finish yet and is expected to later (an outside party is away)."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An announcement this worker may deliver until its lease ends."""

    id: int
    topic: str
    payload: dict[str, Any]
    attempts: int
    lease_token: uuid.UUID


def announce(topic: str, dedupe_key: str, payload: Payload, *, queue: Queue | None = None) -> bool:
    """Write an announcement into the open unit of work; ring the bell once it is committed.

    Returns False when the same fact was announced before.
    """
    statement = insert(OutboxMessage).values(topic=topic, dedupe_key=f"{topic}:{dedupe_key}", payload=dict(payload))
    inserted = db.session.execute(
        statement.on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(OutboxMessage.id)
    ).scalar_one_or_none()
    if inserted is not None and queue is not None:
        on_commit(lambda: queue.ring("outbox"))
    return inserted is not None


def announce_mail(kind: str, cause: str, **facts: Any) -> bool:
    """Announce a mail with its cause: `kind` says which letter, the facts (ids, never secrets) what it is about.

    The letter is written when it is delivered, in the language of whoever reads it, by what is true then; a letter that
    has become pointless is not sent. Returns False when the same cause was announced before.
    """
    return announce("mail", f"{kind}:{cause}", {"kind": kind, "cause": f"{kind}:{cause}", **facts})


def was_mailed(kind: str, causes: Iterable[str]) -> bool:
    """True when a mail of a kind was announced for one of some causes."""
    keys = [f"mail:{kind}:{cause}" for cause in causes]
    found = select(OutboxMessage.id).where(OutboxMessage.dedupe_key.in_(keys)).limit(1)
    return db.session.scalar(found) is not None


def deliver_due(reactions: Mapping[str, Reaction], *, limit: int = 50) -> int:
    """Deliver up to `limit` waiting announcements; return how many were claimed.

    A reaction opens its own unit of work. It may run twice (a crash between its commit and ours), so it must be
    idempotent by business key. A failing reaction is tried again with growing pauses and never delays others.
    """
    claimed = _claim(limit)
    for message in claimed:
        _deliver(message, reactions.get(message.topic))
    return len(claimed)


def _claim(limit: int) -> list[Claimed]:
    token = uuid.uuid4()
    now = func.clock_timestamp()
    due = (
        select(OutboxMessage.id)
        .where(
            OutboxMessage.state == "waiting",
            OutboxMessage.run_at <= now,
            (OutboxMessage.lease_until.is_(None)) | (OutboxMessage.lease_until < now),
        )
        .order_by(OutboxMessage.run_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(OutboxMessage)
        .where(OutboxMessage.id.in_(due.scalar_subquery()))
        .values(lease_token=token, lease_until=now + LEASE, attempts=OutboxMessage.attempts + 1)
        .returning(OutboxMessage.id, OutboxMessage.topic, OutboxMessage.payload, OutboxMessage.attempts)
        .execution_options(synchronize_session=False)
    )
    with transaction(SYSTEM) as session:
        rows = session.execute(statement).all()
    return [Claimed(row.id, row.topic, row.payload, row.attempts, token) for row in sorted(rows, key=lambda r: r.id)]


def _deliver(message: Claimed, reaction: Reaction | None) -> None:
    if reaction is None:
        _finish(message, state="done", error="no reaction to this topic")
        return
    try:
        reaction(message.payload)
    except Exception as problem:
        _postpone(message, problem)
    else:
        _finish(message, state="done", error=None)


def _finish(message: Claimed, *, state: str, error: str | None) -> None:
    def write(session: Any) -> None:
        session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == message.id, OutboxMessage.lease_token == message.lease_token)
            .values(state=state, last_error=error, done_at=func.clock_timestamp(), lease_until=None)
        )

    in_transaction(write, scope=SYSTEM)


def _postpone(message: Claimed, problem: Exception) -> None:
    if message.attempts >= MAX_ATTEMPTS and not isinstance(problem, Pending):
        log.error("announcement abandoned", topic=message.topic, id=message.id, error=repr(problem))
        _finish(message, state="dead", error=repr(problem))
        return
    pause = backoff(message.attempts)
    log.warning(
        "announcement postponed", topic=message.topic, id=message.id, seconds=round(pause, 1), error=repr(problem)
    )

    def write(session: Any) -> None:
        session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == message.id, OutboxMessage.lease_token == message.lease_token)
            .values(
                run_at=func.clock_timestamp() + text(":pause * interval '1 second'").bindparams(pause=pause),
                last_error=repr(problem)[:2000],
                lease_until=None,
            )
        )

    in_transaction(write, scope=SYSTEM)


def backoff(attempt: int, *, first: float = 0.5, longest: float = 600.0) -> float:
    """Return a pause in seconds with full jitter, doubling per attempt: a recovering party is not hit in step."""
    pause: float = min(longest, first * 2 ** min(attempt - 1, 30))
    return random.uniform(0.2, 1.0) * pause  # noqa: S311 - not a secret
