"""The trail as CSV: references and names, before and after as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from portal.audit.types import Entry
from portal.backoffice.naming import name_entries
from portal.backoffice.types import Line
from portal.kit.csv_lines import Cell, csv_lines

HEADER = (
    "number", "time", "actor", "actor name", "action", "subject", "subject name", "organisation", "organisation name",
    "reason", "before", "after", "request id",
)  # fmt: skip
_AT_ONCE = 500


def trail_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield a header and one row per entry."""
    return csv_lines(HEADER, (_cells(line) for line in _named(iter(entries))))


def _named(entries: Iterator[Entry]) -> Iterator[Line]:
    while some := list(islice(entries, _AT_ONCE)):
        yield from name_entries(some)


def _cells(line: Line) -> tuple[Cell, ...]:
    one, where = line.entry, line.organisation
    who = (one.actor, line.actor.name, one.action, one.subject, line.subject.name)
    return (
        one.id,
        one.at,
        *who,
        one.organisation_id,
        where.name if where else None,
        one.reason,
        _json(one.before),
        _json(one.after),
        one.request_id,
    )


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
