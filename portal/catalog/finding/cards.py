"""What a card says of an API, and where what was searched for stands in it."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from portal.catalog.finding.types import Card
from portal.db import db

# What matches the words of a search, bound as `text`; a path is as good as its parts.
QUERY = "websearch_to_tsquery('english', translate(:text, '/._{}', '     '))"
_CARD = """
    a.id, o.slug AS organisation, o.name AS organisation_name, a.is_verified AS organisation_verified, a.slug,
    a.category, a.state, a.product_id, a.published_at, a.is_new, a.has_free, COALESCE(a.logo, o.logo) AS logo,
    (SELECT v.sunset_at FROM api_versions v WHERE v.api_id = a.id AND v.is_default) AS sunset_at
"""
_MARKS = "StartSel=\x02, StopSel=\x03, HighlightAll=true"


def list_cards(ids: Sequence[int], words: str = "") -> list[Card]:
    """Return the cards of some APIs in the order given, ones that are not listed any more included; words are marked."""
    if not ids:
        return []
    name, summary = "a.name", "a.summary"
    if words:
        name, summary = (f"ts_headline('english', {column}, {QUERY}, :marks)" for column in (name, summary))
    statement = f"""
        SELECT {_CARD}, {name} AS name, {summary} AS summary
        FROM unnest(CAST(:ids AS bigint[])) WITH ORDINALITY page (id, place)
        JOIN apis a ON a.id = page.id JOIN organisations o ON o.id = a.organisation_id ORDER BY page.place
    """  # noqa: S608 - fragments of this module; values are bound
    rows = db.session.execute(text(statement), {"ids": list(ids), "text": words, "marks": _MARKS}).mappings().all()
    unmarked = [row["id"] for row in rows if "\x02" not in row["name"] and "\x02" not in row["summary"]]
    matches = _operation_matches(words, unmarked) if words else {}
    return [Card(**row, match=matches.get(row["id"])) for row in rows]


def _operation_matches(words: str, api_ids: list[int]) -> dict[int, tuple[str, str]]:
    """Return the first operation that holds every word, for cards that show no match themselves."""
    if not api_ids:
        return {}
    statement = text("""
        WITH stems AS (
            SELECT array_agg('%' || stem || '%') AS patterns
            FROM unnest(tsvector_to_array(portal_words(:text))) AS stem
        )
        SELECT DISTINCT ON (v.api_id) v.api_id, o.method, o.path
        FROM api_versions v JOIN api_operations o ON o.version_id = v.id, stems
        WHERE v.is_default AND v.api_id = ANY (:apis)
          AND o.method || ' ' || o.path || ' ' || o.summary ILIKE ALL (stems.patterns)
        ORDER BY v.api_id, o.ordinal
    """)
    rows = db.session.execute(statement, {"text": words, "apis": api_ids})
    return {row.api_id: (row.method, row.path) for row in rows}
