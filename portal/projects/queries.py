"""Reading projects, apps and accounts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Select, or_, select

from portal.db import among, db
from portal.kit.tokens import is_hash_of, public_id_of
from portal.projects.errors import UnknownAccount, UnknownApp, UnknownProject
from portal.projects.finding import view_of
from portal.projects.models import Account, App, AppKey, Feature, Project, StripeCustomer
from portal.projects.rules import key_state
from portal.projects.types import (
    APP_KEY_PREFIX,
    MARKETPLACE,
    AccountView,
    AppIdentity,
    AppKeyView,
    AppView,
    FeatureView,
    ProjectView,
    Told,
)

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
    rows = db.session.execute(select(Feature.id, Feature.code, Feature.name).where(among(Feature.id, feature_ids)))
    return {row.id: (row.code, row.name) for row in rows}


def find_app(key: str, pepper: bytes, now: datetime) -> AppIdentity | None:
    """Return the active app whose live key this is. Takes as long for an unknown key as for a wrong one."""
    public_id = public_id_of(key) if key.startswith(f"{APP_KEY_PREFIX}_") else None
    row = None if public_id is None else db.session.execute(_by_key(public_id, now)).one_or_none()
    if not is_hash_of(key, row.key_hash if row else _NOBODY, pepper) or row is None:
        return None
    return AppIdentity(
        app_id=row.id,
        key_id=row.key_id,
        project_id=row.project_id,
        organisation_id=row.organisation_id,
        name=row.name,
        scopes=frozenset(row.scopes),
        redirect_origins=tuple(row.redirect_origins),
        requests_per_minute=row.requests_per_minute,
        last_used_at=row.last_used_at,
    )


def _by_key(public_id: str, now: datetime) -> Select[*tuple[Any, ...]]:
    return (
        select(
            App.id, App.project_id, Project.organisation_id, App.name, App.scopes, App.redirect_origins, App.requests_per_minute,
            AppKey.id.label("key_id"), AppKey.key_hash, AppKey.last_used_at,
        )
        .join(AppKey, AppKey.app_id == App.id)
        .join(Project, Project.id == App.project_id)
        .where(
            AppKey.public_id == public_id,
            AppKey.revoked_at.is_(None),
            or_(AppKey.expires_at.is_(None), AppKey.expires_at > now),
            App.active,
        )
    )  # fmt: skip


def list_projects(organisation_id: int | None) -> list[ProjectView]:
    """Return the projects of an organisation, by name; None stands for all of them, the operators' view."""
    query = select(Project).order_by(Project.name)
    if organisation_id is not None:
        query = query.where(Project.organisation_id == organisation_id)
    return [ProjectView(row.id, row.name, row.organisation_id) for row in db.session.scalars(query)]


def get_project(project_id: int) -> ProjectView:
    """Return a project. Raises UnknownProject."""
    row = db.session.get(Project, project_id, populate_existing=True)
    if row is None:
        raise UnknownProject(str(project_id))
    return ProjectView(row.id, row.name, row.organisation_id)


def list_apps(project_id: int, now: datetime) -> list[AppView]:
    """Return the apps of a project by name, each with its keys."""
    keys: dict[int, list[AppKeyView]] = {}
    for row in db.session.scalars(select(AppKey).where(AppKey.project_id == project_id).order_by(AppKey.id.desc())):
        keys.setdefault(row.app_id, []).append(_key_view(row, now))
    rows = db.session.scalars(select(App).where(App.project_id == project_id).order_by(App.name))
    return [
        AppView(
            id=row.id,
            project_id=row.project_id,
            name=row.name,
            active=row.active,
            scopes=tuple(row.scopes),
            redirect_origins=tuple(row.redirect_origins),
            requests_per_minute=row.requests_per_minute,
            keys=tuple(keys.get(row.id, ())),
        )
        for row in rows
    ]


def get_app_view(project_id: int, app_id: int, now: datetime) -> AppView:
    """Return one app of a project with its keys. Raises UnknownApp."""
    found = next((app for app in list_apps(project_id, now) if app.id == app_id), None)
    if found is None:
        raise UnknownApp(str(app_id))
    return found


def find_account_in(project_id: int, external_id: str) -> int | None:
    """Return the account that a project knows by this id, if it was ever opened."""
    return db.session.scalar(
        select(Account.id).where(Account.project_id == project_id, Account.external_id == external_id)
    )


def find_organisation_of(account_id: int) -> int | None:
    """Return the organisation that a marketplace account belongs to; None for users of an integrator's project."""
    return db.session.scalar(
        select(Account.organisation_id).where(Account.id == account_id, Account.project_id == MARKETPLACE)
    )


def find_external(account_id: int) -> tuple[int, str] | None:
    """Return the project of an account, and the id that the project knows it by."""
    row = db.session.execute(
        select(Account.project_id, Account.external_id).where(Account.id == account_id)
    ).one_or_none()
    return None if row is None else (row.project_id, row.external_id)


def get_account(project_id: int, account_id: int) -> AccountView:
    """Return an account of a project. Raises UnknownAccount."""
    row = db.session.get(Account, account_id, populate_existing=True)
    if row is None or row.project_id != project_id:
        raise UnknownAccount(str(account_id))
    return view_of(row)


def list_features(project_id: int) -> list[FeatureView]:
    """Return a project's features by code."""
    rows = db.session.scalars(select(Feature).where(Feature.project_id == project_id).order_by(Feature.code))
    return [FeatureView(row.id, row.code, row.name) for row in rows]


def find_feature(project_id: int, code: str) -> FeatureView | None:
    """Return a feature of a project by its code, if there is one."""
    row = db.session.scalars(
        select(Feature).where(Feature.project_id == project_id, Feature.code == code)
    ).one_or_none()
    return None if row is None else FeatureView(row.id, row.code, row.name)


def _key_view(row: AppKey, now: datetime) -> AppKeyView:
    return AppKeyView(
        id=row.id,
        public_id=row.public_id,
        last_four=row.last_four,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        state=key_state(row.expires_at, row.revoked_at, now),
    )
