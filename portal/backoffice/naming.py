"""Names for the references of the trail, read for a whole page at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask import url_for
from sqlalchemy import text

from portal.audit.types import Entry
from portal.backoffice.types import Line, Named
from portal.db import db

# What a kind of reference is called. Whatever is not listed keeps its reference.
_NAMES = {
    "user": "SELECT id, name FROM users WHERE id = ANY(:ids)",
    "organisation": "SELECT id, name FROM organisations WHERE id = ANY(:ids)",
    "token-of-organisation": "SELECT id, name FROM organisations WHERE id = ANY(:ids)",
    "organisation-token": "SELECT id, name FROM organisation_tokens WHERE id = ANY(:ids)",
    "api": "SELECT id, name FROM apis WHERE id = ANY(:ids)",
    "api_key": "SELECT id, name FROM api_keys WHERE id = ANY(:ids)",
    "invitation": "SELECT id, email FROM invitations WHERE id = ANY(:ids)",
    "plan": "SELECT n.id, p.name || ', ' || n.name FROM plans n JOIN products p ON p.id = n.product_id WHERE n.id = ANY(:ids)",
    "project": "SELECT id, name FROM projects WHERE id = ANY(:ids)",
    "app": "SELECT id, name FROM apps WHERE id = ANY(:ids)",
    "subscription": "SELECT s.id, p.name FROM subscriptions s JOIN products p ON p.id = s.product_id WHERE s.id = ANY(:ids)",
}


def name_entries(entries: Sequence[Entry]) -> list[Line]:
    """Return entries with the names of who and what they are about. Reads every tenant's rows: run it as the system."""
    refs = {ref for one in entries for ref in (one.actor, one.subject, *_organisation_refs(one))}
    names = name_all(refs)
    return [
        Line(
            entry=one,
            actor=names[one.actor],
            subject=names[one.subject],
            organisation=next((names[ref] for ref in _organisation_refs(one)), None),
        )
        for one in entries
    ]


def name_all(refs: Iterable[str]) -> dict[str, Named]:
    """Return what each reference is called."""
    wanted = set(refs)
    by_kind: dict[str, set[int]] = {}
    for ref in wanted:
        kind, number = _parts(ref)
        if kind in _NAMES and number is not None:
            by_kind.setdefault(kind, set()).add(number)
    found = {
        (kind, row[0]): str(row[1])
        for kind, ids in by_kind.items()
        for row in db.session.execute(text(_NAMES[kind]), {"ids": list(ids)})
    }
    return {ref: _named(ref, found) for ref in wanted}


def _named(ref: str, found: dict[tuple[str, int], str]) -> Named:
    kind, number = _parts(ref)
    name = found.get((kind, number)) if number is not None else None
    href = url_for("identity.show_person", user_id=number) if kind == "user" and name is not None else None
    return Named(ref, name, href)


def _parts(ref: str) -> tuple[str, int | None]:
    kind, _colon, number = ref.partition(":")
    return kind, int(number) if number.isascii() and number.isdigit() and len(number) < 19 else None


def _organisation_refs(entry: Entry) -> list[str]:
    return [] if entry.organisation_id is None else [f"organisation:{entry.organisation_id}"]
