"""What is wished for in an address of the figures. Whatever cannot be read is the usual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from portal.analytics.rules import STATES
from portal.kit.money import CURRENCIES
from portal.kit.periods import Period, add_intervals, month_of
from portal.projects.types import MARKETPLACE

RANGES = ("30d", "month", "last-month", "90d", "year")
KINDS = ("new", "more", "less", "lost")
USUAL = "30d"


@dataclass(frozen=True, slots=True)
class Wish:
    """Whose figures, of when; in lists also which currency, state, or kind of move."""

    project: int = MARKETPLACE
    range: str = USUAL
    currency: str | None = None
    state: str | None = None
    kind: str | None = None

    def link(self, **changed: str | int | None) -> dict[str, Any]:
        """Return the query of an address that wishes for the same, with some parts changed; the usual stays unsaid."""
        wanted = replace(self, **changed)  # type: ignore[arg-type]  # names are this class's own
        values = {
            "project": wanted.project if wanted.project != MARKETPLACE else None,
            "range": wanted.range if wanted.range != USUAL else None,
            "currency": wanted.currency,
            "state": wanted.state,
            "kind": wanted.kind,
        }
        return {name: str(value) for name, value in values.items() if value is not None}


def read_wish(query: Mapping[str, str]) -> Wish:
    """Return what the query of an address wishes for."""
    typed = query.get("project", "")
    return Wish(
        project=int(typed) if typed.isascii() and typed.isdigit() and 0 < len(typed) < 19 else MARKETPLACE,
        range=_one_of(query.get("range"), RANGES) or USUAL,
        currency=_one_of(query.get("currency"), tuple(CURRENCIES)),
        state=_one_of(query.get("state"), STATES),
        kind=_one_of(query.get("kind"), KINDS),
    )


def period_of(name: str, now: datetime) -> Period:
    """Return the period that a range means at `now`. Months are UTC calendar months."""
    month = month_of(now).start
    starts = {
        "30d": now - timedelta(days=30),
        "90d": now - timedelta(days=90),
        "month": month,
        "last-month": add_intervals(month, "month", -1),
        "year": add_intervals(month, "month", -11),
    }
    end = month if name == "last-month" else now
    return Period(min(starts[name], end - timedelta(microseconds=1)), end)


def _one_of(value: str | None, allowed: tuple[str, ...]) -> str | None:
    return value if value in allowed else None
