"""What is wished for in an address of the trail. Whatever cannot be read is not wished for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """Filters of the trail. `since` and `until` are UTC days, both included; None and "" are no filter."""

    text: str = ""
    actor: str = ""
    action: str = ""
    subject: str = ""
    organisation: str = ""
    since: date | None = None
    until: date | None = None
    page: int = 1

    @property
    def from_instant(self) -> datetime | None:
        """The first instant that is wished for."""
        return None if self.since is None else _midnight(self.since)

    @property
    def to_instant(self) -> datetime | None:
        """The first instant that is not wished for any more."""
        return None if self.until is None else _midnight(self.until) + timedelta(days=1)

    @property
    def is_narrow(self) -> bool:
        """True when anything is filtered."""
        return bool(self.link())

    def link(self, **changed: str | int | date | None) -> dict[str, Any]:
        """Return the query of an address that wishes for the same, with some parts changed; page 1 unless said."""
        values = {
            "q": self.text,
            "actor": self.actor,
            "action": self.action,
            "subject": self.subject,
            "organisation": self.organisation,
            "from": self.since,
            "to": self.until,
            **changed,
        }
        return {name: str(value) for name, value in values.items() if value}


def read_wish(query: Mapping[str, str]) -> Wish:
    """Return what the query of an address wishes for."""
    return Wish(
        text=_text(query, "q"),
        actor=_text(query, "actor"),
        action=_text(query, "action"),
        subject=_text(query, "subject"),
        organisation=_text(query, "organisation"),
        since=_date(query, "from"),
        until=_date(query, "to"),
        page=_page(query),
    )


def _text(query: Mapping[str, str], name: str) -> str:
    return query.get(name, "").replace("\x00", "").strip()[:_LONGEST]


def _date(query: Mapping[str, str], name: str) -> date | None:
    try:
        found = date.fromisoformat(query.get(name, ""))
    except ValueError:
        return None
    return found if 2000 <= found.year <= 9000 else None


def _page(query: Mapping[str, str]) -> int:
    typed = query.get("page", "1")
    return max(1, int(typed)) if typed.isascii() and typed.isdigit() and len(typed) < 7 else 1


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
