"""Whose address it is: confirming it after signing up, and changing it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from portal.audit.service import record
from portal.db import db
from portal.identity import links
from portal.identity.errors import EmailTaken, LinkGone
from portal.identity.models import User
from portal.identity.rules import normalise_email
from portal.outbox.service import announce_mail


def ask_again(user_id: int, attempt_id: int) -> None:
    """Announce another mail with a link that confirms. Whether there is anything to confirm is seen when it is written."""
    announce_mail("identity.confirm", f"again:{attempt_id}", user_id=user_id)


def confirm(text: str, *, now: datetime) -> int:
    """Confirm the address a link was sent to; return whose it is now. The caller has made sure who is asking.

    Raises LinkGone, also when the person has another address by now, and EmailTaken when somebody confirmed it first.
    """
    link = links.use("confirm", text, now)
    user = db.session.get(User, link.user_id or 0, with_for_update=True)
    if user is None or user.email.lower() != link.email.lower():
        raise LinkGone
    if user.email_confirmed_at is None:
        set_confirmed(user.id, user.email, now=now)
        record("address.confirmed", f"user:{user.id}", actor=f"user:{user.id}")
    links.end_all("confirm", user.id, now)
    return user.id


def ask_to_change(user_id: int, email: str, attempt_id: int) -> bool:
    """Begin a change of address; return whether it waits for the new one's confirmation.

    Who has confirmed nothing yet corrects what they typed at once: nothing depends on it.
    """
    user = db.session.get(User, user_id, with_for_update=True)
    if user is None:
        raise LinkGone
    if user.email_confirmed_at is None:
        user.email = normalise_email(email)
        announce_mail("identity.confirm", f"corrected:{attempt_id}", user_id=user_id)
        return False
    announce_mail("identity.address", str(attempt_id), user_id=user_id, email=normalise_email(email))
    return True


def change(text: str, user_id: int, *, now: datetime) -> str:
    """Carry a change of address out; return the new one. Raises LinkGone, also for another person's link, EmailTaken."""
    link = links.get("address", text, now)
    if link.user_id != user_id:
        raise LinkGone
    links.use("address", text, now)
    user = db.session.get(User, user_id, with_for_update=True)
    if user is None:
        raise LinkGone
    before = user.email
    set_confirmed(user_id, link.email, now=now)
    links.end_all("address", user_id, now)
    links.end_all("reset", user_id, now)  # they went to the old address
    record("address.changed", f"user:{user_id}", actor=f"user:{user_id}")
    announce_mail("identity.address-changed", f"{user_id}:{now.isoformat()}", user_id=user_id, before=before)
    return link.email


def set_confirmed(user_id: int, email: str, *, now: datetime) -> None:
    """Write down that an address is a person's. Raises EmailTaken; the unit of work stays usable."""
    taken = select(User.id).where(
        func.lower(User.email) == func.lower(email), User.email_confirmed_at.is_not(None), User.id != user_id
    )
    if db.session.scalar(taken) is not None:
        raise EmailTaken
    try:
        with db.session.begin_nested():
            db.session.execute(update(User).where(User.id == user_id).values(email=email, email_confirmed_at=now))
    except IntegrityError:
        raise EmailTaken from None
