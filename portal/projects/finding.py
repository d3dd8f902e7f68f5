"""Finding a project's users among a million of them: the newest, or those whose words an index serves.

Read as the system, after the edge has opened the project: a policy on rows stands before every other condition, and
PostgreSQL then may not use a text index, for comparing texts could tell about hidden rows. So each statement here names
the project itself.

The index is good for what is rare: it gathers every match before the first is shown. So the newest users are looked
through first, and words that many of them hold are answered from there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from portal.db import db
from portal.projects.models import Account
from portal.projects.rules import has_letters, like_pattern, serves_inside, word_start_pattern
from portal.projects.types import AccountView, FoundAccounts

LOOKED_THROUGH = 10_000
MOST_COUNTED = 1000


def search_accounts(project_id: int, words: str, *, limit: int, offset: int) -> FoundAccounts:
    """Return a part of a project's accounts whose id, name or address holds `words`, newest first.

    In a project of more than `LOOKED_THROUGH` users, words without three letters or digits in a row are looked for at
    the beginnings of words only, those without any among the newest only, and of what many hold no more than the newest
    `MOST_COUNTED` are found.
    """
    if not words:
        newest = _of(project_id).order_by(Account.id.desc()).limit(limit).offset(offset)
        return FoundAccounts(_read(db.session.scalars(newest).all()), count_accounts(project_id), True)
    looked, ids = _look_through_newest(project_id, words)
    if looked == LOOKED_THROUGH and len(ids) >= MOST_COUNTED:
        return FoundAccounts(_read(ids[:MOST_COUNTED][offset : offset + limit]), MOST_COUNTED, False)
    if looked < LOOKED_THROUGH or not has_letters(words):
        return FoundAccounts(_read(ids[offset : offset + limit]), len(ids), True)
    total, ids = _look_up(project_id, words, limit, offset)
    return FoundAccounts(_read(ids), total, True)


def count_accounts(project_id: int) -> int:
    """Return how many accounts a project has."""
    return db.session.scalar(select(func.count()).select_from(Account).where(Account.project_id == project_id)) or 0


def view_of(row: Account) -> AccountView:
    """Return what a row says."""
    return AccountView(
        id=row.id,
        project_id=row.project_id,
        external_id=row.external_id,
        kind=row.kind,
        name=row.name,
        email=row.email,
        version=row.entitlement_version,
        created_at=row.created_at,
    )


def _look_through_newest(project_id: int, words: str) -> tuple[int, Sequence[int]]:
    """Return how many accounts were looked through, and which of them hold the words, newest first."""
    columns = select(Account.id, Account.external_id, Account.name, Account.email).where(
        Account.project_id == project_id
    )
    newest = columns.order_by(Account.id.desc()).limit(LOOKED_THROUGH).subquery()
    wanted = or_(
        *(column.ilike(like_pattern(words)) for column in (newest.c.external_id, newest.c.name, newest.c.email))
    )
    ids = select(newest.c.id).where(wanted).order_by(newest.c.id.desc())
    looked = select(func.count()).select_from(_of(project_id).limit(LOOKED_THROUGH).subquery())
    return db.session.scalar(looked) or 0, db.session.scalars(ids).all()


def _look_up(project_id: int, words: str, limit: int, offset: int) -> tuple[int, Sequence[int]]:
    """Return how many accounts hold the words, by the index, and a part of them, newest first."""
    hits = _of(project_id).where(_holds(words)).cte("hits")  # named twice, so it is made once
    part = select(hits.c.id).order_by(hits.c.id.desc()).limit(limit).offset(offset)
    total = select(func.count()).select_from(hits).scalar_subquery()
    found = db.session.execute(select(total.label("total"), func.array(part.scalar_subquery()).label("ids"))).one()
    return found.total, found.ids


def _of(project_id: int) -> Any:
    return select(Account.id).where(Account.project_id == project_id)


def _holds(words: str) -> ColumnElement[bool]:
    columns = Account.external_id, Account.name, Account.email
    if serves_inside(words):
        return or_(*(column.ilike(like_pattern(words)) for column in columns))
    return or_(*(column.regexp_match(word_start_pattern(words), flags="i") for column in columns))


def _read(ids: Collection[int]) -> list[AccountView]:
    rows = db.session.scalars(select(Account).where(Account.id.in_(ids)).order_by(Account.id.desc()))
    return [view_of(row) for row in rows]
