"""What operators of the platform do to people and organisations. Every act says why, and stays in the trail."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update

from portal.audit.service import record
from portal.db import db
from portal.identity import second_factor
from portal.identity.errors import NotYours, UnknownOrganisation, UnknownPerson
from portal.identity.models import Organisation, User, UserSession


def disable(user_id: int, *, reason: str, by: int, now: datetime) -> None:
    """Shut a person out, at once and until further notice. Raises UnknownPerson, and NotYours for an operator.

    An operator is dismissed first, by whoever may run commands: nobody can empty the office from a web page.
    """
    user = _get(user_id)
    if user.is_operator or user_id == by:
        raise NotYours
    if user.disabled_at is not None:
        return
    user.disabled_at = now
    ended = _end_sessions(user_id, now)
    _note("person.disabled", user_id, by, reason, after={"sessions_ended": ended})


def enable(user_id: int, *, reason: str, by: int) -> None:
    """Let a person in again. Raises UnknownPerson."""
    user = _get(user_id)
    if user.disabled_at is None:
        return
    user.disabled_at = None
    _note("person.enabled", user_id, by, reason)


def end_sessions(user_id: int, *, reason: str, by: int, now: datetime) -> int:
    """Sign a person out of every browser; return of how many. Raises UnknownPerson."""
    _get(user_id)
    ended = _end_sessions(user_id, now)
    _note("person.signed-out", user_id, by, reason, after={"sessions_ended": ended})
    return ended


def remove_second_factor(user_id: int, *, reason: str, by: int, now: datetime) -> None:
    """Take the authenticator of a person who has lost it and every code. Raises UnknownPerson, NoSecondFactor."""
    _get(user_id)
    second_factor.turn_off(user_id, actor=f"user:{by}", now=now, reason=reason)


def set_operator(user_id: int, is_operator: bool, *, actor: str, reason: str | None = None) -> bool:
    """Appoint or dismiss an operator; return whether that changed anything. Raises UnknownPerson."""
    user = _get(user_id)
    if user.is_operator == is_operator:
        return False
    user.is_operator = is_operator
    record("operator.appointed" if is_operator else "operator.dismissed", f"user:{user_id}", actor=actor, reason=reason)
    return True


def set_verified(organisation_id: int, is_verified: bool, *, actor: str, reason: str) -> bool:
    """Say that an organisation is who it says it is, or take that back; return whether that changed anything.

    Its APIs carry the mark in the market at once. Raises UnknownOrganisation.
    """
    organisation = db.session.get(Organisation, organisation_id, with_for_update=True)
    if organisation is None:
        raise UnknownOrganisation
    if organisation.is_verified == is_verified:
        return False
    organisation.is_verified = is_verified
    record(
        "organisation.verified" if is_verified else "organisation.unverified",
        f"organisation:{organisation_id}",
        actor=actor,
        organisation_id=organisation_id,
        reason=reason,
    )
    return True


def _get(user_id: int) -> User:
    user = db.session.get(User, user_id, with_for_update=True)
    if user is None:
        raise UnknownPerson
    return user


def _end_sessions(user_id: int, now: datetime) -> int:
    live = (UserSession.user_id == user_id, UserSession.revoked_at.is_(None))
    ended = update(UserSession).where(*live).values(revoked_at=now).returning(UserSession.id)
    return len(db.session.execute(ended).all())


def _note(action: str, user_id: int, by: int, reason: str, after: dict[str, int] | None = None) -> None:
    record(action, f"user:{user_id}", actor=f"user:{by}", reason=reason, after=after)
