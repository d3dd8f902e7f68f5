"""What an API costs at a volume, and the least it can cost between two volumes. Pure; every price comes from `rate`.

Ranking a hundred thousand APIs by exact price would price them all. So the least each can cost is kept for six ranges
of volume; a list is walked in that order and priced exactly until nothing further can be cheaper.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from portal.pricing.rating import rate
from portal.pricing.rules import MAX_QUANTITY
from portal.pricing.types import Offer, PriceTerms
from portal.pricing.volumes import months_of

USUAL_VOLUME = 10_000
# Where the ranges start; the last one has no end.
STEPS = (1, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
UNSERVED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class MonthlyCost:
    """What one offer costs a month at a volume: minor units, exact."""

    offer: Offer
    amount: Fraction

    @property
    def shown(self) -> int:
        """The amount in whole minor units, rounded up: what is promised is never less than what is paid."""
        return ceil(self.amount)


def monthly_cost(terms: PriceTerms, calls: int) -> Fraction | None:
    """Return what `calls` calls a month cost, spread evenly over the terms' own period; None when some are refused."""
    months = months_of(terms)
    charge = rate(terms, ceil(calls * months))
    if any(line.refused for line in charge.lines):
        return None
    return charge.total.amount / months


def cheapest(offers: Iterable[Offer], calls: int) -> MonthlyCost | None:
    """Return the cheapest offer that serves every one of `calls` calls a month; None when no offer does."""
    costs = [MonthlyCost(offer, cost) for offer in offers if (cost := monthly_cost(offer.terms, calls)) is not None]
    return min(costs, key=lambda cost: (cost.amount, cost.offer.plan_id), default=None)


def step_of(calls: int) -> int:
    """Return the number (from one) of the range that a volume lies in."""
    return max(n for n, start in enumerate(STEPS, 1) if start <= max(calls, 1))


def price_points(offers: Sequence[Offer]) -> list[int]:
    """Return per range of volume the least that any volume in it can cost, in whole minor units, rounded down."""
    ends = (*STEPS[1:], MAX_QUANTITY)
    return [
        min((least for offer in offers if (least := _least(offer.terms, *span)) is not None), default=UNSERVED)
        for span in zip(STEPS, ends, strict=True)
    ]


def _least(terms: PriceTerms, start: int, end: int) -> int | None:
    costs = [monthly_cost(terms, calls) for calls in _lows(terms, start, end)]
    return min((int(cost) for cost in costs if cost is not None), default=None)


def _lows(terms: PriceTerms, start: int, end: int) -> Iterator[int]:
    """Yield where a price can be at its lowest: a cost only ever falls where a tier by volume begins."""
    yield start
    if terms.usage_model == "volume":
        months = months_of(terms)
        for tier in terms.tiers:
            if tier.up_to is not None:
                begins = (Fraction(terms.included_quantity or 0) + Fraction(tier.up_to)) / months
                # Both sides of it: a volume is whole, a bound need not be.
                yield from (calls for calls in (int(begins), int(begins) + 1) if start <= calls < end)
