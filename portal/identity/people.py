"""Finding people: for the mails they are sent, and for operators who look after them. Read as the system."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, exists, func, or_, select

from portal.db import db
from portal.identity.errors import UnknownPerson
from portal.identity.models import Membership, Organisation, User
from portal.identity.types import Counted, Person

PAGE = 30


def find_person(user_id: int) -> Person | None:
    """Return a person by number."""
    row = db.session.get(User, user_id)
    return _person(row) if row else None


def get_person(user_id: int) -> Person:
    """Return a person by number. Raises UnknownPerson."""
    found = find_person(user_id)
    if found is None:
        raise UnknownPerson
    return found


def find_confirmed(email: str) -> Person | None:
    """Return the person whose address this is: one at most has confirmed it."""
    row = db.session.scalar(select(User).where(_has(email), User.email_confirmed_at.is_not(None)))
    return _person(row) if row else None


def find_unconfirmed(email: str) -> Person | None:
    """Return whoever last signed up with an address and has not confirmed it."""
    newest = select(User).where(_has(email), User.email_confirmed_at.is_(None)).order_by(User.id.desc()).limit(1)
    row = db.session.scalar(newest)
    return _person(row) if row else None


def search(text: str, page: int) -> tuple[list[Person], int]:
    """Return a page of people whose name, address or organisation holds `text`, newest first, and how many there are."""
    total = db.session.scalar(select(func.count()).select_from(_matching(text).subquery())) or 0
    rows = db.session.scalars(_matching(text).order_by(User.id.desc()).limit(PAGE).offset((page - 1) * PAGE))
    return [_person(row) for row in rows], total


def count() -> Counted:
    """Return how many people there are, and how many of them are shut out."""
    everybody = select(func.count(), func.count(User.disabled_at)).select_from(User)
    return Counted(*db.session.execute(everybody).one())


def list_memberships(user_id: int) -> list[tuple[str, str]]:
    """Return the organisations a person acts for, with the role in each."""
    rows = db.session.execute(
        select(Organisation.name, Membership.role)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.user_id == user_id)
        .order_by(func.lower(Organisation.name))
    )
    return [(row.name, row.role) for row in rows]


def _matching(text: str) -> Select[User]:
    if not text:
        return select(User)
    of_theirs = exists().where(
        Membership.user_id == User.id,
        Membership.organisation_id == Organisation.id,
        Organisation.name.icontains(text, autoescape=True),
    )
    named = (User.name.icontains(text, autoescape=True), User.email.icontains(text, autoescape=True))
    return select(User).where(or_(*named, of_theirs))


def _has(email: str) -> ColumnElement[bool]:
    return func.lower(User.email) == func.lower(email)


def _person(row: User) -> Person:
    return Person(
        id=row.id,
        name=row.name,
        email=row.email,
        locale=row.locale,
        time_zone=row.time_zone,
        is_confirmed=row.email_confirmed_at is not None,
        is_operator=row.is_operator,
        is_disabled=row.disabled_at is not None,
        created_at=row.created_at,
    )
