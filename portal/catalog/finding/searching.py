"""Finding APIs: page, total and facets, quick at a million listings.

Browsing counts on the shelf's bitmaps and is exact at any size; the page walks the index of its order, or starts from
the facets where few APIs fit. A text, or a provider, is answered from the best thousand matches by the chosen order:
relevance is judged among those, facets count them, and above a thousand the total reads "1,000+".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import text

from portal.catalog.finding import counting, ranking, vocabulary
from portal.catalog.finding.cards import QUERY, list_cards
from portal.catalog.finding.counting import Counts
from portal.catalog.finding.facets import DIMENSIONS, PROVIDER, Filters, without
from portal.catalog.finding.types import FacetValue, Found, Search
from portal.catalog.models import LISTED
from portal.db import db
from portal.pricing.volumes import Quote

PAGE_SIZE = 24
CAP = 1000
_FEW = 2000  # so many can be counted one by one
_ORDER = {
    "used": "a.calls_30d DESC, a.id DESC",
    "newest": "a.published_at DESC, a.id DESC",
    "name": "lower(a.name), a.id",
    "fastest": "a.p95_ms, a.calls_30d DESC, a.id DESC",
    "reliable": "a.uptime_ppm DESC NULLS LAST, a.calls_30d DESC, a.id DESC",
}
_SORTED_BY = "a.id, a.organisation_id, a.name, a.calls_30d, a.published_at, a.p95_ms, a.uptime_ppm, a.price_points, a.price_lines"
_PROVIDERS = f"""
    (SELECT jsonb_agg(jsonb_build_array(o.slug, o.name, n) ORDER BY n DESC, o.name) FROM (
        SELECT organisation_id, count(*) AS n FROM counted GROUP BY 1 ORDER BY 2 DESC, 1
        LIMIT {counting.MOST_PROVIDERS}
    ) p JOIN organisations o ON o.id = p.organisation_id)
"""  # noqa: S608 - a constant
_KNOWS_USAGE = text(f"SELECT EXISTS (SELECT FROM apis WHERE {LISTED} AND calls_30d > 0)")  # noqa: S608 - a constant


def search(wanted: Search) -> Found:
    """Return one page of listed APIs with the true total and the facets around it.

    A text that matches nothing is searched again with its words corrected to words that listings use.
    """
    if not wanted.text:
        return _found(wanted)
    found = _found(wanted)
    if found.total or any(found.relaxed.values()):
        return found
    corrected = vocabulary.correct(wanted.text)
    if corrected is None:
        return found
    again = _found(replace(wanted, text=corrected))
    return replace(again, corrected=corrected) if again.total else found


def _found(wanted: Search) -> Found:
    is_ranked = bool(wanted.text) or PROVIDER in wanted.filters
    cap = _cap(wanted) if is_ranked else None
    with _planned_for_what_is_asked() if wanted.text else nullcontext():
        counted = _count_matches(wanted) if is_ranked else _count_listed(wanted)
    counts, ids = counted.counts, counted.ids
    costs: dict[int, Quote] = {}
    if counts.total and wanted.sort == "cheapest":
        source = counted.read if is_ranked else _bounded(wanted, counts)
        ids, costs = ranking.cheapest_first(source, wanted.volume, _skip(wanted), PAGE_SIZE)
    elif counts.total and not is_ranked and not ids:
        ids = _page(wanted, counts)
    return Found(
        cards=list_cards(ids, wanted.text),
        total=min(counts.total, cap or counts.total),
        is_capped=cap is not None and counts.total > cap,
        cap=cap or counts.total,
        facets={
            **{name: counting.values_of(name, counts.marks) for name in DIMENSIONS if name != PROVIDER},
            PROVIDER: counted.providers,
        },
        relaxed=counts.relaxed,
        costs=costs,
        knows_usage=bool(db.session.scalar(_KNOWS_USAGE)),
    )


@contextmanager
def _planned_for_what_is_asked() -> Iterator[None]:
    """Plan with the words: for a rare one the plan starts at the text index, for a common one at the order.

    Only here: cards, prices and all that follows are planned once for everybody.
    """
    db.session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    yield
    db.session.execute(text("SET LOCAL plan_cache_mode = auto"))


# ---- counting ---------------------------------------------------------------------------------------------------------


class _Counted(NamedTuple):
    """What was counted, its largest providers, and what comes with counting: the page, or what the cheapest are found among."""

    counts: Counts
    providers: list[FacetValue]
    ids: Sequence[int] = ()
    priced: Sequence[ranking.Placed] = ()
    lines: Sequence[str | None] = ()

    def read(self, limit: int) -> Iterator[ranking.Priced]:
        return ranking.with_lines(self.priced[:limit], self.lines)


def _count_listed(wanted: Search) -> _Counted:
    counts = counting.count_shelf(wanted.filters)
    if 0 < counts.total <= _FEW and not counting.has_provider_sums(wanted.filters):
        found = _candidates(wanted, _FEW, with_page=wanted.sort != "cheapest")
        return _Counted(counts, found.providers, found.ids)
    return _Counted(counts, _providers_of_listed(wanted.filters, counts.total))


def _providers_of_listed(filters: Filters, total: int) -> list[FacetValue]:
    """Count providers where that is exact and quick; nothing rather than a guess where it is neither."""
    if counting.has_provider_sums(filters):
        return counting.summed_providers(filters)
    return _candidates(Search(filters=filters), _FEW).providers if 0 < total <= _FEW else []


def _count_matches(wanted: Search) -> _Counted:
    limit = _cap(wanted)
    found = _candidates(wanted, limit, with_page=True)
    counts, providers = found.counts, found.providers
    for name in wanted.filters:
        left = replace(wanted, filters=without(wanted.filters, name))
        if name == PROVIDER and not wanted.text:
            other = counting.count_shelf(left.filters)
            others = _providers_of_listed(left.filters, other.total)
        else:
            other, others = _candidates(left, limit, with_providers=name == PROVIDER)[:2]
        counts.relaxed[name] = other.total
        if name == PROVIDER:
            providers = _with_chosen(others, providers, wanted.filters[PROVIDER])
        else:
            prefix = f"{name}:"
            counts.marks |= {mark: n for mark, n in other.marks.items() if mark.startswith(prefix)}
    return found._replace(providers=providers)


def _cap(wanted: Search) -> int:
    """Among how many matches facets are counted: one provider's listings are cheap to look through."""
    return CAP if wanted.text else 10 * CAP


