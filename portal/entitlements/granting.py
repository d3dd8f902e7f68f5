"""Rights that a person gives by hand, and takes back: always with who and why. Callers hold the unit of work."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import select, update

from portal.audit.service import record
from portal.db import db
from portal.entitlements.errors import EmptyWindow
from portal.entitlements.models import Entitlement
from portal.entitlements.queries import grant_of
from portal.entitlements.service import announce_change, lock
from portal.entitlements.types import Grant, Granted, Revoked
from portal.ports.queue import Queue

# One manual grant of a feature at a time: a new one takes the place of the one before.
BY_HAND = 0


def grant(
    account_id: int,
    feature_id: int,
    *,
    granted_by: str,
    reason: str,
    valid_from: datetime,
    valid_to: datetime | None,
    quantity: Decimal | None,
    actor: str,
    organisation_id: int | None,
    now: datetime,
    queue: Queue | None = None,
) -> Granted:
    """Give a right by hand during `[valid_from, valid_to)`; None lasts until it is revoked.

    A manual grant of the same feature that reaches into that time ends where the new one begins. Raises EmptyWindow.
    """
    if valid_to is not None and valid_to <= max(valid_from, now):
        raise EmptyWindow("valid_to must lie in the future and after valid_from")
    lock(account_id)
    replaced = _make_room(account_id, feature_id, valid_from, by=granted_by, now=now)
    row = Entitlement(
        account_id=account_id,
        feature_id=feature_id,
        source="manual",
        source_id=BY_HAND,
        quantity=quantity,
        valid_from=valid_from,
        valid_to=valid_to,
        granted_by=granted_by,
        reason=reason,
    )
    db.session.add(row)
    db.session.flush()  # a clash must surface here, where the cause is known
    version = announce_change(account_id, {"grant_id": row.id}, queue)
    until = valid_to.isoformat() if valid_to else None
    after = {"feature_id": feature_id, "granted_by": granted_by, "from": valid_from.isoformat(), "until": until}
    record(
        "entitlement.granted",
        f"account:{account_id}",
        actor=actor,
        organisation_id=organisation_id,
        reason=reason,
        after=after,
    )
    return Granted(grant_of(row), version, replaced)


def revoke(
    account_id: int,
    feature_id: int,
    *,
    revoked_by: str,
    reason: str,
    actor: str,
    organisation_id: int | None,
    now: datetime,
    queue: Queue | None = None,
) -> Revoked:
    """End what was given by hand of a feature; return the grants as they were, none when nothing was left to end.

    What a subscription or a purchase supports stays: that ends with its source.
    """
    version = lock(account_id)
    open_ones = [grant_of(row) for row in _ahead(account_id, feature_id, now)]
    if not open_ones:
        return Revoked((), version)
    _end(open_ones, now, now, f"{revoked_by}: {reason}")
    version = announce_change(account_id, {"feature_id": feature_id}, queue)
    facts = {"feature_id": feature_id, "grants": [one.id for one in open_ones], "revoked_by": revoked_by}
    record(
        "entitlement.revoked",
        f"account:{account_id}",
        actor=actor,
        organisation_id=organisation_id,
        reason=reason,
        before=facts,
    )
    return Revoked(tuple(open_ones), version)


def _make_room(account_id: int, feature_id: int, start: datetime, *, by: str, now: datetime) -> bool:
    reaching = [
        grant_of(row) for row in _ahead(account_id, feature_id, now) if row.valid_to is None or row.valid_to > start
    ]
    _end(reaching, max(start, now), now, f"replaced by {by}")
    return bool(reaching)


def _ahead(account_id: int, feature_id: int, now: datetime) -> list[Entitlement]:
    rows = db.session.scalars(
        select(Entitlement)
        .where(
            Entitlement.account_id == account_id,
            Entitlement.feature_id == feature_id,
            Entitlement.source == "manual",
            Entitlement.revoked_at.is_(None),
        )
        .execution_options(populate_existing=True)
    )
    return [row for row in rows if row.valid_to is None or row.valid_to > now]


def _end(grants: list[Grant], at: datetime, now: datetime, because: str) -> None:
    """Close what has begun at an instant; revoke what has not, as if it had never been written."""
    for one in grants:
        begun = one.valid_from < at
        values = {"valid_to": at} if begun else {"revoked_at": now, "revoke_reason": because}
        db.session.execute(update(Entitlement).where(Entitlement.id == one.id).values(**values))
