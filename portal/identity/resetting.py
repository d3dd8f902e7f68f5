"""A new password for whoever reads the mails of an account."""

from __future__ import annotations

from datetime import datetime

from portal.audit.service import record
from portal.db import db
from portal.identity import links, service
from portal.identity.errors import LinkGone
from portal.identity.models import User
from portal.identity.passwords import Hashing
from portal.identity.rules import normalise_email
from portal.outbox.service import announce_mail


def ask(email: str, attempt_id: int) -> None:
    """Announce the mail. Whether the address is known is looked up when it is written: asking costs and says the same."""
    announce_mail("identity.reset", str(attempt_id), email=normalise_email(email))


def reset(text: str, password: str, *, now: datetime, hashing: Hashing) -> int:
    """Set a new password with a link, end every session, return whose it is. Raises LinkGone."""
    link = links.use("reset", text, now)
    user = db.session.get(User, link.user_id or 0, with_for_update=True)
    if user is None or user.disabled_at is not None or user.email.lower() != link.email.lower():
        raise LinkGone
    user.password_hash = hashing.hash(password)
    links.end_all("reset", user.id, now)
    service.end_all_sessions(user.id, now=now)
    record("password.reset", f"user:{user.id}", actor=f"user:{user.id}")
    announce_mail("identity.password-changed", f"{user.id}:{now.isoformat()}", user_id=user.id)
    return user.id
