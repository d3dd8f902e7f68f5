"""Links in mails. Each works once and ends by itself; the text is in the mail and nowhere else.

The text is worked out from a random number in the row and a key outside the database. So a mail that has to be handed
over twice carries the same link twice, and neither the waiting announcement nor the database holds anything that opens.
"""

from __future__ import annotations

import hmac
import os
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from portal.db import db
from portal.identity.errors import LinkGone
from portal.identity.models import MailLink
from portal.identity.rules import KEPT_AFTER_END
from portal.identity.types import IssuedLink, Link
from portal.kit.tokens import plain_hash

Purpose = Literal["confirm", "reset", "address", "invite"]
LIFETIME: dict[Purpose, timedelta] = {
    "confirm": timedelta(hours=48),
    "reset": timedelta(hours=1),
    "address": timedelta(hours=48),
    "invite": timedelta(days=7),
}


def issue(
    purpose: Purpose,
    cause: str,
    email: str,
    *,
    user_id: int | None = None,
    invitation_id: int | None = None,
    now: datetime,
    pepper: bytes,
) -> IssuedLink:
    """Return the link of a mail, making it the first time the mail is written. Raises LinkGone when it has ended."""
    salt = os.urandom(32)
    db.session.execute(
        insert(MailLink)
        .values(
            purpose=purpose,
            cause=cause,
            user_id=user_id,
            invitation_id=invitation_id,
            email=email,
            salt=salt,
            token_hash=plain_hash(_text(salt, purpose, pepper)),
            created_at=now,
            expires_at=now + LIFETIME[purpose],
        )
        .on_conflict_do_nothing(index_elements=["cause"])
    )
    row = db.session.scalars(select(MailLink).where(MailLink.cause == cause)).one()
    if row.used_at is not None or row.expires_at <= now:
        raise LinkGone
    return IssuedLink(_text(row.salt, purpose, pepper), row.expires_at)


def get(purpose: Purpose, text: str, now: datetime) -> Link:
    """Return what a live link is about. Raises LinkGone."""
    row = db.session.scalar(select(MailLink).where(*_live(purpose, text, now)))
    if row is None:
        raise LinkGone
    return _link(row)


def use(purpose: Purpose, text: str, now: datetime) -> Link:
    """Take a link, so that nobody can again; of two at once, one gets it. Raises LinkGone."""
    statement = update(MailLink).where(*_live(purpose, text, now)).values(used_at=now).returning(MailLink)
    row = db.session.scalar(statement)
    if row is None:
        raise LinkGone
    return _link(row)


def end_all(purpose: Purpose, user_id: int, now: datetime) -> None:
    """End every other link of a person for a purpose: what they were for has been done."""
    live = (MailLink.purpose == purpose, MailLink.user_id == user_id, MailLink.used_at.is_(None))
    db.session.execute(update(MailLink).where(*live).values(used_at=now))


def forget_old(now: datetime) -> int:
    """Remove links that ended a month ago. Returns how many."""
    gone = delete(MailLink).where(MailLink.expires_at < now - KEPT_AFTER_END).returning(MailLink.id)
    return len(db.session.execute(gone).all())


def _live(purpose: Purpose, text: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        MailLink.token_hash == plain_hash(text),
        MailLink.purpose == purpose,
        MailLink.used_at.is_(None),
        MailLink.expires_at > now,
    )


def _text(salt: bytes, purpose: Purpose, pepper: bytes) -> str:
    return hmac.new(pepper, b"mail link " + purpose.encode() + salt, sha256).hexdigest()


def _link(row: MailLink) -> Link:
    return Link(email=row.email, user_id=row.user_id, invitation_id=row.invitation_id)
