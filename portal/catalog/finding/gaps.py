"""What people look for and nobody offers: one wish per person, words and day; providers and operators read the counts."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from portal.db import db

LONGEST = 100
SHOWN_FOR = timedelta(days=90)
_MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Gap:
    """Words and how often they were asked for: each person counts once a day. `people` counts everybody once."""

    words: str
    wishes: int
    people: int
    first_at: datetime
    last_at: datetime


def normalise(words: str) -> str:
    """Return words as they are counted: one form of each letter, small, letters and digits with single spaces."""
    plain = unicodedata.normalize("NFKC", words).casefold()
    return " ".join(re.sub(r"[^\w]+|_+", " ", plain).split())[:LONGEST].strip()


def leave(words: str, who: bytes, now: datetime) -> bool:
    """Remember that somebody needs this; return False when the words say nothing. Again on the same day changes nothing."""
    normal = normalise(words)
    if not normal:
        return False
    statement = text("""
        INSERT INTO search_gaps (day, words, who, asked_at) VALUES (:day, :words, :who, :now) ON CONFLICT DO NOTHING
    """)
    db.session.execute(statement, {"day": now.date(), "words": normal, "who": who, "now": now})
    return True


def list_gaps(now: datetime) -> list[Gap]:
    """Return what was asked for in the last 90 days, by how many people. For operators; runs as the system."""
    statement = text(f"""
        SELECT words, count(*) AS wishes, count(DISTINCT who) AS people, min(asked_at) AS first_at, max(asked_at) AS last_at
        FROM search_gaps WHERE day > :since GROUP BY words ORDER BY people DESC, wishes DESC, words LIMIT {_MOST_SHOWN}
    """)  # noqa: S608 - a constant
    return [Gap(*row) for row in db.session.execute(statement, {"since": (now - SHOWN_FOR).date()})]


def forget_old(now: datetime) -> int:
    """Remove what nobody is shown any more; return how many rows."""
    gone = db.session.execute(text("DELETE FROM search_gaps WHERE day <= :until"), {"until": (now - SHOWN_FOR).date()})
    return gone.rowcount  # type: ignore[attr-defined,no-any-return]
