"""Reading the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import undefer

from portal.db import db
from portal.webhooks.models import GapRun, WebhookEvent

STATES = ("pending", "retry", "dead", "quarantined", "done", "ignored")
"""Where a delivery can stand, what needs somebody before what is settled."""
_WAITING = ("pending", "retry")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries somebody looks for. `kind` with a dot at its end is a group of types; `text` is part of an id."""

    state: str | None = None
    kind: str | None = None
    about: str | None = None
    text: str | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Lag:
    """How far behind the inbox is: how many wait that are due, since when the oldest does, and what was given up."""

    due: int
    oldest_due: datetime | None
    waiting: int
    dead: int
    quarantined: int

    def seconds(self, now: datetime) -> float:
        """Return for how long the oldest due delivery has been waiting."""
        return max(0.0, (now - self.oldest_due).total_seconds()) if self.oldest_due else 0.0


def list_deliveries(wanted: Wanted, *, limit: int = 50) -> Sequence[WebhookEvent]:
    """Return deliveries, newest first."""
    query = select(WebhookEvent).order_by(WebhookEvent.id.desc()).limit(limit)
    if wanted.state:
        query = query.where(WebhookEvent.state == wanted.state)
    if wanted.kind:
        is_group = wanted.kind.endswith(".")
        query = query.where(
            WebhookEvent.type.startswith(wanted.kind, autoescape=True) if is_group else WebhookEvent.type == wanted.kind
        )
    if wanted.about:
        query = query.where(WebhookEvent.object_id == wanted.about)
    if wanted.text:
        columns = (WebhookEvent.external_id, WebhookEvent.object_id, WebhookEvent.type, WebhookEvent.last_error)
        query = query.where(or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)))
    if wanted.before:
        query = query.where(WebhookEvent.id < wanted.before)
    return db.session.scalars(query).all()


def find_delivery(event_row_id: int) -> WebhookEvent | None:
    """Return one delivery with its body."""
    return db.session.get(WebhookEvent, event_row_id, options=[undefer(WebhookEvent.raw)])


def count_by_state() -> dict[str, int]:
    """Count the deliveries in each state. Reads the whole inbox: for people, not for every scrape."""
    rows = db.session.execute(
        select(WebhookEvent.state, func.count().label("number")).group_by(WebhookEvent.state)
    ).all()
    counted = {row.state: row.number for row in rows}
    return {state: counted.get(state, 0) for state in STATES}


def list_types() -> Sequence[str]:
    """Return the types of the newest thousand deliveries, by name."""
    newest = select(WebhookEvent.type).order_by(WebhookEvent.id.desc()).limit(1000).subquery()
    return db.session.scalars(select(newest.c.type).distinct().order_by(newest.c.type)).all()


def read_lag() -> Lag:
    """Return how far behind the inbox is; small however large the inbox is."""
    clock = func.clock_timestamp()
    is_due = (WebhookEvent.next_attempt_at <= clock) & or_(
        WebhookEvent.lease_until.is_(None), WebhookEvent.lease_until < clock
    )
    waiting = select(
        func.count().filter(is_due), func.min(WebhookEvent.next_attempt_at).filter(is_due), func.count()
    ).where(WebhookEvent.state.in_(_WAITING))
    troubled = select(
        func.count().filter(WebhookEvent.state == "dead"), func.count().filter(WebhookEvent.state == "quarantined")
    ).where(WebhookEvent.state.in_(("dead", "quarantined")))
    due, oldest, all_waiting = db.session.execute(waiting).one()
    dead, quarantined = db.session.execute(troubled).one()
    return Lag(due, oldest, all_waiting, dead, quarantined)


def list_gap_runs(*, limit: int = 10) -> Sequence[GapRun]:
    """Return the newest looks for missing events."""
    return db.session.scalars(select(GapRun).order_by(GapRun.id.desc()).limit(limit)).all()


def count_gaps() -> tuple[int, datetime | None]:
    """Return how many events were ever found missing, and when a look last got to its end."""
    found = select(
        func.coalesce(func.sum(GapRun.missing), 0), func.max(GapRun.finished_at).filter(GapRun.error.is_(None))
    )
    missing, finished = db.session.execute(found).one()
    return int(missing), finished
