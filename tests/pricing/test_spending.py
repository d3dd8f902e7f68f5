"""How many calls a sum of money pays for, held against counting up one by one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from portal.pricing.rating import rate
from portal.pricing.rules import MAX_QUANTITY, faults_of_terms
from portal.pricing.spending import calls_within, suggested_limit
from portal.pricing.types import PriceTerms, Tier
from tests.pricing.terms import terms_from

PRO = {"amount": 2900, "included_quantity": 10_000, "usage_model": "per_unit", "unit_amount": "0.3"}
STEPS = {"usage_model": "graduated", "tiers": [[1000, 0, 0], [10000, 0.5, 0], [100000, 0.3, 0], [None, 0.1, 0]]}
VOLUME = {"usage_model": "volume", "tiers": [[100, 10, 500], [1000, 8, 250], [None, 5, 0]]}
PACKS = {"usage_model": "package", "unit_amount": "900", "package_size": 1000, "included_quantity": 5000}
FARTHEST_COUNTED = 1000

units = st.sampled_from([Decimal(0), Decimal("0.3"), Decimal("0.49"), Decimal("0.5"), Decimal(1)]) | st.decimals(
    Decimal("0.01"), 40, places=2
)


@st.composite
def small_terms(draw: st.DrawFn) -> PriceTerms:
    """Prices whose steps all lie within what can be counted."""
    model = draw(st.sampled_from(["per_unit", "package", "graduated", "volume"]))
    bounds = sorted(draw(st.sets(st.decimals(Decimal("0.5"), 400, places=1), max_size=4)))
    steps = tuple(Tier(bound, draw(units), draw(st.sampled_from([0, 0, 7, 500]))) for bound in [*bounds, None])
    return PriceTerms(
        amount=draw(st.sampled_from([0, 50, 2900])),
        currency="eur",
        included_quantity=draw(st.none() | st.integers(0, 300)),
        usage_model=model,  # type: ignore[arg-type]
        unit_amount=draw(units) if model in ("per_unit", "package") else None,
        package_size=draw(st.integers(1, 90)) if model == "package" else None,
        tiers=steps if model in ("graduated", "volume") else (),
    )


def cost(terms: PriceTerms, calls: int) -> Fraction:
    return sum((line.amount_exact for line in rate(terms, calls).lines), Fraction(0))


def counted_up(terms: PriceTerms, amount: int) -> int | None:
    for calls in count():
        if calls > FARTHEST_COUNTED:
            return None
        if cost(terms, calls) > amount:
            return calls - 1
    return None


@settings(deadline=None)
@given(small_terms(), st.integers(0, 6000))
def test_it_is_what_counting_up_finds(terms: PriceTerms, beyond_the_fee: int) -> None:
    assert faults_of_terms(terms) == ()
    amount = terms.amount + beyond_the_fee
    found, counted = calls_within(terms, amount), counted_up(terms, amount)
    if counted is None:
        assert found is None or found >= FARTHEST_COUNTED
    else:
        assert found == counted


@given(small_terms(), st.integers(0, 10**8))
def test_one_call_more_costs_more_than_the_limit(terms: PriceTerms, beyond_the_fee: int) -> None:
    amount = terms.amount + beyond_the_fee
    found = calls_within(terms, amount)
    assume(found is not None)
    assert found is not None
    assert cost(terms, found) <= amount < cost(terms, found + 1)
    assert rate(terms, found).total.amount <= amount  # what the invoice says, rounded


@given(small_terms(), st.integers(0, 10**6), st.integers(0, 10**6))
def test_more_money_never_pays_for_fewer_calls(terms: PriceTerms, some: int, more: int) -> None:
    low, high = (calls_within(terms, terms.amount + extra) for extra in (some, some + more))
    assert high is None or (low is not None and low <= high)


@pytest.mark.parametrize(
    ("written", "amount", "calls"),
    [
        (PRO, 5800, 19_666),
        (PRO, 2900, 10_000),
        (PRO, 10_000, 33_666),
        ({**PRO, "amount": 0, "included_quantity": None}, 0, 0),
        (STEPS, 0, 1000),
        (STEPS, 4500, 10_000),
        (VOLUME, 1500, 156),
        (VOLUME, 1499, 99),
        (VOLUME, 8249, 999),
        (VOLUME, 8250, 1650),
        (PACKS, 0, 5000),
        (PACKS, 899, 5000),
        (PACKS, 900, 6000),
        ({"usage_model": "package", "unit_amount": "900", "package_size": 1000, "currency": "jpy"}, 1000, 1000),
    ],
)
def test_worked_examples(written: dict[str, Any], amount: int, calls: int) -> None:
    terms = terms_from(written)
    assert calls_within(terms, amount) == counted_up_to(terms, amount, calls) == calls


def counted_up_to(terms: PriceTerms, amount: int, calls: int) -> int:
    """Return `calls` after looking at both sides of it, so that no example can be written wrongly."""
    assert cost(terms, calls) <= amount
    assert cost(terms, calls + 1) > amount
    return calls


@pytest.mark.parametrize(
    "written",
    [
        {"amount": 2900},
        {"amount": 2900, "included_quantity": 1000},
        {**PRO, "unit_amount": "0"},
        {"usage_model": "graduated", "tiers": [[100, 10, 0], [None, 0, 0]]},
        {"usage_model": "volume", "tiers": [[100, 10, 0], [None, 0, 0]]},
    ],
)
def test_where_calls_stop_costing_no_volume_reaches_the_limit(written: dict[str, Any]) -> None:
    assert calls_within(terms_from(written), 2900) is None


def test_what_costs_more_than_the_largest_volume_counts_as_never_reached() -> None:
    cheap = replace(terms_from(PRO), unit_amount=Decimal("0.000000000001"), included_quantity=0)
    assert rate(cheap, MAX_QUANTITY).total.amount < 2902
    assert calls_within(cheap, 2902) is None


def test_less_than_the_fee_is_no_limit() -> None:
    with pytest.raises(ValueError, match="before the first call"):
        calls_within(terms_from(PRO), 2899)


def test_twice_the_fee_is_suggested_and_nothing_where_there_is_none() -> None:
    assert suggested_limit(terms_from(PRO)) == 5800
    assert suggested_limit(terms_from({**PRO, "amount": 0})) is None
