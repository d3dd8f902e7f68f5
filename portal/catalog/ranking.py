"""Cheapest first, by exact price, without pricing everything (docs/adr/0013-cheapest-first-is-exact.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from portal.catalog.costs import MonthlyCost, cheapest, step_of
from portal.pricing.queries import list_offers_for

__all__ = ["MOST_RANKED", "Source", "cheapest_first", "step_of"]

MOST_RANKED = 1000
_FIRST_LOOK = 64
# Reads so many (api id, product id, least possible monthly cost), the least first.
Source = Callable[[int], Sequence[Any]]


def cheapest_first(read: Source, volume: int, skip: int, size: int) -> tuple[list[int], dict[int, MonthlyCost]]:
    """Return a page of API ids by what their cheapest plan costs at a volume, and those costs.

    Exact among the thousand that can be cheapest: nothing that was left out can cost less than what is on the page.
    APIs without a plan that serves the volume come last, without a cost.
    """
    limit = min(MOST_RANKED, skip + size + _FIRST_LOOK)
    while True:
        rows = read(limit + 1)
        ranked, costs = _ranked(rows[:limit], volume)
        enough = len(rows) <= limit or limit >= MOST_RANKED
        if enough or _is_settled(ranked, costs, skip + size, rows[limit].least):
            page = ranked[skip : skip + size]
            return page, {api_id: costs[api_id] for api_id in page if api_id in costs}
        limit = min(MOST_RANKED, limit * 3)


def _ranked(rows: Sequence[Any], volume: int) -> tuple[list[int], dict[int, MonthlyCost]]:
    offers = list_offers_for([row.product_id for row in rows if row.product_id is not None])
    costs: dict[int, MonthlyCost] = {}
    for row in rows:
        cost = cheapest(offers.get(row.product_id, ()), volume)
        if cost is not None:
            costs[row.id] = cost
    endless = Fraction(2**63)
    ids = sorted((row.id for row in rows), key=lambda i: (costs[i].amount if i in costs else endless, i))
    return ids, costs


def _is_settled(ranked: list[int], costs: dict[int, MonthlyCost], needed: int, next_least: int) -> bool:
    """True when everything on the page costs no more than the least that the first one left out can cost."""
    last = ranked[min(needed, len(ranked)) - 1] if ranked else None
    return last in costs and costs[last].amount <= next_least
