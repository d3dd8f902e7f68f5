"""Reading keys. The account comes first: nothing is found outside it. No query returns anything secret."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select, text

from portal.db import among, db
from portal.gateway.models import ApiKey
from portal.gateway.rules import state_of
from portal.gateway.types import Door, KeyView
from portal.ports.gateway import Credential, Route

_PEOPLE = text("SELECT id, name FROM users WHERE id = ANY(:ids)")
_DOOR = text("""
    SELECT a.name, o.slug AS organisation_slug, a.slug AS api_slug, sample.method, sample.path
    FROM subscriptions s
    JOIN apis a ON a.product_id = s.product_id
    JOIN organisations o ON o.id = a.organisation_id
    LEFT JOIN LATERAL (
        SELECT op.method, op.path
        FROM api_operations op JOIN api_versions v ON v.id = op.version_id
        WHERE v.api_id = a.id AND v.is_default
        ORDER BY lower(op.method) <> 'get', op.path LIKE '%{%', op.deprecated, op.ordinal
        LIMIT 1
    ) sample ON true
    WHERE s.id = :subscription AND s.account_id = :account
""")
_CREDENTIAL = text("SELECT * FROM gateway_credentials WHERE key_id = :key")
_OF_ACCOUNT = text("""
    SELECT *, COALESCE(valid_from <= :now AND (valid_to IS NULL OR valid_to > :now), false) AS is_supported
    FROM gateway_credentials WHERE account_id = :account ORDER BY key_id
""")
_ENDED = text("SELECT * FROM gateway_credentials WHERE valid_to > :since AND valid_to <= :now ORDER BY key_id")
_ROUTE = text(
    "SELECT api_id, organisation_slug, api_slug, upstream_url FROM gateway_routes WHERE api_id = :api AND state <> 'blocked'"
)


def list_keys(account_id: int, subscription_id: int, now: datetime) -> list[KeyView]:
    """Return the keys of a subscription: working ones first, newest first."""
    rows = db.session.scalars(
        select(ApiKey)
        .where(ApiKey.account_id == account_id, ApiKey.subscription_id == subscription_id)
        .order_by(ApiKey.revoked_at.is_not(None), ApiKey.id.desc())
        .limit(200)
    ).all()
    makers = sorted({row.created_by for row in rows if row.created_by is not None})
    names = {row.id: row.name for row in db.session.execute(_PEOPLE, {"ids": makers})} if makers else {}
    return [_view(row, names.get(row.created_by), now) for row in rows]


def list_with_live_key(account_id: int, subscription_ids: Collection[int], now: datetime) -> set[int]:
    """Return which of an account's subscriptions have a key that works now."""
    live = select(ApiKey.subscription_id).where(
        ApiKey.account_id == account_id,
        among(ApiKey.subscription_id, subscription_ids),
        ApiKey.revoked_at.is_(None),
        or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now),
    )
    return set(db.session.scalars(live.distinct()))


def find_named(account_id: int, words: str, most: int = 5) -> list[KeyView]:
    """Return the account's unrevoked keys whose name holds the words, or that end in them, newest first."""
    is_meant = or_(ApiKey.name.icontains(words, autoescape=True), ApiKey.last_four == words)
    rows = db.session.scalars(
        select(ApiKey)
        .where(ApiKey.account_id == account_id, ApiKey.revoked_at.is_(None), is_meant)
        .order_by(ApiKey.id.desc())
        .limit(most)
    )
    return [_view(row, None, row.created_at) for row in rows]


def find_door(account_id: int, subscription_id: int) -> Door | None:
    """Return where the subscription's API is called; None when the product is no API."""
    row = db.session.execute(_DOOR, {"subscription": subscription_id, "account": account_id}).one_or_none()
    if row is None:
        return None
    return Door(
        api_name=row.name,
        organisation_slug=row.organisation_slug,
        api_slug=row.api_slug,
        sample_method=row.method or "GET",
        sample_path=row.path or "/",
    )


def find_credential(key_id: int) -> Credential | None:
    """Return what a gateway must know of a key that is not revoked. For system work only."""
    row = db.session.execute(_CREDENTIAL, {"key": key_id}).one_or_none()
    return None if row is None else _credential(row)


def list_supported(account_id: int, now: datetime) -> list[tuple[Credential, bool]]:
    """Return the account's unrevoked keys, each with whether an entitlement supports it now. For system work only."""
    rows = db.session.execute(_OF_ACCOUNT, {"account": account_id, "now": now})
    return [(_credential(row), row.is_supported) for row in rows]


def list_ended(since: datetime, now: datetime) -> list[Credential]:
    """Return unrevoked keys whose support ended after `since`. For system work only."""
    return [_credential(row) for row in db.session.execute(_ENDED, {"since": since, "now": now})]


def list_expired(since: datetime, now: datetime) -> list[str]:
    """Return the public ids of unrevoked keys whose own time ran out after `since`. For system work only."""
    rows = db.session.scalars(
        select(ApiKey.public_id)
        .where(ApiKey.expires_at > since, ApiKey.expires_at <= now, ApiKey.revoked_at.is_(None))
        .order_by(ApiKey.id)
    )
    return list(rows)


def find_route(api_id: int) -> Route | None:
    """Return the route of a published API. For system work only."""
    row = db.session.execute(_ROUTE, {"api": api_id}).one_or_none()
    if row is None:
        return None
    return Route(api_id=api_id, path_prefix=f"{row.organisation_slug}/{row.api_slug}", upstream_url=row.upstream_url)


def _view(row: ApiKey, maker: str | None, now: datetime) -> KeyView:
    return KeyView(
        id=row.id,
        subscription_id=row.subscription_id,
        name=row.name,
        prefix=row.prefix,
        last_four=row.last_four,
        state=state_of(now, expires_at=row.expires_at, revoked_at=row.revoked_at),
        created_at=row.created_at,
        created_by_name=maker,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )


def _credential(row: Row[Any]) -> Credential:
    return Credential(
        key_id=row.key_id,
        public_id=row.public_id,
        key_hash=bytes(row.key_hash),
        subscription_id=row.subscription_id,
        account_id=row.account_id,
        api_id=row.api_id,
        requests_per_minute=row.requests_per_minute,
    )
