"""What an API costs at least, at a volume and between two. Pure; every price comes from `portal.pricing.volumes`.

Ranking a hundred thousand APIs by exact price would price them all. So straight lines that lie below each one's cost are
kept, and the least of them for six ranges of volume; a list is read in the order of its range, put in the order of the
lines at the volume, and priced exactly until nothing further can be cheaper.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from math import floor
from typing import NamedTuple

from portal.pricing.rules import HOME_CURRENCY, MAX_QUANTITY
from portal.pricing.types import Offer
from portal.pricing.volumes import Quote, edges_of, months_of, quote

USUAL_VOLUME = 10_000
# Where the ranges start; the last one has no end.
STEPS = (1, 1_000, 10_000, 100_000, 1_000_000, 10_000_000)
UNSERVED = 2**63 - 1


class Line(NamedTuple):
    """A straight line that no cost of an offer lies below, from `first` to `last` calls a month, in whole minor units."""

    first: int
    last: int
    at_first: int
    at_last: int

    def at(self, calls: int) -> int:
        """Return the line at a volume on it, rounded down."""
        if self.first == self.last:
            return self.at_first
        return self.at_first + (self.at_last - self.at_first) * (calls - self.first) // (self.last - self.first)


def step_of(calls: int) -> int:
    """Return the number (from one) of the range that a volume lies in."""
    return max(n for n, start in enumerate(STEPS, 1) if start <= max(calls, 1))


def rankable(offers: Iterable[Offer]) -> list[Offer]:
    """Return the offers whose costs can be set against those of other APIs: in the home currency, or for nothing."""
    return [offer for offer in offers if offer.is_free or offer.terms.currency == HOME_CURRENCY]


def price_lines(offers: Iterable[Offer]) -> list[Line]:
    """Return lines below what offers cost: the lowest is less than two minor units away, and a package where those are sold.

    Where no line is, no offer serves every call.
    """
    return [line for offer in rankable(offers) for line in _lines(offer)]


def price_points(lines: Sequence[Line]) -> list[int]:
    """Return per range of volume the least that lines fall to in it."""
    lasts = (*(step - 1 for step in STEPS[1:]), MAX_QUANTITY)
    return [_least_between(lines, *span) for span in zip(STEPS, lasts, strict=True)]


def least_at(lines: Iterable[Sequence[int]], calls: int) -> int:
    """Return what the lowest of lines, as they are kept, says at a volume; `UNSERVED` where none is."""
    return min((Line(*line).at(calls) for line in lines if line[0] <= calls <= line[1]), default=UNSERVED)


def _lines(offer: Offer) -> Iterator[Line]:
    firsts = sorted({1, *(edge for edge in edges_of(offer.terms) if 1 < edge <= MAX_QUANTITY)})
    for first, following in zip(firsts, [*firsts[1:], MAX_QUANTITY + 1], strict=True):
        ends = quote(offer, first), quote(offer, following - 1)
        if not ends[0].refused:
            yield Line(first, following - 1, *(floor(each.exact - _unused(each)) for each in ends))


def _unused(found: Quote) -> Fraction:
    """Return what the unused part of the last package costs: without it, a price per package is a straight line."""
    unused = [
        (line.packages - line.billable / line.package_size) * Fraction(line.unit_amount or 0)
        for line in found.charge.lines
        if line.packages is not None and line.package_size
    ]
    return sum(unused, Fraction(0)) / months_of(found.offer.terms)


def _least_between(lines: Sequence[Line], start: int, end: int) -> int:
    met = [(line, max(line.first, start), min(line.last, end)) for line in lines]
    return min((min(line.at(low), line.at(high)) for line, low, high in met if low <= high), default=UNSERVED)
