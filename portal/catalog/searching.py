"""Finding APIs: one statement for page, total and facets, over at most a thousand candidates.

Ranking every match and counting every facet exactly costs seconds at a million listings. Here the best thousand by
the chosen order are taken first; relevance is judged among those, and above a thousand the total reads "1,000+".
Without a search text, totals and facets come from sums that triggers keep, and are exact at any size.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import text

from portal.catalog import vocabulary
from portal.catalog.models import LISTED
from portal.catalog.types import CATEGORIES, Card, FacetValue, Found, Search
from portal.db import db

PAGE_SIZE = 24
CAP = 1000
_MOST_PROVIDERS = 10
_ORDER = {
    "used": "a.calls_30d DESC, a.id DESC",
    "newest": "a.published_at DESC, a.id DESC",
    "name": "lower(a.name), a.id",
}
_CARD = """
    a.id, o.slug AS organisation, o.name AS organisation_name, o.is_verified AS organisation_verified, a.slug,
    a.category, a.state, a.product_id, a.published_at
"""
_MARKS = "StartSel=\x02, StopSel=\x03, HighlightAll=true"
_QUERY = "websearch_to_tsquery('english', translate(:text, '/._{}', '     '))"


def search(wanted: Search) -> Found:
    """Return one page of listed APIs with the true total and the facets around it.

    A text that matches nothing is searched again with its words corrected to words that listings use.
    """
    if not wanted.text:
        return _browse(wanted)
    found = _match(wanted)
    if found.total:
        return found
    corrected = vocabulary.correct(wanted.text)
    if corrected is None:
        return found
    again = _match(replace(wanted, text=corrected))
    return replace(again, corrected=corrected) if again.total else found


def _match(wanted: Search) -> Found:
    # The plan must know the words: for a rare word it starts at the text index, for a common one at the order.
    db.session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    row = db.session.execute(text(_match_sql(wanted)), _parameters(wanted)).one()
    rows: list[dict[str, Any]] = row.page or []
    matches = _operation_matches(wanted.text, [each["id"] for each in rows if not _is_marked(each)])
    total, is_capped = min(row.total, CAP), row.total > CAP
    categories, prices, providers = row.categories or {}, row.prices, row.providers or []
    for dimension in ("category", "price", "provider"):
        if getattr(wanted, dimension) is not None:
            # What choosing another value of this facet would leave: counted without the chosen one.
            other = _match_facets(without(wanted, dimension), wanted)
            categories = other.categories or {} if dimension == "category" else categories
            prices = other.prices if dimension == "price" else prices
            providers = other.providers or [] if dimension == "provider" else providers
    return Found(
        cards=[_card(each, matches.get(each["id"])) for each in rows],
        total=total,
        is_capped=is_capped,
        categories=_categories(categories),
        prices=_prices(prices["free"], prices["paid"]),
        providers=[FacetValue(slug, name, count) for slug, name, count in providers],
        knows_usage=row.knows_usage,
    )


def _match_sql(wanted: Search) -> str:
    ranked = f"""
        SELECT b.id, row_number() OVER (ORDER BY ts_rank(a.search, {_QUERY}) DESC, b.place) AS place
        FROM best b JOIN apis a ON a.id = b.id ORDER BY place
    """  # noqa: S608 - as above
    is_ranked = wanted.sort == "relevance"
    return f"""
        {_best(wanted, _ORDER["used" if is_ranked else wanted.sort])},
        page AS (
            {ranked if is_ranked else "SELECT id, place FROM best ORDER BY place"} LIMIT {PAGE_SIZE} OFFSET :skip
        )
        SELECT {_FACETS},
            EXISTS (SELECT FROM apis WHERE {LISTED} AND calls_30d > 0) AS knows_usage,
            (SELECT jsonb_agg(line ORDER BY place) FROM (
                SELECT place, {_CARD}, ts_headline('english', a.name, {_QUERY}, :marks) AS name,
                       ts_headline('english', a.summary, {_QUERY}, :marks) AS summary
                FROM page p JOIN apis a ON a.id = p.id JOIN organisations o ON o.id = a.organisation_id
            ) line) AS page
    """  # noqa: S608 - fragments of this module; values are bound


def _match_facets(wanted: Search, original: Search) -> Any:
    statement = f"{_best(wanted, _ORDER['used'])} SELECT {_FACETS}"
    return db.session.execute(text(statement), _parameters(wanted) | {"text": original.text}).one()


def _best(wanted: Search, order: str) -> str:
    return f"""
        WITH best AS MATERIALIZED (
            SELECT id, organisation_id, category, has_free, has_paid, row_number() OVER () AS place FROM (
                SELECT a.id, a.organisation_id, a.category, a.has_free, a.has_paid FROM apis a
                WHERE a.search @@ {_QUERY} AND {_conditions(wanted)}
                ORDER BY {order} LIMIT {CAP + 1}
            ) matches
        ), counted AS (SELECT * FROM best WHERE place <= {CAP})
    """  # noqa: S608 - as above


_FACETS = f"""
    (SELECT count(*) FROM best) AS total,
    (SELECT jsonb_object_agg(category, n) FROM (SELECT category, count(*) AS n FROM counted GROUP BY 1) c) AS categories,
    (SELECT jsonb_build_object('free', count(*) FILTER (WHERE has_free), 'paid', count(*) FILTER (WHERE has_paid))
     FROM counted) AS prices,
    (SELECT jsonb_agg(jsonb_build_array(o.slug, o.name, n) ORDER BY n DESC, o.name) FROM (
        SELECT organisation_id, count(*) AS n FROM counted GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_MOST_PROVIDERS}
     ) p JOIN organisations o ON o.id = p.organisation_id) AS providers
