"""Cheapest first, by exact price, without pricing everything (docs/adr/0013-cheapest-first-is-exact.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from heapq import heappop, heappush
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import text

from portal.catalog.finding.costs import UNSERVED, least_at, rankable, step_of
from portal.db import db
from portal.pricing.queries import list_offers_for
from portal.pricing.types import Offer
from portal.pricing.volumes import Quote, cheapest_of, quote

__all__ = [
    "FIRST_LOOK",
    "FIRST_READ",
    "LINES",
    "MOST_RANKED",
    "Placed",
    "Priced",
    "Source",
    "cheapest_first",
    "step_of",
    "with_lines",
]

MOST_RANKED = 1000
FIRST_LOOK = 16
FIRST_READ = 128  # a first page seldom looks at the lines of more


LINES = "CAST(price_lines AS text)"


class Placed(NamedTuple):
    """The columns of `Priced` but for the lines."""

    id: int
    product_id: int | None
    least: int


class Priced(NamedTuple):
    """What places an API among others: the least it can cost in the range of volume, and the lines below its costs as JSON."""

    id: int
    product_id: int | None
    least: int
    lines: str | None


# Yields at most so many of `Priced`, the least first; lines are fetched as far as it is read.
Source = Callable[[int], Iterable[Any]]
# No cost comes after every cost; among equals the lower id comes first.
_Place = tuple[bool, Fraction | int, int]


def cheapest_first(read: Source, volume: int, skip: int, size: int) -> tuple[list[int], dict[int, Quote]]:
    """Return a page of API ids by what their cheapest plan costs at a volume, and those quotes.

    Exact among the thousand that can be cheapest: nothing that was left out can cost less than what is on the page.
    APIs without a plan that serves the volume, or sold in another currency, come last, without a cost.
    """
    needed = skip + size
    costs: dict[int, Quote] = {}
    best: list[_Place] = []  # of all that were priced, those that can be on this page or an earlier one
    for part, left_out in _parts(_by_place(read(MOST_RANKED), volume), needed + FIRST_LOOK):
        found = _costs(part, volume)
        costs |= found
        best = sorted([*best, *(_place(row.id, found) for row in part)])[:needed]
        if left_out is not None and len(best) == needed and best[-1] <= left_out:
            break
    page = [place[-1] for place in best[skip:]]
    return page, {api_id: costs[api_id] for api_id in page if api_id in costs}


def with_lines(placed: Sequence[Placed], lines: Sequence[str | None]) -> Iterator[Priced]:
    """Yield what can be cheapest with its lines. Those of the first were read already, the rest are read when wanted."""
    for place, known in zip(placed, lines, strict=False):
        yield Priced(*place, known)
    rest = placed[len(lines) :]
    if rest:
        statement = text(f"SELECT id, {LINES} AS lines FROM apis WHERE id = ANY (:ids)")  # noqa: S608 - a constant
        rows = db.session.execute(statement, {"ids": [place.id for place in rest]})
        found: dict[int, str | None] = {row.id: row.lines for row in rows}
        for place in rest:
            yield Priced(*place, found.get(place.id))


def _by_place(rows: Iterable[Any], volume: int) -> Iterator[tuple[_Place, Any]]:
    """Yield rows by the first place that each can have, looking at the lines of no more than that takes."""
    waiting: list[tuple[_Place, Any]] = []
    for row in rows:
        while waiting and waiting[0][0] <= (False, row.least, row.id):
            yield heappop(waiting)
        heappush(waiting, (_first_place(row, volume), row))
    while waiting:
        yield heappop(waiting)


def _first_place(row: Any, volume: int) -> _Place:
    """Return the place an API has by its lines, if they are those of its prices, or by the least of its range."""
    is_known = row.least >= 0 and row.lines is not None
    least = least_at(json.loads(row.lines), volume) if is_known else row.least
    return (False, least, row.id) if least < UNSERVED else (True, 0, row.id)


def _parts(rows: Iterator[tuple[_Place, Any]], first: int) -> Iterator[tuple[Sequence[Any], _Place | None]]:
    """Yield rows in parts that double what was seen, each with the place of the row after it; none after the last."""
    seen, following = 0, next(rows, None)
    while following is not None:
        part = [following[1], *(row for _place, row in islice(rows, max(first, seen) - 1))]
        seen, following = seen + len(part), next(rows, None)
        yield part, following and following[0]


def _costs(rows: Sequence[Any], volume: int) -> dict[int, Quote]:
    offers = list_offers_for([row.product_id for row in rows if row.product_id is not None])
    quotes = {row.id: _cheapest(offers.get(row.product_id, ()), volume) for row in rows}
    return {api_id: found for api_id, found in quotes.items() if found is not None}


def _cheapest(offers: Iterable[Offer], volume: int) -> Quote | None:
    return cheapest_of(quote(offer, volume) for offer in rankable(offers))


def _place(api_id: int, costs: dict[int, Quote]) -> _Place:
    return (False, costs[api_id].exact, api_id) if api_id in costs else (True, 0, api_id)
