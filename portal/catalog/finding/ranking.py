"""Cheapest first, by exact price, without pricing everything (docs/adr/0013-cheapest-first-is-exact.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def cheapest_first(read: Source, volume: int, skip: int, size: int) -> tuple[list[int], dict[int, Quote]]:
    """Return a page of API ids by what their cheapest plan costs at a volume, and those quotes.

    Exact among the thousand that can be cheapest: nothing that was left out can cost less than what is on the page.
    APIs without a plan that serves the volume come last, without a cost.
    """
    limit = min(MOST_RANKED, skip + size + FIRST_LOOK)
    while True:
        rows = read(limit + 1)
        ranked, costs = _ranked(rows[:limit], volume)
        enough = len(rows) <= limit or limit >= MOST_RANKED
        if enough or _is_settled(ranked, costs, skip + size, rows[limit]):
            page = ranked[skip : skip + size]
            return page, {api_id: costs[api_id] for api_id in page if api_id in costs}
        limit = min(MOST_RANKED, limit * 3)


def _ranked(rows: Sequence[Any], volume: int) -> tuple[list[int], dict[int, Quote]]:
    offers = list_offers_for([row.product_id for row in rows if row.product_id is not None])
    costs: dict[int, Quote] = {}
    for row in rows:
        cost = cheapest_of(quote(offer, volume) for offer in offers.get(row.product_id, ()))
        if cost is not None:
            costs[row.id] = cost
    endless = Fraction(2**63)
    ids = sorted((row.id for row in rows), key=lambda i: (costs[i].exact if i in costs else endless, i))
    return ids, costs


def _is_settled(ranked: list[int], costs: dict[int, Quote], needed: int, left_out: Any) -> bool:
    """True when the page ends no later than the first one left out could stand: by cost, and by id among equals."""
    last = ranked[min(needed, len(ranked)) - 1] if ranked else None
    return last in costs and (costs[last].exact, last) <= (left_out.least, left_out.id)
