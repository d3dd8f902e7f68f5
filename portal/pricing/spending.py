"""How far a sum of money reaches: the whole calls of one period that a buyer's own limit pays for. Exact, and pure.

It asks `rating.rate` what a number of calls costs, as every card, preview and invoice does, and compares before anything
is rounded, so that no invoice is above the limit. Rules and examples: docs/algorithms/spending-limits.md.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from math import floor

from portal.pricing.rating import rate
from portal.pricing.rules import MAX_QUANTITY
from portal.pricing.types import PriceTerms

SUGGESTED_PERIODS = 2


def calls_within(terms: PriceTerms, amount: int) -> int | None:
    """Return the largest number of calls with which a period costs at most `amount`, and with every smaller number, too.

    `amount` is minor units, net of tax, with the recurring amount in it. None means that no volume that can be billed
    (`MAX_QUANTITY`) costs more. Raises ValueError for an amount that a period without any call exceeds.
    """

    def cost(calls: int) -> Fraction:
        return sum((line.amount_exact for line in rate(terms, calls).lines), Fraction(0))

    if cost(0) > amount:
        raise ValueError("a period costs more than this before the first call")
    first = 0
    for last in _ends(terms):
        if cost(last) > amount:
            return first - 1 + bisect_right(range(first, last + 1), Fraction(amount), key=cost)
        first = last + 1
    return None


def suggested_limit(terms: PriceTerms) -> int | None:
    """Return the limit that a buyer is offered, in minor units: two periods' fees; None where only calls cost."""
    return SUGGESTED_PERIODS * terms.amount or None


def _ends(terms: PriceTerms) -> Iterator[int]:
    """Return the last call of each stretch within which more calls never cost less.

    That is everything, except by volume: there the border of a tier makes all calls cheaper at once.
    """
    if terms.usage_model == "volume":
        included = terms.included_quantity or 0
        yield from (included + floor(tier.up_to) for tier in terms.tiers if tier.up_to is not None)
    yield MAX_QUANTITY
