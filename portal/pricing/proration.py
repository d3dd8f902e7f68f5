"""Changing a recurring price within a period (rule R6). Metered and one-time charges are never prorated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from portal.kit.clock import as_utc
from portal.kit.money import round_half_up
from portal.kit.periods import Period

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Proration:
    """The two legs of a change, each rounded: what comes back (zero or less) and what is due (zero or more)."""

    credit: int
    debit: int

    @property
    def net(self) -> int:
        """Due now, or coming back when negative: the sum of the rounded legs."""
        return self.credit + self.debit


def remaining_share(period: Period, at: datetime) -> Fraction:
    """Return the share of the whole period that lies after `at`, exact, within [0, 1]."""
    left = as_utc(period.end) - as_utc(at)
    share = Fraction(left // _TICK, (as_utc(period.end) - as_utc(period.start)) // _TICK)
    return min(max(share, Fraction(0)), Fraction(1))


def unused(amount: int, remaining: Fraction) -> int:
    """Return the part of an amount that belongs to the rest of the period; what was used is `amount` minus this."""
    return round_half_up(amount * remaining)


def change_amount(old: int, new: int, period: Period, at: datetime) -> Proration:
    """Return the legs of replacing an amount per period at `at`; both amounts are net of their own discounts."""
    share = remaining_share(period, at)
    return Proration(credit=-unused(old, share), debit=unused(new, share))


def change_quantity(unit_amount: int, before: int, after: int, period: Period, at: datetime) -> int:
    """Return what a change of seats at `at` costs for the rest of the period: one line, rounded once."""
    return unused(unit_amount * (after - before), remaining_share(period, at))
