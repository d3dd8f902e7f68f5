"""Which plan is best at which volume: exact, against trying every volume there is."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.kit.periods import Interval
from portal.pricing.rating import rate
from portal.pricing.types import Offer, PriceTerms
from portal.pricing.volumes import MOST_STEPS, best_of, best_offers, cheapest_of, quote
from tests.pricing.terms import terms_from
from tests.worked_tables import worked_rows

UNTIL = 400


def offer(plan_id: int, terms: PriceTerms) -> Offer:
    return Offer(plan_id, f"p{plan_id}", f"Plan {plan_id}", "", (), None, 1, "API", plan_id, terms, None)


def offers(*written: dict[str, Any]) -> list[Offer]:
    return [offer(n, terms_from(each)) for n, each in enumerate(written, start=1)]


def tried(sold: list[Offer], until: int) -> list[tuple[int, int]]:
    """What trying every volume finds, with the rule written down a second time."""
    found: list[tuple[int, int]] = []
    for calls in range(until + 1):
        charges = [(rate(each.terms, calls), each) for each in sold]
        _, _, best = min(
            (
                (sum(line.refused for line in charge.lines), sum(line.amount_exact for line in charge.lines), n)
                for n, (charge, _each) in enumerate(charges)
            ),
        )
        if not found or found[-1][1] != sold[best].plan_id:
            found.append((calls, sold[best].plan_id))
    return found


units = st.decimals(0, 3, places=2)
calls = st.integers(0, 10**9)
INTERVALS: tuple[Interval, ...] = ("day", "week", "month", "year")


@st.composite
def small_terms(draw: st.DrawFn) -> PriceTerms:
    model = draw(st.sampled_from([None, "per_unit", "package", "graduated", "volume"]))
    bounds = sorted(draw(st.sets(st.integers(1, 200) | st.sampled_from(["10.5", "99.5"]), max_size=3)), key=float)
    written: dict[str, Any] = {
        "amount": draw(st.sampled_from([0, 50, 100, 300])),
        "included_quantity": draw(st.none() | st.integers(0, 150)),
        "usage_model": model,
    }
    if model in ("per_unit", "package"):
        written["unit_amount"] = str(draw(units) * (20 if model == "package" else 1))
    if model == "package":
        written["package_size"] = draw(st.integers(1, 50))
    if model in ("graduated", "volume"):
        written["tiers"] = [[bound, str(draw(units)), draw(st.sampled_from([0, 40]))] for bound in [*bounds, None]]
    return terms_from(written)


@settings(max_examples=150, deadline=None)
@given(st.lists(small_terms(), min_size=1, max_size=4))
def test_the_borders_are_those_that_trying_every_volume_finds(found: list[PriceTerms]) -> None:
    sold = [offer(n, terms) for n, terms in enumerate(found, start=1)]
    best = best_offers(sold, UNTIL)
    assert [(stretch.first, stretch.offer.plan_id) for stretch in best.found] == tried(sold, best.until)
    assert best.until == UNTIL or any(terms.package_size for terms in found)


@settings(max_examples=60, deadline=None)
@given(st.lists(small_terms(), min_size=2, max_size=4), st.integers(0, 10**6))
def test_what_is_called_best_at_a_volume_is_what_its_stretch_says(found: list[PriceTerms], calls: int) -> None:
    sold = [offer(n, terms) for n, terms in enumerate(found, start=1)]
    stretches = best_offers(sold)
    if calls <= stretches.until:
        there = [stretch.offer for stretch in stretches.found if stretch.first <= calls][-1]
        best = best_of(quote(each, calls) for each in sold)
        assert best is not None
        assert best.offer == there  # equal offers may be other objects: the borders are remembered


@pytest.mark.parametrize(("_case", "plans", "best_from"), worked_rows("break-even.md", "Borders"))
def test_the_worked_borders(_case: str, plans: list[dict[str, Any]], best_from: list[list[int]]) -> None:
    stretches = best_offers(offers(*plans))
    assert [[stretch.first, stretch.offer.plan_id] for stretch in stretches.found] == best_from


@pytest.mark.parametrize(("_case", "terms", "calls", "exact", "figure"), worked_rows("break-even.md", "Figures"))
def test_the_worked_figures(_case: str, terms: dict[str, Any], calls: int, exact: str, figure: int) -> None:
    found = quote(offers(terms)[0], calls)
    assert (found.exact, found.monthly.amount) == (Fraction(exact), figure)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(small_terms(), min_size=2, max_size=4), st.lists(st.sampled_from(INTERVALS), min_size=4, max_size=4), calls
)
def test_figures_never_contradict_the_order(found: list[PriceTerms], spans: list[Interval], volume: int) -> None:
    sold = [replace(terms, interval=span) for terms, span in zip(found, spans, strict=False)]
    ranked = sorted((quote(offer(n, terms), volume) for n, terms in enumerate(sold)), key=lambda each: each.exact)
    figures = [each.monthly.amount for each in ranked]
    assert figures == sorted(figures)


@settings(max_examples=100, deadline=None)
@given(small_terms(), calls)
def test_a_plan_by_the_month_reads_what_its_invoice_says(terms: PriceTerms, volume: int) -> None:
    found = quote(offer(1, terms), volume)
    assert found.monthly == rate(terms, volume).total


def test_the_cheapest_offer_serves_every_call() -> None:
    sold = offers({"included_quantity": 100}, {"amount": 2_900, "included_quantity": 10_000})

    def cheapest(calls: int) -> int | None:
        found = cheapest_of(quote(each, calls) for each in sold)
        return found.offer.plan_id if found else None

    assert [cheapest(calls) for calls in (0, 100, 101, 10_000, 10_001)] == [1, 1, 2, 2, None]
    assert cheapest_of([]) is None


def test_a_price_per_small_package_is_followed_only_so_far_and_says_where() -> None:
    sold = offers({"usage_model": "package", "unit_amount": "5", "package_size": 10}, {"amount": 2900})
    assert best_offers(sold).until == 10 * MOST_STEPS


def test_a_plan_by_the_year_is_compared_by_the_month() -> None:
    yearly, monthly = offers(
        {
            "amount": 12_000,
            "interval": "year",
            "included_quantity": 12_000,
            "usage_model": "per_unit",
            "unit_amount": "1",
        },
        {"amount": 1_500, "included_quantity": 1_000, "usage_model": "per_unit", "unit_amount": "1"},
    )
    assert quote(yearly, 1_000).monthly.amount == 1_000
    assert quote(yearly, 1_000).charge.total.amount == 12_000
    assert quote(yearly, 1_500).monthly.amount == 1_500
    assert quote(monthly, 1_500).monthly.amount == 2_000
    assert quote(yearly, 1_500).is_spread
    assert not quote(monthly, 1_500).is_spread


def test_calls_beyond_a_quota_are_refused_and_that_counts_before_money() -> None:
    free, pro = offers({"included_quantity": 1_000}, {"amount": 2_900, "included_quantity": 5_000})
    assert quote(free, 1_500).refused == Fraction(500)
    best = best_of([quote(free, 1_500), quote(pro, 1_500)])
    assert best is not None
    assert best.offer is pro
    assert best_of([]) is None
