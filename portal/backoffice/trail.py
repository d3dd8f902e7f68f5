"""Reading the trail for operators: every organisation's entries, so run it as the system."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Select, Text, cast, func, literal, or_, select

from portal.audit.models import AuditEntry
from portal.audit.types import Entry
from portal.backoffice.forms import Wish
from portal.catalog.models import Api
from portal.db import db
from portal.identity.models import Organisation, User

PAGE = 50
_AT_ONCE = 500


def search(wish: Wish) -> tuple[list[Entry], int]:
    """Return a page of what is wished for, newest first, and how many entries there are in all."""
    total = db.session.scalar(select(func.count()).select_from(_matching(wish).subquery())) or 0
    rows = db.session.scalars(_newest_first(wish).limit(PAGE).offset((wish.page - 1) * PAGE))
    return [_entry(row) for row in rows], total


def each(wish: Wish) -> Iterator[Entry]:
    """Yield everything that is wished for, newest first, read in pieces."""
    rows = db.session.scalars(_newest_first(wish), execution_options={"yield_per": _AT_ONCE})
    return (_entry(row) for row in rows)


def find_entry(entry_id: int) -> Entry | None:
    """Return an entry by its number."""
    row = db.session.get(AuditEntry, entry_id)
    return None if row is None else _entry(row)


def list_actions() -> list[str]:
    """Return every kind of act that was recorded."""
    return list(db.session.scalars(select(AuditEntry.action).distinct().order_by(AuditEntry.action)))


def _newest_first(wish: Wish) -> Select[AuditEntry]:
    return _matching(wish).order_by(AuditEntry.id.desc())


def _matching(wish: Wish) -> Select[AuditEntry]:
    wanted: list[ColumnElement[bool]] = []
    if wish.action:
        wanted.append(AuditEntry.action == wish.action)
    if wish.actor:
        wanted.append(_is_who(wish.actor))
    if wish.subject:
        wanted.append(_is_what(wish.subject))
    if wish.organisation:
        wanted.append(AuditEntry.organisation_id.in_(_organisations(wish.organisation)))
    if wish.from_instant:
        wanted.append(AuditEntry.at >= wish.from_instant)
    if wish.to_instant:
        wanted.append(AuditEntry.at < wish.to_instant)
    if wish.text:
        wanted.append(_says(wish.text))
    return select(AuditEntry).where(*wanted)


def _is_who(text: str) -> ColumnElement[bool]:
    """Match a reference as it is written, or people by a part of their name or address."""
    if ":" in text:
        return AuditEntry.actor == text
    return or_(AuditEntry.actor == text, AuditEntry.actor.in_(_people(text)))


def _is_what(text: str) -> ColumnElement[bool]:
    """Match a reference, a kind of thing, or people, organisations and APIs by a part of their name."""
    if ":" in text:
        return AuditEntry.subject == text
    apis = select(literal("api:") + cast(Api.id, Text)).where(Api.name.icontains(text, autoescape=True))
    named = select(literal("organisation:") + cast(Organisation.id, Text)).where(
        Organisation.id.in_(_organisations(text))
    )
    of_kind = AuditEntry.subject.startswith(f"{text}:", autoescape=True)
    return or_(of_kind, *(AuditEntry.subject.in_(found) for found in (_people(text), named, apis)))


def _people(text: str) -> Select[str]:
    named = or_(User.name.icontains(text, autoescape=True), User.email.icontains(text, autoescape=True))
    return select(literal("user:") + cast(User.id, Text)).where(named)


def _organisations(text: str) -> Select[int]:
    return select(Organisation.id).where(
        or_(Organisation.slug == text.lower(), Organisation.name.icontains(text, autoescape=True))
    )


def _says(text: str) -> ColumnElement[bool]:
    texts = (
        AuditEntry.action,
        AuditEntry.subject,
        AuditEntry.actor,
        AuditEntry.reason,
        AuditEntry.request_id,
        cast(AuditEntry.before, Text),
        cast(AuditEntry.after, Text),
    )
    return or_(*(column.icontains(text, autoescape=True) for column in texts))


def _entry(row: AuditEntry) -> Entry:
    return Entry(
        id=row.id,
        at=row.at,
        actor=row.actor,
        organisation_id=row.organisation_id,
        action=row.action,
        subject=row.subject,
        reason=row.reason,
        before=row.before,
        after=row.after,
        request_id=row.request_id,
    )
