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
    found = Counts(relaxed=dict.fromkeys(filters, 0))
    statement = text(_narrowed_sql(len(filters)) if filters else _ALL)
    for opened, facet, n in db.session.execute(statement, _parameters(filters)):
        count = int(n or 0)
        if opened == "*":
            found.listed = count
        elif opened:
            found.relaxed[opened] = count
        elif facet:
            found.marks[facet] = count
        else:
            found.total = count
    if not filters:
        found.listed = found.total
    return found


_ALL = "SELECT '', facet, sum(bit_count(bits)) FROM catalog_shelf GROUP BY facet"


def _narrowed_sql(chosen: int) -> str:
    """Return the statement for so many chosen facets. It joins once: with a join for each, planning took longest.

    Per block there is a mask of what fits and, per chosen facet, one of what would fit if it were left open. A mask is
    null where a block has none of a facet's marks, and then adds nothing to a sum.
    """
    wanted = [f"w{n}" for n in range(chosen)]
    unions = "".join(f", bit_or(bits) FILTER (WHERE facet = ANY (:marks_{n})) AS w{n}" for n in range(chosen))
    opened = "".join(f", {_all_of(wanted[:n] + wanted[n + 1 :])} AS open_{n}" for n in range(chosen))
    mask = " ".join(f"WHEN :name_{n} THEN open_{n}" for n in range(chosen))
    names = "".join(f", (CAST(:name_{n} AS text), open_{n})" for n in range(chosen))
    return f"""
        WITH chosen AS (
            SELECT block, bit_or(bits) FILTER (WHERE facet = '') AS listed {unions}
            FROM catalog_shelf WHERE facet = ANY (:marks) GROUP BY block
        ), masks AS MATERIALIZED (SELECT block, listed, {_all_of(wanted)} AS fits {opened} FROM chosen)
        SELECT '', s.facet, sum(bit_count(s.bits & CASE split_part(s.facet, ':', 1) {mask} ELSE fits END))
        FROM catalog_shelf s JOIN masks USING (block) GROUP BY s.facet
        UNION ALL
        SELECT name, '', sum(bit_count(bits)) FROM masks, LATERAL (VALUES ('*', listed) {names}) open (name, bits)
        GROUP BY name
    """  # noqa: S608 - numbers only; values are bound


def _all_of(masks: Sequence[str]) -> str:
    return " & ".join(["listed", *masks])


def _parameters(filters: Filters) -> dict[str, Any]:
    marks = [DIMENSIONS[name].marks(chosen) for name, chosen in filters.items()]
    values: dict[str, Any] = {"marks": ["", *(mark for each in marks for mark in each)]}
    for n, (name, each) in enumerate(zip(filters, marks, strict=True)):
        values |= {f"name_{n}": name, f"marks_{n}": each}
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


def values_of(name: str, marks: dict[str, int]) -> list[FacetValue]:
    """Return every value of a facet with what choosing it would leave, in the order of the page."""
    dimension = DIMENSIONS[name]
    assert name != PROVIDER
    return [FacetValue(value, value, marks.get(f"{name}:{value}", 0)) for value in dimension.values]
