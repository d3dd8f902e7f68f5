"""What the pages that change a logo have in common: what they read, what they show."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request

from portal.logos import drawing, queries
from portal.logos.types import MAX_BYTES, Drawn, Fault, LogoRefused
from portal.logos.wording import sentence

# More than a logo may have, so that whoever sends a photograph is told what is wrong with it instead of being cut off.
MOST_SENT = 12 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Editing:
    """What a page about a logo shows: the one in use, the one that stands in without it, the one looked at, others."""

    name: str
    current: str | None
    instead: str | None = None
    looked_at: str | None = None
    others: tuple[str, ...] = ()
    problem: str = ""


def editing(
    organisation_id: int, name: str, current: str | None, *, instead: str | None = None, problem: str = ""
) -> Editing:
    """Return what the page shows; `?new=` names a picture to look at before it is used."""
    known = queries.list_of(organisation_id)
    new = request.args.get("new", "")
    looked_at = new if new in known and new != current and not problem else None
    others = tuple(each for each in known if each not in (current, looked_at))
    return Editing(name, current, instead, looked_at, others, problem)


def read_upload() -> tuple[Drawn | None, str]:
    """Return the picture that this request brings, drawn anew, or nothing and what is wrong with it."""
    sent = request.files.get("logo")
    try:
        if sent is None or not (sent.filename or sent.content_length):
            raise LogoRefused(Fault.MISSING)
        return drawing.draw(sent.read(MAX_BYTES + 1)), ""
    except LogoRefused as refusal:
        return None, sentence(refusal)


def read_choice() -> str | None:
    """Return which picture the request asks for; None for none."""
    return request.form.get("digest", "")[:64] or None
