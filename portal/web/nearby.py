"""What somebody may have meant by an address where there is nothing. Features suggest; the page of a 404 shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

import structlog
from flask import Flask, current_app, request
from sqlalchemy.exc import SQLAlchemyError

from portal.db import db

log = structlog.get_logger(__name__)
MOST = 3


@dataclass(frozen=True, slots=True)
class Nearby:
    """A page that exists and everybody may read."""

    label: str
    href: str
    note: str = ""


Suggest = Callable[[str], list[Nearby]]


def suggest_by(app: Flask, suggest: Suggest) -> None:
    """Let a feature suggest pages for a path. It may name only what everybody may see: a 404 must not tell secrets apart."""
    app.extensions.setdefault("nearby", []).append(suggest)


def register(app: Flask) -> None:
    """Give the page of a 404 `nearby()` and `words_of_address()`."""
    app.jinja_env.globals.update(nearby=nearby, words_of_address=words_of_address)


def nearby() -> list[Nearby]:
    """Return pages whose address is like the one asked for; nothing rather than a second failure."""
    try:
        found = [one for suggest in current_app.extensions.get("nearby", ()) for one in suggest(request.path)]
    except SQLAlchemyError as failure:
        log.warning("no suggestions", error=repr(failure)[:200])
        db.session.rollback()
        return []
    return found[:MOST]


def words_of_address() -> str:
    """Return the last part of the address as words, to begin a search with; nothing that holds no letters."""
    last = unquote(request.path.rstrip("/").rpartition("/")[2])[:60]
    words = " ".join("".join(c if c.isalnum() else " " for c in last).split())
    return words if any(c.isalpha() for c in words) else ""
