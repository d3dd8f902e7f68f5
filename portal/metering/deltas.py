"""Usage that others report in signed events (seed 000): applied once each. Whose it is, the inbox has decided."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.kit.periods import Period
from portal.metering.models import UsageDelta
from portal.ports.billing import Notice

Verdict = Literal["applied", "repeated", "conflict", "refused"]
MOST = 2**53
_LONGEST_METADATA = 8_192


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an event; `reason` when it was refused."""

    verdict: Verdict
    reason: str | None = None


def take(
    session: Session,
    notice: Notice,
    raw: bytes,
    thing: Mapping[str, Any],
    *,
    account_id: int | None,
    refused: str | None,
    now: datetime,
) -> Taken:
    """Apply the usage that a verified event reports about an account, once; keep one that is refused with its reason.

    `thing` is the event's object, `refused` why nobody's usage it can be.
    """
    reason = refused
    metric, quantity = thing.get("metric", "usage"), thing.get("delta", thing.get("quantity"))
    if reason is None:
        reason = _fault(metric, quantity)
    statement = insert(UsageDelta).values(
        account_id=None if reason else account_id,
        event_id=notice.id,
        body_sha256=hashlib.sha256(raw).digest(),
        event_type=notice.type,
        metric=None if reason else metric,
        quantity=None if reason else quantity,
        refused=reason,
        occurred_at=notice.created_at,
        received_at=now,
        event_metadata=_metadata(thing),
    )
    written = session.execute(statement.on_conflict_do_nothing(constraint="usage_deltas_once").returning(UsageDelta.id))
    if written.first() is not None:
        return Taken("refused", reason) if reason else Taken("applied")
    held = session.execute(
        select(UsageDelta.body_sha256, UsageDelta.refused).where(UsageDelta.event_id == notice.id)
    ).one()
    if held.body_sha256 != hashlib.sha256(raw).digest():
        return Taken("conflict", "another body was delivered under this event id before")
    return Taken("refused", held.refused) if held.refused else Taken("repeated")


def sums_by_day(session: Session, account_id: int, period: Period) -> dict[datetime, dict[str, int]]:
    """Return what was reported in a period, by UTC day and metric."""
    day = func.date_trunc("day", UsageDelta.occurred_at, "UTC")
    rows = session.execute(
        select(day.label("day"), UsageDelta.metric, func.sum(UsageDelta.quantity).label("quantity"))
        .where(
            UsageDelta.account_id == account_id,
            UsageDelta.refused.is_(None),
            UsageDelta.occurred_at >= period.start,
            UsageDelta.occurred_at < period.end,
        )
        .group_by(day, UsageDelta.metric)
        .order_by(day, UsageDelta.metric)
    )
    found: dict[datetime, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.day, {})[row.metric] = int(row.quantity)
    return found


def _fault(metric: object, quantity: object) -> str | None:
    if not isinstance(metric, str) or not 0 < len(metric) <= 100 or not metric.isprintable():
        return "`metric` is a short text"
    if isinstance(quantity, bool) or not isinstance(quantity, int) or not -MOST <= quantity <= MOST:
        return "`delta` is a whole number"
    return None


def _metadata(thing: Mapping[str, Any]) -> dict[str, Any]:
    found = thing.get("metadata")
    kept = found if isinstance(found, dict) else {}
    text = json.dumps(kept)
    return kept if len(text) <= _LONGEST_METADATA and "\\u0000" not in text else {}
