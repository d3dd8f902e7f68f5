"""What plans cost at a volume of calls a month, and which of them is best at every volume. Exact, and pure.

Cards, the comparison, the order "cheapest" and an API's own page of prices all ask here, so they cannot differ. A plan
billed by the year, week or day is compared by the month: its period takes its share of the calls, and its price is
divided by the months in the period. Every amount comes from `rating.rate`. docs/algorithms/break-even.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from math import floor

from portal.kit.money import Money, round_half_up
from portal.pricing.rating import rate
from portal.pricing.types import Charge, Offer, PriceTerms

FARTHEST = 1_000_000_000
# A price per package has a step for every package. So many steps of all plans together are followed; the search then
# ends earlier and says where, because a page waits for it.
MOST_STEPS = 200
_MONTHS = {"day": Fraction(12 * 4, 1461), "week": Fraction(12 * 28, 1461), "month": Fraction(1), "year": Fraction(12)}
_Rank = tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True)
class Quote:
    """One offer at a volume.

    `charge` is of one billing period with `calls` in it; `exact` is per month, in minor units, before any rounding.
    `refused` calls of a month would not be served.
    """

    offer: Offer
    calls: Fraction
    charge: Charge
    exact: Fraction
    refused: Fraction

    @property
    def monthly(self) -> Money:
        """What is shown: the exact amount, rounded once.

        Not made from the rounded charge: rounded twice, of two plans the cheaper one could read as the dearer one.
        """
        return Money(round_half_up(self.exact), self.charge.total.currency)

    @property
    def is_spread(self) -> bool:
        """True when the billing period is not a month, so that the monthly figure is a share."""
        return months_of(self.offer.terms) != 1


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `first` calls a month, and until the next stretch, this offer is the best one."""

    first: int
    offer: Offer


@dataclass(frozen=True, slots=True)
class Stretches:
    """The best offer for every volume from 0 to `until`, whole calls."""

    found: tuple[Stretch, ...]
    until: int


def months_of(terms: PriceTerms) -> Fraction:
    """Return how many months one billing period lasts; a mean year has 1461/4 days and 12 months."""
    return _MONTHS[terms.interval] * terms.interval_count


def edges_of(terms: PriceTerms) -> list[int]:
    """Return the first whole number of calls a month beyond what is included and beyond every tier.

    Between two of these a cost is a straight line, but for the steps of packages.
    """
    months, included = months_of(terms), Fraction(terms.included_quantity or 0)
    edges = [included, *(included + Fraction(tier.up_to) for tier in terms.tiers if tier.up_to is not None)]
    return [floor(edge / months) + 1 for edge in edges]


def quote(offer: Offer, calls: int) -> Quote:
    """Return what an offer costs at `calls` a month."""
    months = months_of(offer.terms)
    in_period = calls * months
    charge = rate(offer.terms, in_period)
    first, *others = charge.lines  # there is one at least
    exact, refused = first.amount_exact, first.refused
    for line in others:
        exact, refused = exact + line.amount_exact, refused + line.refused
    if months != 1:
        exact, refused = exact / months, refused / months
    return Quote(offer, in_period, charge, exact, refused)


def best_of(quotes: Iterable[Quote]) -> Quote | None:
    """Return the quote that refuses the fewest calls and, among those, costs least; the first of equals."""
    return min(quotes, key=_rank, default=None)


def cheapest_of(quotes: Iterable[Quote]) -> Quote | None:
    """Return the best quote if it serves every call; None when all of them refuse some."""
    best = best_of(quotes)
    return best if best is not None and not best.refused else None


def best_offers(offers: Sequence[Offer], until: int = FARTHEST) -> Stretches:
    """Return which offer is best at every volume up to `until` calls a month.

    Exact to the call: between two bounds every cost is a straight line, so the order can change only where two lines
    meet, and there it is asked again. `until` comes back smaller when prices per package would need too many bounds.
    """
    return _best_offers(tuple(offers), until)


@lru_cache(maxsize=256)  # asked again with every volume somebody types; a new price makes another offer
def _best_offers(offers: tuple[Offer, ...], until: int) -> Stretches:
    if not offers:
        return Stretches((), until)
    until = min(until, _reach([offer.terms for offer in offers]))
    ranks = _Ranks(offers)
    bounds = sorted({0, *(bound for offer in offers for bound in _bounds(offer.terms, until))})
    found: list[Stretch] = []
    for first, following in zip(bounds, [*bounds[1:], until + 1], strict=True):
        for point in _points(ranks, first, following - 1):
            at = ranks.at(point)
            best = offers[at.index(min(at))]
            if not found or found[-1].offer is not best:
                found.append(Stretch(point, best))
    return Stretches(tuple(found), until)


def _rank(found: Quote) -> _Rank:
    return found.refused, found.exact


class _Ranks:
    """What each offer is ranked by at a volume, worked out once per volume."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        self._offers, self._known = offers, dict[int, list[_Rank]]()

    def at(self, calls: int) -> list[_Rank]:
        if calls not in self._known:
            self._known[calls] = [_rank(quote(offer, calls)) for offer in self._offers]
        return self._known[calls]


def _points(ranks: _Ranks, first: int, last: int) -> list[int]:
    """Return where the order of offers may change within a span on which every cost is a straight line."""
    points = {first, last}
    at_first, at_last = ranks.at(first), ranks.at(last)
    if last - first < 2 or _one_stays_ahead(at_first, at_last):
        return sorted(points)
    lines = [
        [_line(start, end, last - first) for start, end in zip(*pair, strict=True)]
        for pair in zip(at_first, at_last, strict=True)
    ]
    for one, other in combinations(lines, 2):
        for (start, slope), (start_2, slope_2) in zip(one, other, strict=True):
            if slope != slope_2:
                meeting = floor(first + (start_2 - start) / (slope - slope_2))
                points |= {meeting - 1, meeting, meeting + 1, meeting + 2}
    return sorted(point for point in points if first <= point <= last)


def _one_stays_ahead(at_first: list[_Rank], at_last: list[_Rank]) -> bool:
    """True when one offer is first at both ends in what is refused and in money: straight lines keep it there."""
    ahead = at_first.index(min(at_first))
    return all(
        ends[ahead][part] <= each[part] and (ends[ahead] < each or n >= ahead)
        for ends in (at_first, at_last)
        for n, each in enumerate(ends)
        for part in (0, 1)
    )


def _line(start: Fraction, end: Fraction, length: int) -> tuple[Fraction, Fraction]:
    return start, (end - start) / length if length else Fraction(0)


def _bounds(terms: PriceTerms, until: int) -> Iterable[int]:
    """Return the first whole number of calls a month of every straight piece of a cost but the first."""
    months, included = months_of(terms), Fraction(terms.included_quantity or 0)
    bounds = edges_of(terms)
    if terms.package_size is not None:
        steps = floor((until * months - included) / terms.package_size) + 1
        bounds += [floor((included + terms.package_size * n) / months) + 1 for n in range(1, max(steps, 0) + 1)]
    return (bound for bound in bounds if bound <= until)


def _reach(found: Sequence[PriceTerms]) -> int:
    """Return up to which volume the steps of all packages are few enough to follow."""
    steps_per_call = sum((months_of(each) / each.package_size for each in found if each.package_size), Fraction(0))
    free = min((each.included_quantity or 0 for each in found if each.package_size), default=0)
    return min(FARTHEST, free + floor(MOST_STEPS / steps_per_call)) if steps_per_call else FARTHEST