"""  # noqa: S608 - as above


def _conditions(wanted: Search) -> str:
    found = [f"a.{LISTED}"]
    if wanted.category is not None:
        found.append("a.category = :category")
    if wanted.price is not None:
        found.append("a.has_free" if wanted.price == "free" else "a.has_paid")
    if wanted.provider is not None:
        found.append("a.organisation_id = (SELECT id FROM organisations WHERE slug = :provider)")
    return " AND ".join(found)


def _parameters(wanted: Search) -> dict[str, Any]:
    return {
        "text": wanted.text,
        "category": wanted.category,
        "provider": wanted.provider,
        "skip": (wanted.page - 1) * PAGE_SIZE,
        "marks": _MARKS,
    }


def _is_marked(row: dict[str, Any]) -> bool:
    return "\x02" in row["name"] or "\x02" in row["summary"]


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


def _card(row: dict[str, Any], match: tuple[str, str] | None) -> Card:
    keys = ("id", "organisation", "organisation_name", "organisation_verified", "slug", "name", "summary", "category")
    published = row["published_at"]
    return Card(
        **{key: row[key] for key in keys},
        state=row["state"],
        product_id=row["product_id"],
        published_at=_instant(published),
        match=match,
    )


def _instant(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if isinstance(value, str) else cast("datetime | None", value)


def _browse(wanted: Search) -> Found:
    order = _ORDER["newest" if wanted.sort == "relevance" else wanted.sort]
    conditions = _conditions(wanted)
    # The inner select runs over an index alone, so that a far page costs entries, not rows.
    statement = f"""
        SELECT {_CARD}, a.name, a.summary
        FROM (SELECT a.id FROM apis a WHERE {conditions} ORDER BY {order} LIMIT {PAGE_SIZE} OFFSET :skip) page
        JOIN apis a ON a.id = page.id JOIN organisations o ON o.id = a.organisation_id
        ORDER BY {order}
    """  # noqa: S608 - as above
    rows = db.session.execute(text(statement), _parameters(wanted)).mappings().all()
    if wanted.provider is not None:
        return _with_live_facets(wanted, [_card(dict(row), None) for row in rows])
    counts = db.session.execute(text(_COUNTS), _parameters(wanted)).one()
    cells = counts.cells or []
    return Found(
        cards=[_card(dict(row), None) for row in rows],
        total=sum(n for category, price, n in cells if _fits(wanted, category, price)),
        is_capped=False,
        categories=_categories(_sums(cells, replace(wanted, category=None))),
        prices=_prices(*(_price_sum(cells, replace(wanted, price=kind)) for kind in ("free", "paid"))),
        providers=_providers(wanted) if wanted.category or wanted.price else _listed(counts.providers),
        knows_usage=counts.knows_usage,
    )


_COUNTS = f"""
    SELECT (SELECT jsonb_agg(jsonb_build_array(category, price, listed)) FROM catalog_counts
            WHERE organisation_id = 0 AND listed > 0) AS cells,
           (SELECT jsonb_agg(jsonb_build_array(o.slug, o.name, top.listed) ORDER BY top.listed DESC, o.name) FROM (
                SELECT organisation_id, listed FROM catalog_counts WHERE category = '' AND price = '' AND listed > 0
                ORDER BY listed DESC, organisation_id LIMIT {_MOST_PROVIDERS}
            ) top JOIN organisations o ON o.id = top.organisation_id) AS providers,
           EXISTS (SELECT FROM apis WHERE {LISTED} AND calls_30d > 0) AS knows_usage
