"""What stands above the market while nobody has asked for anything yet: popular, rising, lately changed."""

from __future__ import annotations

from sqlalchemy import text

from portal.catalog.models import LISTED
from portal.db import db

SHOWN = 4
_POPULAR = text(f"SELECT id FROM apis WHERE {LISTED} AND calls_30d > 0 ORDER BY calls_30d DESC, id DESC LIMIT {SHOWN}")  # noqa: S608
_RISING = text(f"""
    SELECT f.api_id FROM api_facts f JOIN apis a ON a.id = f.api_id
    WHERE f.growth_7d > 0 AND f.calls_30d >= 100 AND a.{LISTED} ORDER BY f.growth_7d DESC, f.api_id DESC LIMIT {SHOWN}
""")  # noqa: S608
_UPDATED = text(f"SELECT id FROM apis WHERE {LISTED} ORDER BY updated_at DESC, id DESC LIMIT {SHOWN}")  # noqa: S608


def list_popular() -> list[int]:
    """Return the APIs called most in 30 days."""
    return list(db.session.scalars(_POPULAR))


def list_rising() -> list[int]:
    """Return the APIs whose calls grew most from one week to the next, as measured last."""
    return list(db.session.scalars(_RISING))


def list_updated() -> list[int]:
    """Return the APIs whose listing or document changed last."""
    return list(db.session.scalars(_UPDATED))