def _with_chosen(others: list[FacetValue], own: list[FacetValue], chosen: Sequence[str]) -> list[FacetValue]:
    """Keep the chosen providers in sight when they are not among the largest."""
    known = {value.value for value in others}
    missing = [slug for slug in chosen if slug not in known]
    names, counts = counting.provider_names(missing), {value.value: value.count for value in own}
    return others + [FacetValue(slug, names[slug], counts.get(slug, 0)) for slug in missing if slug in names]


def _candidates(wanted: Search, limit: int, *, with_page: bool = False, with_providers: bool = True) -> _Counted:
    """Count among the best matches by the chosen order; the total goes one beyond the limit when there are more.

    Finding the best is most of the work, so the page is taken from them in the same statement. They are sorted by where
    they lie alone: carrying facets and words of thousands through the sort took as long as finding them.
    """
    judged = with_page and wanted.sort == "relevance"
    priced = with_page and wanted.sort == "cheapest"
    order = f"ts_rank(search, {QUERY}) DESC, place" if judged else "place"
    page = f"LIMIT {ranking.MOST_RANKED}" if priced else f"LIMIT {PAGE_SIZE} OFFSET :skip"
    also = f", {_priced(wanted)}, a.price_lines" if priced else ", a.search" if judged else ""
    columns = ranking.Placed._fields if priced else ("id",) if with_page else ()
    lists = [f", ARRAY(SELECT {column} FROM counted ORDER BY {order} {page})" for column in columns]  # noqa: S608 - as below
    if priced:
        lists.append(f", ARRAY(SELECT {ranking.LINES} FROM counted WHERE place <= {ranking.FIRST_READ} ORDER BY place)")  # noqa: S608
    statement = f"""
        WITH best AS MATERIALIZED (
            SELECT a.id, a.organisation_id, a.facets, place{also} FROM (
                SELECT at, row_number() OVER () AS place FROM (
                    SELECT a.ctid AS at FROM apis a
                    WHERE {_conditions(wanted)} ORDER BY {_order(wanted)} LIMIT {limit + 1}
                ) matches
            ) placed JOIN apis a ON a.ctid = at
        ), counted AS (SELECT * FROM best WHERE place <= {limit})
        SELECT (SELECT count(*) FROM best) AS total,
            (SELECT jsonb_object_agg(facet, n) FROM (
                SELECT facet, count(*) AS n FROM (SELECT unnest(facets) AS facet FROM counted) f GROUP BY 1
            ) f) AS marks,
            {_PROVIDERS if with_providers else "NULL"} AS providers
            {"".join(lists)}
    """  # noqa: S608 - fragments of this module; values are bound
    total, marks, providers, *found = db.session.execute(text(statement), _parameters(wanted)).one()
    return _Counted(
        Counts(total=total, marks=marks or {}),
        [FacetValue(*each) for each in providers or ()],
        found[0] if with_page and not priced else (),
        [ranking.Placed(*each) for each in zip(*found[:-1], strict=True)] if priced else (),
        found[-1] if priced else (),
    )


