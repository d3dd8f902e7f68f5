"""The words of the listings, so that a mistyped search finds what was meant."""

from __future__ import annotations

import re

from sqlalchemy import text

from portal.db import db

_WORD = re.compile(r"[^\W\d_]{3,40}")
_CLOSEST = text(
    "SELECT word FROM catalog_words WHERE word % :word ORDER BY similarity(word, :word) DESC, apis DESC, word LIMIT 1"
)
_NEAR = text("""
    SELECT near.word, max(near.closeness) AS closeness FROM unnest(CAST(:asked AS text[])) AS asked (word) CROSS JOIN LATERAL (
        SELECT w.word, w.apis, similarity(w.word, asked.word) AS closeness FROM catalog_words w
        WHERE w.word % asked.word AND w.word <> ALL (CAST(:asked AS text[])) ORDER BY closeness DESC, w.apis DESC LIMIT :most
    ) near GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT :most
""")
_LEARN = text("""
    INSERT INTO catalog_words (word, apis)
    SELECT DISTINCT lower(found[1]), 1 FROM apis a,
        regexp_matches(concat_ws(' ', a.name, a.summary, array_to_string(a.tags, ' '), a.provider_name, a.category,
                                 left(a.operation_words, 20000)), '[[:alpha:]]{3,40}', 'g') found
    WHERE a.id = :api
    ORDER BY 1
    ON CONFLICT (word) DO UPDATE SET apis = catalog_words.apis + 1
""")
_REBUILD = text("""
    WITH counted AS (
        SELECT lower(found[1]) AS word, count(DISTINCT a.id) AS apis FROM apis a,
            regexp_matches(concat_ws(' ', a.name, a.summary, array_to_string(a.tags, ' '), a.provider_name, a.category,
                                     left(a.operation_words, 20000)), '[[:alpha:]]{3,40}', 'g') found
        WHERE a.state IN ('published', 'deprecated')
        GROUP BY 1
    ), gone AS (
        DELETE FROM catalog_words WHERE word NOT IN (SELECT word FROM counted)
    )
    INSERT INTO catalog_words (word, apis) SELECT word, apis FROM counted
    ON CONFLICT (word) DO UPDATE SET apis = EXCLUDED.apis WHERE catalog_words.apis <> EXCLUDED.apis
""")


def learn(api_id: int) -> None:
    """Add the words of one listing. Counts only ever grow here; `rebuild` sets them right."""
    db.session.execute(_LEARN, {"api": api_id})


def rebuild() -> int:
    """Count every word of every listing again; return how many rows changed. For the system, at night."""
    return db.session.execute(_REBUILD).rowcount  # type: ignore[attr-defined,no-any-return]


def correct(query: str) -> str | None:
    """Return the query with words nobody uses replaced by the closest that somebody does; None when nothing changed."""
    changed = False

    def closest(found: re.Match[str]) -> str:
        nonlocal changed
        word = found.group(0)
        better = db.session.scalar(_CLOSEST, {"word": word.lower()})
        if better is None or better == word.lower():
            return word
        changed = True
        return str(better)

    corrected = _WORD.sub(closest, query, count=6)
    return corrected if changed else None


def near(query: str, most: int = 5) -> list[str]:
    """Return words of the listings that look like those of a query, the closest first; none of the query's own."""
    asked = [found.lower() for found in _WORD.findall(query)[:6]]
    if not asked:
        return []
    rows = db.session.execute(_NEAR, {"asked": asked, "most": most})
    return [row.word for row in rows]
