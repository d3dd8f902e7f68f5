"""What the address of the usage page asks for. Everything a person chose is in it, so a link says it all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from werkzeug.datastructures import MultiDict

from portal.kit.clock import as_utc
from portal.kit.periods import Period, month_of
from portal.metering.calls import STATUS_CLASSES
from portal.metering.spans import RANGES, RangeName
from portal.web.problems import Problem

LONGEST = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Wish:
    """The choices. `subscription` None is all of them; `local` asks for days in the reader's own zone."""

    subscription: int | None = None
    range: RangeName = "period"
    local: bool = False
    status: str | None = None
    before: str | None = None
    after: str | None = None

    def link(self, **changes: Any) -> dict[str, Any]:
        """Return the query of a link that differs in `changes`; a new choice starts at the newest calls again."""
        wish = replace(replace(self, before=None, after=None), **changes)
        return {
            "subscription": wish.subscription,
            "range": wish.range if wish.range != "period" else None,
            "zone": "local" if wish.local else None,
            "status": wish.status,
            "before": wish.before,
            "after": wish.after,
        }


def read_wish(query: Mapping[str, str]) -> Wish:
    """Return the choices in a query. What makes no sense falls back to the default: a torn link still shows usage.

    `subscription` is 0 when it is present but no number, which nobody owns.
    """
    given, chosen, status = query.get("subscription", ""), query.get("range"), query.get("status")
    is_number = given.isascii() and given.isdigit() and len(given) < 19
    return Wish(
        subscription=(int(given) if is_number else 0) if given else None,
        range=chosen if chosen in RANGES else "period",
        local=query.get("zone") == "local",
        status=status if status in STATUS_CLASSES else None,
        before=query.get("before"),
        after=query.get("after"),
    )


def read_period(query: MultiDict[str, str], now: datetime) -> Period:
    """Return the period that `from` and `to` name; the current UTC month fills what is missing.

    Raises Problem 400 for a repeated parameter and 422 for anything that is no date, runs backwards or is too long.
    """
    month, faults, found = month_of(now), [], {}
    for name, missing in (("from", month.start), ("to", month.end)):
        values = query.getlist(name)
        if len(values) > 1:
            raise Problem(400, "repeated-parameter", "A parameter is given twice", f"Send `{name}` once.")
        try:
            found[name] = _instant(values[0], is_end=name == "to") if values else missing
        except (ValueError, OverflowError):
            faults.append({"field": name, "message": "Send a date (2026-03-31) or an instant (2026-03-31T12:00:00Z)."})
    if not faults and not found["from"] < found["to"]:
        faults.append({"field": "to", "message": "`to` must be later than `from`."})
    if not faults and found["to"] - found["from"] > LONGEST:
        faults.append({"field": "to", "message": f"At most {LONGEST.days} days can be asked for at once."})
    if faults:
        raise Problem(422, "invalid-period", "The period makes no sense", faults[0]["message"], errors=faults)
    return Period(found["from"], found["to"])


def _instant(given: str, *, is_end: bool) -> datetime:
    """Read a date or an instant; the date that ends a period is included, an instant is not."""
    if len(given) == 10:
        start = datetime.combine(date.fromisoformat(given), datetime.min.time(), UTC)
        return start + timedelta(days=1) if is_end else start
    return as_utc(datetime.fromisoformat(given))
