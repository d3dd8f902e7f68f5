"""Passwords that are given and changed: each answer costs the same, whoever asks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, update

from portal.audit.service import record
from portal.db import db
from portal.identity import throttle
from portal.identity.errors import WrongCredentials
from portal.identity.models import User
from portal.identity.passwords import Hashing
from portal.identity.rules import normalise_email
from portal.outbox.service import announce_mail


def check_password(email: str, password: str, *, hashing: Hashing | None = None, attempt_id: int | None = None) -> int:
    """Return whose password this is. Raises WrongCredentials, after the same work, for whatever is not right.

    Only confirmed addresses are looked up: who signed up with somebody else's cannot tell by signing in whether it is
    somebody's. `attempt_id` is what `throttle.reserve` returned in an earlier, committed unit of work.
    """
    hashing = hashing or Hashing()
    mine = (func.lower(User.email) == func.lower(normalise_email(email)), User.email_confirmed_at.is_not(None))
    user = db.session.scalar(select(User).where(*mine))
    if not hashing.verify(user.password_hash if user else None, password) or user is None or user.disabled_at:
        raise WrongCredentials
    if user.password_hash and hashing.is_outdated(user.password_hash):
        user.password_hash = hashing.hash(password)
    if attempt_id is not None:
        throttle.mark_succeeded(attempt_id)
    return user.id


def check_own_password(user_id: int, password: str, *, hashing: Hashing, attempt_id: int) -> None:
    """Make sure that a person knows their password before something that needs it. Raises WrongCredentials."""
    user = db.session.get(User, user_id)
    if not hashing.verify(user.password_hash if user else None, password) or user is None or user.disabled_at:
        raise WrongCredentials
    throttle.mark_succeeded(attempt_id)


def change_password(user_id: int, new: str, *, hashing: Hashing, now: datetime) -> None:
    """Set a new password and tell its owner by mail. The caller has checked the one in force."""
    db.session.execute(update(User).where(User.id == user_id).values(password_hash=hashing.hash(new)))
    record("password.changed", f"user:{user_id}", actor=f"user:{user_id}")
    announce_mail("identity.password-changed", f"{user_id}:{now.isoformat()}", user_id=user_id)
