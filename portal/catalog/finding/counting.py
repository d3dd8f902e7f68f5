"""How many APIs a filter leaves, exactly, at any size: AND and population count over the shelf's bitmaps.

Every count is "what choosing this would leave": a facet of which something is chosen is counted as if nothing of it
were, all others as they are. A shelf row holds 4,096 APIs, so a hundred thousand are about fifteen hundred rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text

from portal.catalog.finding.facets import DIMENSIONS, PROVIDER, Filters
from portal.catalog.finding.types import FacetValue
from portal.db import db

MOST_PROVIDERS = 10
_SUMMED = {"category", "price"}


@dataclass(slots=True)
class Counts:
    """How many APIs fit, per mark how many choosing it would leave, and per chosen facet how many without it."""

    total: int = 0
    listed: int = 0
    marks: dict[str, int] = field(default_factory=dict)
    relaxed: dict[str, int] = field(default_factory=dict)


def count_shelf(filters: Filters) -> Counts:
    """Count everything that is listed under filters that name no provider."""
    chosen = list(filters)
    found = Counts(relaxed=dict.fromkeys(chosen, 0))
    for opened, facet, n in db.session.execute(text(_shelf_sql(chosen)), _parameters(filters)):
        count = int(n or 0)
        if opened == "*":
            found.listed = count
        elif facet:
            found.marks[facet] = count
        elif opened:
            found.relaxed[opened] = count
        else:
            found.total = count
    return found


def _shelf_sql(chosen: Sequence[str]) -> str:
    wanted = [
        f"w{n} AS MATERIALIZED (SELECT block, bit_or(bits) AS bits FROM catalog_shelf WHERE facet = ANY (:marks_{n})"  # noqa: S608
        " GROUP BY 1)"
        for n in range(len(chosen))
    ]
    arms = [_arm("", range(len(chosen)), "split_part(s.facet, ':', 1) <> ALL (CAST(:chosen AS text[]))")]
    for n in range(len(chosen)):
        others = [other for other in range(len(chosen)) if other != n]
        arms.append(_arm(f":name_{n}", others, f"(s.facet = '' OR split_part(s.facet, ':', 1) = :name_{n})"))
    arms.append("SELECT '*', '', sum(bit_count(bits)) FROM catalog_shelf WHERE facet = ''")
    head = f"WITH {', '.join(wanted)} " if wanted else ""
    return head + " UNION ALL ".join(arms)


def _arm(opened: str, joined: Sequence[int], facets: str) -> str:
    bits = " & ".join(["s.bits", *(f"w{n}.bits" for n in joined)])
    joins = " ".join(f"JOIN w{n} USING (block)" for n in joined)
    label = f"CAST({opened} AS text)" if opened else "''"
    return (
        f"SELECT {label}, s.facet, sum(bit_count({bits})) FROM catalog_shelf s {joins} WHERE {facets} GROUP BY s.facet"  # noqa: S608
    )


def _parameters(filters: Filters) -> dict[str, Any]:
    values: dict[str, Any] = {"chosen": list(filters)}
    for n, (name, chosen) in enumerate(filters.items()):
        values |= {f"name_{n}": name, f"marks_{n}": DIMENSIONS[name].marks(chosen)}
    return values


def has_provider_sums(filters: Filters) -> bool:
    """True when providers can be counted from the sums that triggers keep."""
    return set(filters) <= _SUMMED and "metered" not in filters.get("price", ())


def summed_providers(filters: Filters) -> list[FacetValue]:
    """Return the providers with most APIs, exactly, for filters that `has_provider_sums` accepts."""
    if not filters:
        conditions, values = "category = '' AND price = ''", {}
    else:
        prices = {kind for price in filters.get("price", ()) for kind in (price, "both")}
        values = {
            "categories": list(filters.get("category", [""])),
            "prices": sorted(prices) or ["none", "free", "paid", "both"],
        }
        conditions = "category = ANY (:categories) AND price = ANY (:prices)"
    statement = f"""
        SELECT o.slug, o.name, n FROM (
            SELECT organisation_id, sum(listed)::bigint AS n FROM catalog_counts
            WHERE {conditions} AND organisation_id > 0 AND listed > 0
            GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_PROVIDERS}
        ) top JOIN organisations o ON o.id = top.organisation_id ORDER BY n DESC, o.name
    """  # noqa: S608 - fragments of this module; values are bound
    return [FacetValue(*row) for row in db.session.execute(text(statement), values)]


def provider_names(slugs: Sequence[str]) -> dict[str, str]:
    """Return the names of providers by slug; one that does not exist is left out."""
    statement = text("SELECT slug, name FROM organisations WHERE slug = ANY (:slugs)")
    return {slug: name for slug, name in db.session.execute(statement, {"slugs": list(slugs)})}  # noqa: C416


def find_provider(slug: str) -> tuple[str, int] | None:
    """Return the name of a provider and how many APIs it has in the market; None for one who has none."""
    statement = text("""
        SELECT o.name, c.listed FROM organisations o
        JOIN catalog_counts c ON c.organisation_id = o.id AND c.category = '' AND c.price = ''
        WHERE o.slug = :slug AND c.listed > 0
    """)
    row = db.session.execute(statement, {"slug": slug}).one_or_none()
    return (row.name, row.listed) if row else None


def values_of(name: str, marks: dict[str, int]) -> list[FacetValue]:
    """Return every value of a facet with what choosing it would leave, in the order of the page."""
    dimension = DIMENSIONS[name]
    assert name != PROVIDER
    return [FacetValue(value, value, marks.get(f"{name}:{value}", 0)) for value in dimension.values]
