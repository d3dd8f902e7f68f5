"""The worked tables of docs/algorithms/pricing.md, row by row."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from portal.kit.money import round_half_up
from portal.kit.periods import Period
from portal.pricing.allocation import platform_fee, split
from portal.pricing.proration import change_amount, change_quantity
from portal.pricing.rating import rate
from tests.pricing.terms import terms_from
from tests.worked_tables import instant, worked_rows

PAGE = "pricing.md"


@pytest.mark.parametrize(("case", "terms", "quantity", "lines", "total"), worked_rows(PAGE, "Rating"))
def test_rating(case: str, terms: dict[str, Any], quantity: Any, lines: list[int], total: int) -> None:
    found = terms_from(terms)
    if isinstance(quantity, list):  # billed at the first quantity, then corrected to each later one
        totals = [0, *(rate(found, q, periods=0).total.amount for q in quantity)]
        assert [after - before for before, after in pairwise(totals)] == lines
        assert totals[-1] == total
        return
    charge = rate(found, quantity)
    assert [line.amount for line in charge.lines] == lines
    assert charge.total.amount == total
    assert charge.total.currency == found.currency


@pytest.mark.parametrize(
    ("case", "old", "new", "period", "at", "credit", "debit", "net"), worked_rows(PAGE, "Changing within a period")
)
def test_changes(case: str, old: int, new: int, period: list[str], at: str, credit: int, debit: int, net: int) -> None:
    found = change_amount(old, new, Period(instant(period[0]), instant(period[1])), instant(at))
    assert (found.credit, found.debit, found.net) == (credit, debit, net)


def test_more_seats_are_one_line() -> None:
    june = Period(instant("2026-06-01"), instant("2026-07-01"))
    assert change_quantity(1250, 4, 7, june, instant("2026-06-21")) == 1250
    assert change_quantity(1250, 7, 4, june, instant("2026-06-21")) == -1250


@pytest.mark.parametrize(("case", "amount", "weights", "parts"), worked_rows(PAGE, "Division"))
def test_division(case: str, amount: int, weights: list[int], parts: list[int]) -> None:
    assert split(amount, weights) == parts


@pytest.mark.parametrize(("case", "net", "basis_points", "fee"), worked_rows(PAGE, "Platform fee"))
def test_platform_fee(case: str, net: int, basis_points: int, fee: int) -> None:
    assert platform_fee(net, basis_points) == fee


@pytest.mark.parametrize(("case", "value", "result"), worked_rows(PAGE, "Rounding and currencies"))
def test_rounding(case: str, value: str, result: int) -> None:
    assert round_half_up(Decimal(value)) == result