"""  # noqa: S608 - as above


def _fits(wanted: Search, category: str, price: str) -> bool:
    return wanted.category in (None, category) and (wanted.price is None or price in (wanted.price, "both"))


def _sums(cells: list[Any], wanted: Search) -> dict[str, int]:
    sums: dict[str, int] = {}
    for category, price, n in cells:
        if _fits(wanted, category, price):
            sums[category] = sums.get(category, 0) + n
    return sums


def _price_sum(cells: list[Any], wanted: Search) -> int:
    return sum(n for category, price, n in cells if _fits(wanted, category, price))


def _providers(wanted: Search) -> list[FacetValue]:
    """Count providers of a category, a kind of price or both, from the sums."""
    statement = text(f"""
        SELECT o.slug, o.name, n FROM (
            SELECT organisation_id, sum(listed)::bigint AS n FROM catalog_counts
            WHERE category = :category AND price = ANY (:prices) AND organisation_id > 0 AND listed > 0
            GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_MOST_PROVIDERS}
        ) top JOIN organisations o ON o.id = top.organisation_id ORDER BY n DESC, o.name
    """)  # noqa: S608 - as above
    prices = [wanted.price, "both"] if wanted.price else ["none", "free", "paid", "both"]
    rows = db.session.execute(statement, {"category": wanted.category or "", "prices": prices})
    return _listed([tuple(row) for row in rows])


def _with_live_facets(wanted: Search, cards: list[Card]) -> Found:
    """One provider's listings are few: count them as they are."""
    statement = f"""
        SELECT a.category, catalog_price_kind(a.has_free, a.has_paid), count(*) FROM apis a
        WHERE {_conditions(replace(wanted, category=None, price=None))} GROUP BY 1, 2
    """  # noqa: S608 - as above
    cells = [tuple(row) for row in db.session.execute(text(statement), _parameters(wanted))]
    counts = db.session.execute(text(_COUNTS), _parameters(wanted)).one()
    others = replace(wanted, provider=None)
    return Found(
        cards=cards,
        total=_price_sum(cells, wanted),
        is_capped=False,
        categories=_categories(_sums(cells, replace(wanted, category=None))),
        prices=_prices(*(_price_sum(cells, replace(wanted, price=kind)) for kind in ("free", "paid"))),
        providers=_providers(others) if wanted.category or wanted.price else _listed(counts.providers),
        knows_usage=counts.knows_usage,
    )


def _categories(counts: dict[str, int]) -> list[FacetValue]:
    known = [name for name in CATEGORIES if counts.get(name)]
    return [FacetValue(name, name, counts[name]) for name in known + sorted(set(counts) - set(known)) if counts[name]]


def _prices(free: int, paid: int) -> list[FacetValue]:
    return [FacetValue("free", "free", free), FacetValue("paid", "paid", paid)]


def _listed(rows: Any) -> list[FacetValue]:
    return [FacetValue(slug, name, count) for slug, name, count in rows or ()]


def without(wanted: Search, dimension: str) -> Search:
    """Return a search with one facet left open."""
    return with_choice(wanted, dimension, None)


def with_choice(wanted: Search, dimension: str, value: str | None) -> Search:
    """Return a search with a value of one facet chosen, on its first page."""
    chosen: dict[str, Any] = {dimension: value, "page": 1}
    return replace(wanted, **chosen)


def clean_text(raw: str) -> str:
    """Return a search text as it is searched: one line, at most 200 characters, no controls."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f]+", " ", raw).split())[:200]
