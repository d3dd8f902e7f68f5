"""The gap filler: what the provider lists and nobody delivered is stored as if it had been.

An hour of overlap covers events that were on their way when the last look ended. Everything found goes through the one
`store`, so a delivery that still comes is a repeat, and a second look finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from portal.db import SYSTEM, in_transaction, scoped
from portal.ports.billing import Notice
from portal.ports.payments import Payments
from portal.ports.queue import Queue
from portal.webhooks.models import GapRun, WebhookEvent
from portal.webhooks.service import GAP_FILLER, store

log = structlog.get_logger(__name__)

OVERLAP = timedelta(hours=1)
LONGEST_LOOK_BACK = timedelta(days=30)
"""The provider lists no older events."""
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Filled:
    """What a look through the list found."""

    since: datetime
    seen: int
    missing: int


def fill_gaps(
    *,
    payments: Payments,
    queue: Queue,
    now: datetime,
    livemode: bool,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Filled:
    """Store every listed event that is missing, from `since` (else an hour before the last look's end, 30 days at most).

    Events made between `until` and `now` are left to their deliveries, which are still on their way.
    Raises PaymentsUnavailable; the next look then begins where this one did.
    """
    run_id, since = in_transaction(lambda session: _begin(session, since, now), scope=SYSTEM)
    seen = missing = 0
    watermark = None
    try:
        for some in _portions(_settled(payments.list_notices(since), until, now)):
            lacking = _lacking([notice.id for notice, _body in some])
            for notice, body in some:
                if notice.id in lacking:
                    store(notice, orjson.dumps(body), endpoint=GAP_FILLER, now=now, queue=queue, livemode=livemode)
            seen, missing, watermark = seen + len(some), missing + len(lacking), some[-1][0].created_at
    except Exception as problem:
        _end(run_id, seen=seen, missing=missing, error=repr(problem)[:500])
        raise
    _end(run_id, seen=seen, missing=missing, watermark=watermark or since + OVERLAP)
    if missing:
        log.warning("events were never delivered", missing=missing, seen=seen, since=since.isoformat())
    return Filled(since, seen, missing)


Listed = tuple[Notice, Mapping[str, Any]]


def _begin(session: Session, since: datetime | None, now: datetime) -> tuple[int, datetime]:
    if since is None:
        watermark = session.scalar(select(func.max(GapRun.watermark)))
        since = watermark - OVERLAP if watermark else now - LONGEST_LOOK_BACK
    since = max(since, now - LONGEST_LOOK_BACK)
    run = GapRun(started_at=now, since=since)
    session.add(run)
    session.flush()
    return run.id, since


def _end(run_id: int, **values: Any) -> None:
    in_transaction(
        lambda session: session.execute(
            update(GapRun).where(GapRun.id == run_id).values(finished_at=func.clock_timestamp(), **values)
        ),
        scope=SYSTEM,
    )


def _settled(listed: Iterable[Listed], until: datetime | None, now: datetime) -> list[Listed]:
    return [one for one in listed if until is None or not until <= one[0].created_at <= now]


def _portions(listed: list[Listed]) -> Iterator[list[Listed]]:
    for first in range(0, len(listed), _AT_ONCE):
        yield listed[first : first + _AT_ONCE]


def _lacking(ids: list[str]) -> set[str]:
    """Return which events the inbox does not hold."""
    with scoped(SYSTEM) as session:
        held = session.scalars(select(WebhookEvent.external_id).where(WebhookEvent.external_id.in_(ids)))
        return set(ids) - set(held)
