"""Making rights follow their sources. Callers hold the unit of work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select, text, update

from portal.db import db
from portal.entitlements.models import Entitlement
from portal.entitlements.queries import grant_of
from portal.entitlements.rules import DERIVED, reconcile, support
from portal.entitlements.types import Derivation, Grant, Source, Steps, Support
from portal.outbox.service import announce
from portal.ports.queue import Queue
from portal.pricing.queries import list_features_of
from portal.subscriptions.queries import get_subscription
from portal.subscriptions.rules import access_of


def derive(subscription_id: int, *, now: datetime, queue: Queue | None = None) -> Derivation:
    """Make the entitlement rows of a subscription equal to what it supports at `now`.

    Safe to run at any time, any number of times and from several places at once: the account's row is locked
    first, and rows that are right already stay untouched. A change bumps the account's entitlement version in the
    same unit of work and is announced as `entitlements.changed`. Raises UnknownSubscription.
    """
    account_id = get_subscription(subscription_id).account_id
    version = lock(account_id)
    held = get_subscription(subscription_id)  # again, now that nobody else can be changing it
    access = access_of(held, now)
    given = list_features_of(held.product_id, held.plan_id)
    wanted = [support(access, feature_id, _for_all(each, held.quantity)) for feature_id, each in given.items()]
    because = f"subscription: {access.reason}"
    changed = _make_equal(account_id, DERIVED, subscription_id, [one for one in wanted if one], because, now)
    if changed:
        version = announce_change(account_id, {"subscription_id": subscription_id}, queue)
    return Derivation(subscription_id, account_id, access.allowed, access.reason, version, changed)


def derive_purchase(
    account_id: int,
    purchase_id: int,
    given: Mapping[int, Decimal | None],
    window: tuple[datetime, datetime | None] | None,
    *,
    because: str,
    now: datetime,
    queue: Queue | None = None,
) -> bool:
    """Make the rows of something bought once equal to what its payment supports; True when one was written.

    `given` maps features to quantities; `window` is None while the payment supports nothing.
    """
    lock(account_id)
    wanted = [] if window is None else [Support(one, "purchase", *window, each) for one, each in given.items()]
    changed = _make_equal(account_id, ("purchase",), purchase_id, wanted, f"purchase: {because}", now)
    if changed:
        announce_change(account_id, {"purchase_id": purchase_id}, queue)
    return changed


def lock(account_id: int) -> int:
    """Let nobody else change an account's rights until the unit of work ends; return their version."""
    version: int = db.session.execute(
        text("SELECT entitlement_version FROM accounts WHERE id = :id FOR UPDATE"), {"id": account_id}
    ).scalar_one()
    return version


def announce_change(account_id: int, facts: Mapping[str, int], queue: Queue | None = None) -> int:
    """Raise the version of an account's rights, and say so once the unit of work is done; return the new version."""
    version: int = db.session.execute(
        text(
            "UPDATE accounts SET entitlement_version = entitlement_version + 1 WHERE id = :id"
            " RETURNING entitlement_version"
        ),
        {"id": account_id},
    ).scalar_one()
    body = {"account_id": account_id, "version": version, **facts}
    announce("entitlements.changed", f"{account_id}:{version}", body, queue=queue)
    return version


def _for_all(each: Decimal | None, units: int) -> Decimal | None:
    return None if each is None else each * units


def _make_equal(
    account_id: int,
    kinds: Sequence[Source] | frozenset[Source],
    source_id: int,
    wanted: Sequence[Support],
    because: str,
    now: datetime,
) -> bool:
    """Take the steps from the rows of one source to what it supports, feature by feature."""
    held: dict[int, list[Grant]] = {one.feature_id: [] for one in wanted}
    for grant in _grants(account_id, kinds, source_id):
        held.setdefault(grant.feature_id, []).append(grant)
    supported = {one.feature_id: one for one in wanted}
    changed = False
    for feature_id, grants in sorted(held.items()):
        steps = reconcile(grants, supported.get(feature_id), now)
        if steps:
            _take(steps, account_id, source_id, because, now)
            changed = True
    return changed


def _grants(account_id: int, kinds: Sequence[Source] | frozenset[Source], source_id: int) -> list[Grant]:
    rows = db.session.scalars(
        select(Entitlement)
        .where(
            Entitlement.account_id == account_id,
            Entitlement.source_id == source_id,
            Entitlement.source.in_(kinds),
            Entitlement.revoked_at.is_(None),
        )
        .execution_options(populate_existing=True)
    )
    return [grant_of(row) for row in rows]


def _take(steps: Steps, account_id: int, source_id: int, because: str, now: datetime) -> None:
    # What ends goes first: the exclusion constraint looks at every statement by itself.
    if steps.revoke:
        _update(steps.revoke, revoked_at=now, revoke_reason=because)
    if steps.close:
        _update(steps.close, valid_to=now)
    if steps.move:
        _update((steps.move.grant_id,), valid_from=steps.move.valid_from, valid_to=steps.move.valid_to)
    if steps.open is None:
        return
    db.session.add(
        Entitlement(
            account_id=account_id,
            feature_id=steps.open.feature_id,
            source=steps.open.source,
            source_id=source_id,
            quantity=steps.open.quantity,
            valid_from=steps.open.valid_from,
            valid_to=steps.open.valid_to,
        )
    )
    db.session.flush()  # a clash must surface here, where the cause is known


def _update(ids: tuple[int, ...], **values: object) -> None:
    db.session.execute(update(Entitlement).where(Entitlement.id.in_(ids)).values(**values))
