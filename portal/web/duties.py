"""What operators look after: features say what it is and where, the page `/admin` gathers it.

The web layer knows no features. Each registers its duties; those are also what operators find in the command palette.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from flask import Flask, current_app

Tone = Literal["quiet", "success", "warning", "danger"]


@dataclass(frozen=True, slots=True)
class Fact:
    """How something stands now, in a few words; `warning` and `danger` say that somebody should look."""

    text: str
    tone: Tone = "quiet"


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to look after: what its page is called, where it is, what it is for.

    `read` returns how it stands; it is called while the page is made, as the system. `also` holds further words it can
    be found by.
    """

    label: str
    href: str
    about: str
    read: Callable[[], Sequence[Fact]]
    also: str = ""


def contribute(app: Flask, position: int, duty: Callable[[], Duty]) -> None:
    """Add a duty at a position. It is made anew for each page, in the reader's language."""
    app.extensions.setdefault("duties", []).append((position, duty))


def list_duties() -> list[Duty]:
    """Return every duty, in order."""
    contributed = sorted(current_app.extensions.get("duties", []), key=lambda one: one[0])
    return [duty() for _position, duty in contributed]