# ---- the page ---------------------------------------------------------------------------------------------------------


def _page(wanted: Search, counts: Counts) -> list[int]:
    statement = f"{_listing(wanted, counts)} ORDER BY {_order(wanted)} LIMIT {PAGE_SIZE} OFFSET :skip"
    return list(db.session.scalars(text(statement), _parameters(wanted)))


def _listing(wanted: Search, counts: Counts, columns: str = "a.id") -> str:
    """Return a select of everything that fits, made to start where least has to be read: at the order or at the facets."""
    if not wanted.filters:
        return f"SELECT {columns} FROM apis a WHERE {_conditions(wanted)}"  # noqa: S608 - as above
    read_in_order = (_skip(wanted) + PAGE_SIZE) * counts.listed / counts.total
    if read_in_order <= counts.total:
        return f"SELECT {columns} FROM apis a WHERE {_conditions(wanted, indexed=False)}"  # noqa: S608
    return f"""
        WITH few AS MATERIALIZED (SELECT {_SORTED_BY}, a.product_id FROM apis a WHERE {_conditions(wanted)})
        SELECT {columns} FROM few a
    """  # noqa: S608


def _bounded(wanted: Search, counts: Counts) -> ranking.Source:
    listing = _listing(wanted, counts, f"a.id, {_priced(wanted)}, {ranking.LINES} AS lines")

    def read(limit: int) -> Iterator[Any]:
        for first, last in ((0, ranking.FIRST_READ), (ranking.FIRST_READ, limit)):
            part = f"{listing} ORDER BY {_order(wanted)} LIMIT {last - first} OFFSET {first}"
            yield from db.session.execute(text(part), _parameters(wanted)).all()

    return read


def _priced(wanted: Search) -> str:
    """Return the columns of `ranking.Placed` after the first."""
    return f"a.product_id, a.price_points[{ranking.step_of(wanted.volume)}] AS least"


# ---- what is asked ----------------------------------------------------------------------------------------------------


def _order(wanted: Search) -> str:
    if wanted.sort == "cheapest":
        return f"a.price_points[{ranking.step_of(wanted.volume)}], a.id"
    return _ORDER.get(wanted.sort, _ORDER["used"])


def _conditions(wanted: Search, *, indexed: bool = True) -> str:
    found = [f"a.{LISTED}"]
    if wanted.text:
        found.append(f"a.search @@ {QUERY}")
    for name in wanted.filters:
        if name == PROVIDER:
            found.append("a.organisation_id = ANY (ARRAY(SELECT id FROM organisations WHERE slug = ANY (:providers)))")
        else:
            test = f"a.facets && CAST(:{name} AS text[])"
            found.append(test if indexed else f"COALESCE({test}, false)")  # in this form no index can be used for it
    return " AND ".join(found)


def _parameters(wanted: Search) -> dict[str, Any]:
    marks: dict[str, Any] = {
        name: DIMENSIONS[name].marks(chosen) for name, chosen in wanted.filters.items() if name != PROVIDER
    }
    return marks | {
        "text": wanted.text,
        "providers": list(wanted.filters.get(PROVIDER, ())),
        "skip": _skip(wanted),
    }


def _skip(wanted: Search) -> int:
    return (wanted.page - 1) * PAGE_SIZE


def clean_text(raw: str) -> str:
    """Return a search text as it is searched: one line, at most 200 characters, no controls."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f]+", " ", raw).split())[:200]
