"""The least an API can cost between two volumes. Pure; every price comes from `portal.pricing.volumes`.

Ranking a hundred thousand APIs by exact price would price them all. So the least each can cost is kept for six ranges
of volume; a list is walked in that order and priced exactly until nothing further can be cheaper.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import floor

from portal.pricing.rules import MAX_QUANTITY
from portal.pricing.types import Offer, PriceTerms
from portal.pricing.volumes import months_of, quote

USUAL_VOLUME = 10_000
# Where the ranges start; the last one has no end.
STEPS = (1, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
UNSERVED = 2**63 - 1


def step_of(calls: int) -> int:
    """Return the number (from one) of the range that a volume lies in."""
    return max(n for n, start in enumerate(STEPS, 1) if start <= max(calls, 1))


def price_points(offers: Sequence[Offer]) -> list[int]:
    """Return per range of volume the least that any volume in it can cost, in whole minor units, rounded down."""
    ends = (*STEPS[1:], MAX_QUANTITY)
    return [
        min((least for offer in offers if (least := _least(offer, *span)) is not None), default=UNSERVED)
        for span in zip(STEPS, ends, strict=True)
    ]


def _least(offer: Offer, start: int, end: int) -> int | None:
    quotes = [quote(offer, calls) for calls in _lows(offer.terms, start, end)]
    return min((floor(each.exact) for each in quotes if not each.refused), default=None)


def _lows(terms: PriceTerms, start: int, end: int) -> Iterator[int]:
    """Yield where a price can be at its lowest: a cost only ever falls where a tier by volume begins."""
    yield start
    if terms.usage_model == "volume":
        months = months_of(terms)
        for tier in terms.tiers:
            if tier.up_to is not None:
                begins = floor((Fraction(terms.included_quantity or 0) + Fraction(tier.up_to)) / months) + 1
                if start <= begins < end:
                    yield begins
