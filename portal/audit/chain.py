"""Reading links of the chain as they are hashed. Everything comes as the text that PostgreSQL writes, so no bit is lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from portal.audit.types import Link, Seal
from portal.db import db

# In the order of docs/algorithms/audit.md.
ENTRY_FIELDS = (
    "e.id::text, (e.at AT TIME ZONE 'UTC')::text, e.actor, e.organisation_id::text, e.action, e.subject, e.reason,"
    " e.before::text, e.after::text, e.request_id, e.transaction_id::text"
)
_COUNT = 11
# An instant that Python cannot hold is no instant we wrote; it fails by its hash.
_INSTANT = "CASE WHEN e.at BETWEEN '2000-01-01' AND '9000-01-01' THEN e.at END"
_SEAL = (
    "s.number, s.entry_id, s.entry_hash, s.previous_hash, s.horizon, s.sealed_at,"
    " (s.sealed_at AT TIME ZONE 'UTC')::text AS sealed_text, s.hash"
)
_LINKS = f"""
    SELECT {_SEAL}, {_INSTANT} AS at, {ENTRY_FIELDS}
    FROM audit_seals s LEFT JOIN audit_entries e ON e.id = s.entry_id
"""  # noqa: S608
_AFTER = text(f"{_LINKS} WHERE s.number > :after ORDER BY s.number LIMIT :most")
_OF = text(f"{_LINKS} WHERE s.entry_id = :entry_id")
_HEAD = text(f"SELECT {_SEAL} FROM audit_seals s ORDER BY s.number DESC LIMIT 1")  # noqa: S608
_NUMBERED = text(f"SELECT {_SEAL} FROM audit_seals s WHERE s.number = :number")  # noqa: S608


def read_links(after: int, most: int) -> list[Link]:
    """Return up to `most` links behind a number, in the order of the chain."""
    return [_link(row) for row in db.session.execute(_AFTER, {"after": after, "most": most})]


def find_link(entry_id: int) -> Link | None:
    """Return the link of an entry, None while it is not sealed."""
    row = db.session.execute(_OF, {"entry_id": entry_id}).one_or_none()
    return None if row is None else _link(row)


def find_head() -> Seal | None:
    """Return the last seal."""
    row = db.session.execute(_HEAD).one_or_none()
    return None if row is None else _seal(row)


def find_seal(number: int) -> Seal | None:
    """Return a seal by its number."""
    row = db.session.execute(_NUMBERED, {"number": number}).one_or_none()
    return None if row is None else _seal(row)


def fields_of(row: Sequence[Any]) -> tuple[str | None, ...]:
    """Return the entry's fields, which stand at the end of a row."""
    return tuple(row[-_COUNT:])


def _link(row: Row[Any]) -> Link:
    fields = fields_of(row)
    at: datetime | None = row.at
    return Link(_seal(row), at, fields if fields[0] is not None else None)


def _seal(row: Row[Any]) -> Seal:
    return Seal(
        number=row.number,
        entry_id=row.entry_id,
        entry_hash=bytes(row.entry_hash),
        previous_hash=bytes(row.previous_hash),
        horizon=row.horizon,
        sealed_at=row.sealed_at,
        sealed_text=row.sealed_text,
        hash=bytes(row.hash),
    )
