"""Opening projects, apps and accounts. Callers hold the unit of work; every `ensure_` may run twice at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from portal.db import db
from portal.kit.money import currency as known_currency
from portal.kit.tokens import keyed_hash, new_token
from portal.projects.errors import CustomerTaken, NameTaken, UnknownAccount
from portal.projects.models import Account, App, Feature, Project, StripeCustomer
from portal.projects.queries import find_account_id, find_customer
from portal.projects.types import APP_KEY_PREFIX, MARKETPLACE, NewApp


def create_project(name: str, *, organisation_id: int | None = None) -> int:
    """Open a project; return its id. Raises NameTaken; the unit of work stays usable."""
    statement = insert(Project).values(name=name, organisation_id=organisation_id)
    project_id = db.session.execute(
        statement.on_conflict_do_nothing(index_elements=["name"]).returning(Project.id)
    ).scalar_one_or_none()
    if project_id is None:
        raise NameTaken(f"there is a project {name!r}")
    return project_id


def create_app(project_id: int, name: str, *, pepper: bytes) -> NewApp:
    """Give an integrator a key of a project; its text exists only in what is returned.

    Raises NameTaken; the unit of work stays usable.
    """
    token = new_token(APP_KEY_PREFIX)
    statement = insert(App).values(
        project_id=project_id, name=name, public_id=token.public_id, key_hash=keyed_hash(token.text, pepper)
    )
    app_id = db.session.execute(
        statement.on_conflict_do_nothing(constraint="apps_name").returning(App.id)
    ).scalar_one_or_none()
    if app_id is None:
        raise NameTaken(f"the project has an app {name!r}")
    return NewApp(app_id=app_id, public_id=token.public_id, key=token.text)


def revoke_app(project_id: int, app_id: int, *, now: datetime) -> bool:
    """End an app's key at once; False when the project has no such app with a live key."""
    ended = db.session.execute(
        update(App)
        .where(App.project_id == project_id, App.id == app_id, App.revoked_at.is_(None))
        .values(active=False, revoked_at=now)
        .returning(App.id)
    )
    return ended.first() is not None


def ensure_account(organisation_id: int, *, name: str, email: str | None = None, currency: str = "eur") -> int:
    """Return the marketplace account of an organisation, opening it on first need.

    What an open account says of name, mail and currency stays. Raises UnknownCurrency.
    """
    found = find_account_id(organisation_id)
    if found is not None:
        return found
    db.session.execute(
        insert(Account)
        .values(
            project_id=MARKETPLACE,
            organisation_id=organisation_id,
            external_id=str(organisation_id),
            kind="org",
            name=name,
            email=email,
            currency=known_currency(currency).code,
        )
        .on_conflict_do_nothing()
    )
    found = find_account_id(organisation_id)
    if found is None:
        raise UnknownAccount(f"organisation {organisation_id} has no account that may be seen here")
    return found


def ensure_feature(project_id: int, code: str, name: str) -> int:
    """Return the feature of a code, making it on first need; an existing one keeps its name."""
    statement = insert(Feature).values(project_id=project_id, code=code, name=name)
    made = db.session.execute(
        statement.on_conflict_do_nothing(constraint="features_code").returning(Feature.id)
    ).scalar_one_or_none()
    if made is not None:
        return made
    return db.session.execute(
        select(Feature.id).where(Feature.project_id == project_id, Feature.code == code)
    ).scalar_one()


def note_told(account_id: int, livemode: bool, version: int, problem: str | None) -> None:
    """Remember which version of the billing details a customer says; an older one never replaces a newer one."""
    db.session.execute(
        update(StripeCustomer)
        .where(
            StripeCustomer.account_id == account_id,
            StripeCustomer.livemode == livemode,
            func.coalesce(StripeCustomer.billing_version, 0) <= version,
        )
        .values(billing_version=version, billing_problem=problem)
    )


def bind_customer(account_id: int, livemode: bool, stripe_customer_id: str) -> str:
    """Say which customer of the payment provider an account is; the first binding stays. Returns the one that holds.

    Raises CustomerTaken when the customer is another account's.
    """
    db.session.execute(
        insert(StripeCustomer)
        .values(account_id=account_id, livemode=livemode, stripe_customer_id=stripe_customer_id)
        .on_conflict_do_nothing()
    )
    found = find_customer(account_id, livemode=livemode)
    if found is None:
        raise CustomerTaken(f"{stripe_customer_id} belongs to another account")
    return found
