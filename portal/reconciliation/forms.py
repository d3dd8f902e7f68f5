"""What requests ask for, as values; nonsense becomes the default or a fault with a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from portal.reconciliation.queries import Wanted
from portal.reconciliation.repairing import LONGEST_REASON
from portal.reconciliation.types import Code, Repair

MOST_AT_ONCE = 25
SPANS = {"1": 1, "7": 7, "30": 30, "90": 90}  # days for which something may be left out of the list


@dataclass
class Entered:
    """What somebody typed, kept for showing it again, with what is wrong with it."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Return the faults with the ids of their fields."""
        return [(f"f-{name}", message) for name, message in self.errors.items()]


def read_wanted(arguments: Mapping[str, str]) -> Wanted:
    """Return which disagreements an address asks for."""
    state = arguments.get("state", "open")
    severity, code = arguments.get("severity", ""), arguments.get("code", "")
    return Wanted(
        state=state if state in ("suppressed", "resolved") else "open",  # type: ignore[arg-type]
        severity=int(severity) if severity in ("1", "2", "3", "4") else None,
        code=code if code in get_args(Code) else None,
        words=_plain(arguments.get("q", ""))[:100],
    )


def read_page(arguments: Mapping[str, str]) -> int:
    """Return which page an address asks for, 1 for nonsense."""
    typed = arguments.get("page", "1")
    return max(1, int(typed)) if typed.isascii() and typed.isdigit() and len(typed) < 7 else 1


def read_action(text: str) -> Repair | None:
    """Return the repair a name stands for."""
    return text if text in get_args(Repair) else None  # type: ignore[return-value]


def read_reason(form: Mapping[str, str]) -> tuple[str | None, Entered]:
    """Return why somebody acts, or what is wrong with it."""
    reason = _plain(form.get("reason", ""))
    entered = Entered({"reason": reason})
    if not reason:
        entered.errors["reason"] = _("Say why, in a sentence. The trail keeps it.")
    elif len(reason) > LONGEST_REASON:
        entered.errors["reason"] = _("Shorter, please: at most %(n)s characters.", n=LONGEST_REASON)
    return (None if entered.errors else reason), entered


def read_chosen(arguments: MultiDict[str, str]) -> list[int]:
    """Return the numbers that were ticked, no more than may be repaired at once."""
    ticked = [one for one in arguments.getlist("id") if one.isascii() and one.isdigit() and len(one) < 19]
    return [int(one) for one in dict.fromkeys(ticked)][:MOST_AT_ONCE]


def read_seen(form: MultiDict[str, str]) -> list[tuple[int, Repair, str]]:
    """Return what was previewed: number, repair and hash of each."""
    found = []
    for one in form.getlist("seen")[:MOST_AT_ONCE]:
        number, _first, rest = one.partition(":")
        action, _second, digest = rest.partition(":")
        if number.isascii() and number.isdigit() and len(number) < 19 and (repair := read_action(action)):
            found.append((int(number), repair, digest[:64]))
    return found


def _plain(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())
