"""Opening projects, accounts and features. Callers hold the unit of work; every `ensure_` may run twice at once."""

from __future__ import annotations

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from portal.audit.service import record
from portal.db import db
from portal.kit.money import currency as known_currency
from portal.projects.errors import CustomerTaken, NameTaken, UnknownAccount, UnknownProject
from portal.projects.models import Account, Feature, Project, StripeCustomer
from portal.projects.queries import find_account_id, find_account_in, find_customer
from portal.projects.types import MARKETPLACE, Acting


def create_project(name: str, *, by: Acting) -> int:
    """Open a project of the acting organisation; return its id. Raises NameTaken; the unit of work stays usable."""
    statement = insert(Project).values(name=name, organisation_id=by.organisation_id)
    project_id = db.session.execute(
        statement.on_conflict_do_nothing(index_elements=["name"]).returning(Project.id)
    ).scalar_one_or_none()
    if project_id is None:
        raise NameTaken(f"there is a project {name!r}")
    record("project.created", f"project:{project_id}", **by.columns, after={"name": name})
    return project_id


def rename_project(project_id: int, name: str, *, by: Acting) -> None:
    """Call a project something else. Raises NameTaken and UnknownProject; the unit of work stays usable."""
    taken = db.session.scalar(select(Project.id).where(Project.name == name, Project.id != project_id))
    if taken is not None:
        raise NameTaken(f"there is a project {name!r}")
    before = db.session.scalar(select(Project.name).where(Project.id == project_id).with_for_update())
    if before is None:
        raise UnknownProject(str(project_id))
    db.session.execute(update(Project).where(Project.id == project_id).values(name=name))
    record("project.renamed", f"project:{project_id}", **by.columns, before={"name": before}, after={"name": name})


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


def ensure_project_account(
    project_id: int, external_id: str, *, email: str | None = None, kind: str = "user", currency: str = "eur"
) -> int:
    """Return the account of somebody a project knows by `external_id`, opening it on first need.

    An address that was missing is filled in; one that stands stays. Raises UnknownCurrency.
    """
    opened = insert(Account).values(
        project_id=project_id, external_id=external_id, kind=kind, email=email, currency=known_currency(currency).code
    )
    found = db.session.execute(
        opened.on_conflict_do_nothing(constraint="accounts_external").returning(Account.id)
    ).scalar_one_or_none()
    if found is not None:
        return found
    account_id = find_account_in(project_id, external_id)
    if account_id is None:
        raise UnknownAccount(f"{external_id!r} has no account that may be seen here")
    if email:
        db.session.execute(update(Account).where(Account.id == account_id, Account.email.is_(None)).values(email=email))
    return account_id


def add_feature(project_id: int, code: str, name: str, *, by: Acting) -> int:
    """Add something that accounts may be entitled to; return its id. Raises NameTaken; the unit of work stays usable."""
    statement = insert(Feature).values(project_id=project_id, code=code, name=name)
    made = db.session.execute(
        statement.on_conflict_do_nothing(constraint="features_code").returning(Feature.id)
    ).scalar_one_or_none()
    if made is None:
        raise NameTaken(f"the project has a feature {code!r}")
    record("feature.added", f"project:{project_id}", **by.columns, after={"code": code, "name": name})
    return made


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
