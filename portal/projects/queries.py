"""Reading projects, apps and accounts."""

from __future__ import annotations

from collections.abc import Collection
from hmac import compare_digest

from sqlalchemy import select

from portal.db import db
from portal.kit.tokens import keyed_hash, public_id_of
from portal.projects.models import Account, App, Feature, StripeCustomer
from portal.projects.types import APP_KEY_PREFIX, MARKETPLACE, AppIdentity, Told

_NOBODY = bytes(32)


def find_account_id(organisation_id: int) -> int | None:
    """Return the marketplace account of an organisation, or None before its first purchase."""
    return db.session.scalar(
        select(Account.id).where(Account.organisation_id == organisation_id, Account.project_id == MARKETPLACE)
    )


def find_customer(account_id: int, *, livemode: bool) -> str | None:
    """Return the payment provider's customer of an account in one mode."""
    return db.session.scalar(
        select(StripeCustomer.stripe_customer_id).where(
            StripeCustomer.account_id == account_id, StripeCustomer.livemode == livemode
        )
    )


def find_told(account_id: int, *, livemode: bool) -> Told | None:
    """Return what an account's customer at the payment provider was last told about whom to bill."""
    row = db.session.get(StripeCustomer, (account_id, livemode), populate_existing=True)
    return None if row is None else Told(row.stripe_customer_id, row.billing_version or 0, row.billing_problem)


def find_account_mail(account_id: int) -> str | None:
    """Return the address an account was opened with."""
    return db.session.scalar(select(Account.email).where(Account.id == account_id))


def find_account_by_customer(stripe_customer_id: str) -> int | None:
    """Return the account that a payment provider's customer is; only our own mapping decides, never metadata."""
    return db.session.scalar(
        select(StripeCustomer.account_id).where(StripeCustomer.stripe_customer_id == stripe_customer_id)
    )


def name_features(feature_ids: Collection[int]) -> dict[int, tuple[str, str]]:
    """Return the code and the name of each feature."""
    if not feature_ids:
        return {}
    rows = db.session.execute(select(Feature.id, Feature.code, Feature.name).where(Feature.id.in_(feature_ids)))
    return {row.id: (row.code, row.name) for row in rows}


def find_app(key: str, pepper: bytes) -> AppIdentity | None:
    """Return the app whose active key this is. Takes as long for an unknown key as for a wrong one."""
    public_id = public_id_of(key) if key.startswith(f"{APP_KEY_PREFIX}_") else None
    row = (
        None
        if public_id is None
        else db.session.execute(
            select(App.id, App.project_id, App.name, App.key_hash).where(
                App.public_id == public_id, App.active, App.revoked_at.is_(None)
            )
        ).one_or_none()
    )
    if not compare_digest(keyed_hash(key, pepper), row.key_hash if row else _NOBODY) or row is None:
        return None
    return AppIdentity(app_id=row.id, project_id=row.project_id, name=row.name)
