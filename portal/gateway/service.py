"""Issuing and revoking keys, and announcing both so that a gateway is told after the commit."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, text, update

from portal.audit.service import record
from portal.db import db
from portal.entitlements.queries import has_feature
from portal.gateway.errors import SubscriptionOver, TooManyKeys, UnknownKey
from portal.gateway.models import ApiKey
from portal.gateway.rules import (
    MANY_KEYS,
    MAX_LIVE_KEYS,
    MAX_NAME,
    MORE_KEYS,
    end_of_overlap,
    key_prefix,
    numbered,
    sealed,
    state_of,
)
from portal.gateway.types import IssuedKey
from portal.kit.tokens import keyed_hash, new_token
from portal.outbox.service import announce
from portal.ports.queue import Queue
from portal.projects.queries import find_feature
from portal.projects.types import MARKETPLACE
from portal.subscriptions.queries import get_for_account

_OWNER = text("SELECT organisation_id FROM accounts WHERE id = :account")
# One issuer at a time per subscription: the count and the name are checked against what the other one wrote.
_ONE_ISSUER = text("SELECT pg_advisory_xact_lock(hashtextextended('issue key', :subscription))")


def issue_key(
    account_id: int,
    subscription_id: int,
    name: str,
    *,
    created_by: int | None,
    now: datetime,
    pepper: bytes,
    lifetime: timedelta | None = None,
    keep_sealed: bool = False,
    queue: Queue | None = None,
) -> IssuedKey:
    """Make a key for a subscription of the account. The text is in the answer and nowhere else.

    A name that a live key already has gets a number. `keep_sealed` keeps an encrypted copy until a gateway that
    needs the clear text has it. Raises UnknownSubscription, SubscriptionOver, TooManyKeys.
    """
    subscription = get_for_account(account_id, subscription_id)
    if subscription.has_ended:
        raise SubscriptionOver
    db.session.execute(_ONE_ISSUER, {"subscription": subscription_id})
    taken = _live_names(account_id, subscription_id)
    most = _most_keys(account_id, now)
    if len(taken) >= most:
        raise TooManyKeys(most)
    token = new_token(key_prefix(livemode=subscription.livemode))
    key = ApiKey(
        account_id=account_id,
        subscription_id=subscription_id,
        name=numbered(name[:MAX_NAME], set(taken)),
        prefix=key_prefix(livemode=subscription.livemode),
        public_id=token.public_id,
        key_hash=keyed_hash(token.text, pepper),
        last_four=token.last_four,
        created_by=created_by,
        created_at=now,
        expires_at=now + lifetime if lifetime else None,
        sealed_text=sealed(token.text, pepper) if keep_sealed else None,
    )
    db.session.add(key)
    db.session.flush()  # the announcement and the trail name the key by its id
    announce("gateway.admit", str(key.id), {"key_id": key.id}, queue=queue)
    _record("key.issued", key, actor=f"user:{created_by}" if created_by else "system")
    return IssuedKey(key_id=key.id, text=token.text, last_four=token.last_four, name=key.name)


def _most_keys(account_id: int, now: datetime) -> int:
    feature = find_feature(MARKETPLACE, MORE_KEYS)
    return MANY_KEYS if feature is not None and has_feature(account_id, feature.id, now) else MAX_LIVE_KEYS


def rotate_key(
    account_id: int,
    key_id: int,
    *,
    overlap: timedelta,
    created_by: int | None,
    now: datetime,
    pepper: bytes,
    keep_sealed: bool = False,
    queue: Queue | None = None,
) -> IssuedKey:
    """Make a successor of a working key; the old one goes on for `overlap`, so that no program stands still.

    The successor lives as long as the old key was made to live, counted from now. Raises UnknownKey for a key that
    does not work any more, and what `issue_key` raises.
    """
    old = _locked(account_id, key_id)
    if state_of(now, expires_at=old.expires_at, revoked_at=old.revoked_at) != "live":
        raise UnknownKey(key_id)
    lifetime = old.expires_at - old.created_at if old.expires_at is not None else None
    issued = issue_key(
        account_id,
        old.subscription_id,
        old.name,
        created_by=created_by,
        now=now,
        pepper=pepper,
        lifetime=lifetime,
        keep_sealed=keep_sealed,
        queue=queue,
    )
    old.expires_at = end_of_overlap(now, overlap, old.expires_at)
    if old.expires_at <= now:
        announce("gateway.refuse", old.public_id, {"public_id": old.public_id}, queue=queue)
    _record("key.rotated", old, actor=f"user:{created_by}" if created_by else "system")
    return issued


def revoke_key(account_id: int, key_id: int, *, now: datetime, actor: str, queue: Queue | None = None) -> None:
    """Stop a key for good. Revoking twice is fine. Raises UnknownKey."""
    key = _locked(account_id, key_id)
    if key.revoked_at is not None:
        return
    key.revoked_at, key.sealed_text = now, None
    announce("gateway.refuse", key.public_id, {"public_id": key.public_id}, queue=queue)
    _record("key.revoked", key, actor=actor)


def move_keys(account_id: int, from_subscription_id: int, to_subscription_id: int) -> int:
    """Let the keys of a subscription that was replaced open its successor; return how many.

    The caller keeps the key they have in their program: coming back from a lapse must not break it.
    """
    moved = db.session.scalars(
        update(ApiKey)
        .where(
            ApiKey.account_id == account_id,
            ApiKey.subscription_id == from_subscription_id,
            ApiKey.revoked_at.is_(None),
        )
        .values(subscription_id=to_subscription_id)
        .returning(ApiKey.id)
    ).all()
    if moved:
        announce(
            "gateway.move",
            f"{from_subscription_id}:{to_subscription_id}",
            {"from": from_subscription_id, "to": to_subscription_id},
        )
    return len(moved)


def announce_route(api_id: int, version: str, *, queue: Queue | None = None) -> None:
    """Ask for the gateway to agree with an API's state. `version` tells one change from the next."""
    announce("gateway.publish", f"{api_id}:{version}", {"api_id": api_id}, queue=queue)


def _locked(account_id: int, key_id: int) -> ApiKey:
    key = db.session.scalars(
        select(ApiKey).where(ApiKey.id == key_id, ApiKey.account_id == account_id).with_for_update()
    ).one_or_none()
    if key is None:
        raise UnknownKey(key_id)
    return key


def _live_names(account_id: int, subscription_id: int) -> list[str]:
    return list(
        db.session.scalars(
            select(ApiKey.name).where(
                ApiKey.account_id == account_id,
                ApiKey.subscription_id == subscription_id,
                ApiKey.revoked_at.is_(None),
            )
        )
    )


def _record(action: str, key: ApiKey, *, actor: str) -> None:
    owner = db.session.execute(_OWNER, {"account": key.account_id}).scalar_one_or_none()
    record(
        action,
        f"api_key:{key.id}",
        actor=actor,
        organisation_id=owner,
        after={"name": key.name, "subscription_id": key.subscription_id, "ends_in": key.last_four},
    )
