"""Reading kept mails."""

from __future__ import annotations

from sqlalchemy import select

from portal.db import db
from portal.notifications.models import KeptMail
from portal.notifications.types import KeptView


def list_kept(recipient: str = "", *, limit: int = 50) -> list[KeptView]:
    """Return the newest kept mails, to addresses that contain `recipient`."""
    newest = select(KeptMail).order_by(KeptMail.id.desc()).limit(limit)
    if recipient:
        newest = newest.where(KeptMail.recipient.icontains(recipient, autoescape=True))
    return [_view(row) for row in db.session.scalars(newest)]


def find_kept(mail_id: int) -> KeptView | None:
    """Return one kept mail."""
    row = db.session.get(KeptMail, mail_id)
    return _view(row) if row else None


def _view(row: KeptMail) -> KeptView:
    return KeptView(row.id, row.recipient, row.subject, row.text, row.html, row.kept_at)
