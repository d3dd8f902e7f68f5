"""The few APIs that words most probably mean, quick enough for every key pressed. Facets and totals are the market's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text

from portal.catalog.models import LISTED
from portal.db import db

_WORD = re.compile(r"[^\W_]+")
_FEWEST_CHARACTERS = 2
_AMONG = 100
_MOST_USED = 4000
# Only the most used matches are judged, so that a common beginning costs no more than a rare one. A beginning so common that
# the most used APIs hold enough of them is answered from these alone: its matches in the text index would be half the market.
_BY_USE, _MATCHES = "a.calls_30d DESC, a.id DESC", "a.search @@ to_tsquery('english', :query)"
_JUDGED = f"""
    WITH asked AS (SELECT to_tsquery('english', :query) AS query), best AS MATERIALIZED (
        SELECT a.id, a.organisation_id, a.name, a.slug, a.logo, a.search, row_number() OVER () AS place FROM (
            SELECT * FROM {{matches}} ORDER BY {_BY_USE} LIMIT {_AMONG}
        ) a
    )
    SELECT best.id, best.name, best.slug, o.slug AS organisation, o.name AS organisation_name,
        COALESCE(best.logo, o.logo) AS logo, (SELECT count(*) FROM best) AS among
    FROM best JOIN organisations o ON o.id = best.organisation_id, asked
    ORDER BY starts_with(lower(best.name), :begins) DESC, ts_rank(best.search, asked.query) DESC, best.place LIMIT :most
"""  # noqa: S608 - constants of ours; values are bound
_AMONG_MOST_USED = text(
    _JUDGED.format(
        matches=f"(SELECT * FROM apis a WHERE a.{LISTED} ORDER BY {_BY_USE} LIMIT {_MOST_USED}) a WHERE {_MATCHES}"  # noqa: S608
    )
)
# The fence keeps the planner, who takes every beginning for a common one, from walking the whole market for a rare one.
_AMONG_ALL = text(
    _JUDGED.format(matches=f"(SELECT * FROM apis a WHERE a.{LISTED} AND {_MATCHES} OFFSET 0) a")  # noqa: S608
)
_BY_ADDRESS = text(f"""
    SELECT a.id, a.name, a.slug, o.slug AS organisation, o.name AS organisation_name, COALESCE(a.logo, o.logo) AS logo
    FROM unnest(CAST(:organisations AS text[]), CAST(:slugs AS text[])) AS asked (organisation, slug)
    JOIN organisations o ON o.slug = asked.organisation JOIN apis a ON a.organisation_id = o.id AND a.slug = asked.slug
    WHERE a.{LISTED}
""")  # noqa: S608 - as above
_OF_PROVIDER = text(f"""
    SELECT a.id, a.name, a.slug, o.slug AS organisation, o.name AS organisation_name
    FROM organisations o JOIN apis a ON a.organisation_id = o.id
    WHERE o.slug = :organisation AND a.{LISTED} ORDER BY a.id LIMIT 200
""")  # noqa: S608 - as above
_OWN = text("""
    SELECT a.id, a.name, a.slug, o.slug AS organisation, o.name AS organisation_name, a.state,
        COALESCE(a.logo, o.logo) AS logo
    FROM apis a JOIN organisations o ON o.id = a.organisation_id
    WHERE a.organisation_id = :organisation ORDER BY a.updated_at DESC, a.id DESC LIMIT :most
""")


_PROVIDERS_AT = text("""
    SELECT o.slug, o.name, o.logo, c.listed FROM organisations o
    JOIN catalog_counts c ON c.organisation_id = o.id AND c.category = '' AND c.price = '' AND c.listed > 0
    WHERE o.slug = ANY (:slugs)
""")
_PROVIDERS = text("""
    SELECT o.slug, o.name, o.logo, c.listed FROM organisations o
    JOIN catalog_counts c ON c.organisation_id = o.id AND c.category = '' AND c.price = '' AND c.listed > 0
    WHERE portal_words(o.name) @@ to_tsquery('english', :query) ORDER BY c.listed DESC, o.id LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class Glimpse:
    """As much of an API as a line of a list needs. `state` is known of one's own only."""

    id: int
    name: str
    slug: str
    organisation: str
    organisation_name: str
    state: str = ""
    logo: str | None = None


@dataclass(frozen=True, slots=True)
class Stall:
    """As much of a provider as a line of a list needs, with how many APIs it has in the market."""

    slug: str
    name: str
    logo: str | None
    listed: int


def find_listed(words: str, most: int = 6) -> list[Glimpse]:
    """Return the APIs of the market that hold every word, the last of them perhaps not typed to its end."""
    query = _beginnings(words)
    if not query:
        return []
    # The plan must know the words, as in the market's own search.
    db.session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    values = {"query": query, "begins": words.lower(), "most": most}
    rows = db.session.execute(_AMONG_MOST_USED, values).all()
    if not rows or rows[0].among < _AMONG:
        rows = db.session.execute(_AMONG_ALL, values).all()
    return [Glimpse(row.id, row.name, row.slug, row.organisation, row.organisation_name, logo=row.logo) for row in rows]


def find_providers(words: str, most: int = 3) -> list[Stall]:
    """Return the providers with something in the market whose name holds every word, those with most of it first."""
    query = _beginnings(words)
    if not query:
        return []
    return [Stall(*row) for row in db.session.execute(_PROVIDERS, {"query": query, "most": most})]


def list_providers(slugs: Sequence[str]) -> list[Stall]:
    """Return the providers at addresses that have something in the market; others are left out."""
    return [Stall(*row) for row in db.session.execute(_PROVIDERS_AT, {"slugs": list(slugs)})] if slugs else []


def _beginnings(words: str) -> str:
    found = _WORD.findall(words)[:6]
    return " & ".join(f"{word}:*" for word in found) if sum(map(len, found)) >= _FEWEST_CHARACTERS else ""


def list_listed(addresses: Sequence[tuple[str, str]]) -> list[Glimpse]:
    """Return the listed APIs at addresses (organisation, API); what is not listed, or not there, is left out."""
    if not addresses:
        return []
    organisations, slugs = zip(*addresses, strict=True)
    values = {"organisations": list(organisations), "slugs": list(slugs)}
    return [Glimpse(**row) for row in db.session.execute(_BY_ADDRESS, values).mappings()]


def list_of_provider(organisation: str) -> list[Glimpse]:
    """Return a provider's listed APIs, the first 200, by the organisation's slug."""
    return [Glimpse(**row) for row in db.session.execute(_OF_PROVIDER, {"organisation": organisation}).mappings()]


def list_own(organisation_id: int, most: int = 200) -> list[Glimpse]:
    """Return an organisation's own APIs in every state, the last changed first."""
    return [
        Glimpse(**row) for row in db.session.execute(_OWN, {"organisation": organisation_id, "most": most}).mappings()
    ]
