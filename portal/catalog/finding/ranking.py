"""Cheapest first, by exact price, without pricing everything (docs/adr/0013-cheapest-first-is-exact.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from portal.catalog.finding.costs import step_of
from portal.pricing.queries import list_offers_for
from portal.pricing.volumes import Quote, cheapest_of, quote

__all__ = ["FIRST_LOOK", "MOST_RANKED", "Source", "cheapest_first", "step_of"]

MOST_RANKED = 1000
FIRST_LOOK = 64
# Reads so many (api id, product id, least possible monthly cost), the least first.
Source = Callable[[int], Sequence[Any]]
# No cost comes after every cost; among equals the lower id comes first.
_Rank = tuple[bool, Fraction, int]


def cheapest_first(read: Source, volume: int, skip: int, size: int) -> tuple[list[int], dict[int, Quote]]:
    """Return a page of API ids by what their cheapest plan costs at a volume, and those quotes.

    Exact among the thousand that can be cheapest: nothing that was left out can cost less than what is on the page.
    APIs without a plan that serves the volume come last, without a cost.
    """
    rows, needed = read(MOST_RANKED + 1), skip + size
    costs: dict[int, Quote] = {}
    best: list[_Rank] = []  # of all that were priced, those that can be on this page or an earlier one
    for part, left_out in _parts(rows, needed + FIRST_LOOK):
        found = _costs(part, volume)
        costs |= found
        best = sorted([*best, *(_rank(row.id, found) for row in part)])[:needed]
        if left_out is not None and len(best) == needed and best[-1] <= (False, left_out.least, left_out.id):
            break
    page = [rank[-1] for rank in best[skip:]]
    return page, {api_id: costs[api_id] for api_id in page if api_id in costs}


def _parts(rows: Sequence[Any], first: int) -> Iterator[tuple[Sequence[Any], Any]]:
    """Yield the rows in parts that double what was seen, each with the row after it; none after the most that are ranked."""
    seen = 0
    while seen < min(len(rows), MOST_RANKED):
        end = min(MOST_RANKED, max(first, 2 * seen))
        yield rows[seen:end], rows[end] if end < min(len(rows), MOST_RANKED) else None
        seen = end


def _costs(rows: Sequence[Any], volume: int) -> dict[int, Quote]:
    offers = list_offers_for([row.product_id for row in rows if row.product_id is not None])
    quotes = {row.id: cheapest_of(quote(offer, volume) for offer in offers.get(row.product_id, ())) for row in rows}
    return {api_id: found for api_id, found in quotes.items() if found is not None}


def _rank(api_id: int, costs: dict[int, Quote]) -> _Rank:
    return (False, costs[api_id].exact, api_id) if api_id in costs else (True, Fraction(0), api_id)
