"""Splitting a whole amount without losing or inventing a minor unit, and the platform's share."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from portal.kit.money import round_half_up

_BASIS_POINTS = 10_000


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Split `amount` in proportion to `weights`: whole minor units that add up to it exactly (largest remainder).

    Each part is the exact share rounded down or up; of equal remainders the earlier line gets the unit. A negative
    amount splits like its opposite. Raises ValueError for a negative weight, or weights without a sum.
    """
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight is negative")
    if amount == 0:
        return [0] * len(weights)
    whole = sum(weights)
    if whole == 0:
        raise ValueError("there is nothing to split over")
    if amount < 0:
        return [-part for part in split(-amount, weights)]
    parts = [amount * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % whole), i))
    for i in by_remainder[: amount - sum(parts)]:
        parts[i] += 1
    return parts


def platform_fee(net: int, basis_points: int) -> int:
    """Return the platform's fee on `net` minor units (after discounts; before promotional credit and tax), rule R8.

    Taken once per invoice and seller, then split over its lines; a fee per line would round more than once.
    """
    return round_half_up(Fraction(net * basis_points, _BASIS_POINTS))
