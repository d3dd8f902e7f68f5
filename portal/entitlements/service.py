"""Making rights follow their sources. Callers hold the unit of work."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, text, update

from portal.db import db
from portal.entitlements.models import Entitlement
from portal.entitlements.queries import grant_of
from portal.entitlements.rules import DERIVED, reconcile, support
from portal.entitlements.types import Derivation, Grant, Steps
from portal.outbox.service import announce
from portal.ports.queue import Queue
from portal.pricing.queries import find_feature_of
from portal.subscriptions.queries import get_subscription
from portal.subscriptions.rules import access_of


def derive(subscription_id: int, *, now: datetime, queue: Queue | None = None) -> Derivation:
    """Make the entitlement rows of a subscription equal to what it supports at `now`.

    Safe to run at any time, any number of times and from several places at once: the account's row is locked
    first, and rows that are right already stay untouched. A change bumps the account's entitlement version in the
    same unit of work and is announced as `entitlements.changed`. Raises UnknownSubscription.
    """
    account_id = get_subscription(subscription_id).account_id
    version = _lock(account_id)
    held = get_subscription(subscription_id)  # again, now that nobody else can be changing it
    access = access_of(held, now)
    feature_id = find_feature_of(held.product_id)
    wanted = None if feature_id is None else support(access, feature_id)
    steps = reconcile(_grants(account_id, subscription_id), wanted, now)
    opened_id = None
    if steps:
        opened_id = _take(steps, account_id, subscription_id, f"subscription: {access.reason}", now)
        version = _announce(account_id, subscription_id, queue)
    return Derivation(subscription_id, account_id, access.allowed, access.reason, version, steps, opened_id)


def _lock(account_id: int) -> int:
    version: int = db.session.execute(
        text("SELECT entitlement_version FROM accounts WHERE id = :id FOR UPDATE"), {"id": account_id}
    ).scalar_one()
    return version


def _grants(account_id: int, subscription_id: int) -> list[Grant]:
    rows = db.session.scalars(
        select(Entitlement)
        .where(
            Entitlement.account_id == account_id,
            Entitlement.source_id == subscription_id,
            Entitlement.source.in_(DERIVED),
            Entitlement.revoked_at.is_(None),
        )
        .execution_options(populate_existing=True)
    )
    return [grant_of(row) for row in rows]


def _take(steps: Steps, account_id: int, subscription_id: int, why: str, now: datetime) -> int | None:
    # What ends goes first: the exclusion constraint looks at every statement by itself.
    if steps.revoke:
        _update(steps.revoke, revoked_at=now, revoke_reason=why)
    if steps.close:
        _update(steps.close, valid_to=now)
    if steps.move:
        _update((steps.move.grant_id,), valid_from=steps.move.valid_from, valid_to=steps.move.valid_to)
    if steps.open is None:
        return None
    row = Entitlement(
        account_id=account_id,
        feature_id=steps.open.feature_id,
        source=steps.open.source,
        source_id=subscription_id,
        valid_from=steps.open.valid_from,
        valid_to=steps.open.valid_to,
    )
    db.session.add(row)
    db.session.flush()  # a clash must surface here, where the cause is known
    return row.id


def _update(ids: tuple[int, ...], **values: object) -> None:
    db.session.execute(update(Entitlement).where(Entitlement.id.in_(ids)).values(**values))


def _announce(account_id: int, subscription_id: int, queue: Queue | None) -> int:
    version: int = db.session.execute(
        text(
            "UPDATE accounts SET entitlement_version = entitlement_version + 1 WHERE id = :id"
            " RETURNING entitlement_version"
        ),
        {"id": account_id},
    ).scalar_one()
    facts = {"account_id": account_id, "version": version, "subscription_id": subscription_id}
    announce("entitlements.changed", f"{account_id}:{version}", facts, queue=queue)
    return version
