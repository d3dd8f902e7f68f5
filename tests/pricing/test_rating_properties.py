"""What holds for every price and every quantity."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_HALF_UP, Context, Decimal, localcontext
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from portal.kit.money import round_half_up
from portal.pricing.allocation import platform_fee, split
from portal.pricing.rating import rate
from portal.pricing.rules import compare, faults_of_terms
from portal.pricing.types import Offer, PriceTerms, Tier

amounts = st.sampled_from([0, 50, 2900]) | st.integers(50, 99_999_999)
units = st.decimals(0, 1000, places=6)
included = st.none() | st.integers(0, 2_000_000)
quantities = st.integers(0, 10_000_000) | st.decimals(0, 100_000, places=3)


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    bounds = sorted(draw(st.sets(st.integers(1, 1_000_000), max_size=5)))
    return tuple(
        Tier(None if bound is None else Decimal(bound), draw(units), draw(st.integers(0, 10_000)))
        for bound in [*bounds, None]
    )


@st.composite
def terms(draw: st.DrawFn, *models: str | None) -> PriceTerms:
    model = draw(st.sampled_from(models or (None, "per_unit", "package", "graduated", "volume")))
    return PriceTerms(
        amount=draw(amounts),
        currency="eur",
        included_quantity=draw(included),
        usage_model=model,  # type: ignore[arg-type]
        unit_amount=draw(units) if model in ("per_unit", "package") else None,
        package_size=draw(st.integers(1, 100_000)) if model == "package" else None,
        tiers=draw(tiers()) if model in ("graduated", "volume") else (),
    )


@given(terms(), quantities)
def test_every_valid_price_is_rated_and_its_lines_add_up(price: PriceTerms, quantity: int | Decimal) -> None:
    assert faults_of_terms(price) == ()
    charge = rate(price, quantity)
    assert charge.total.amount == sum(line.amount for line in charge.lines)
    for line in charge.lines:
        assert line.amount == round_half_up(line.amount_exact)
        assert abs(line.amount - line.amount_exact) <= Fraction(1, 2)
        if line.kind == "usage":
            assert line.quantity == line.included + line.billable + line.refused == Fraction(quantity)
            assert not (line.billable and line.refused)
        if line.tiers:
            assert sum(share.amount_exact for share in line.tiers) == line.amount_exact
            assert sum(share.quantity for share in line.tiers) == line.billable


@given(terms("per_unit", "package", "graduated"), quantities, quantities)
def test_more_calls_never_cost_less_unless_priced_by_volume(
    price: PriceTerms, one: int | Decimal, other: int | Decimal
) -> None:
    fewer, more = sorted([one, other])
    assert rate(price, fewer).total.amount <= rate(price, more).total.amount


@given(terms(), quantities)
def test_sixty_digit_decimals_agree_with_fractions(price: PriceTerms, quantity: int | Decimal) -> None:
    """A second implementation, in another arithmetic and another shape: unit by tier boundaries, rounded at the end."""
    with localcontext(Context(prec=60, rounding=ROUND_HALF_UP)):
        billable = max(Decimal(quantity) - (price.included_quantity or 0), Decimal(0))
        assert rate(price, quantity, periods=0).total.amount == int(oracle(price, billable).quantize(Decimal(1)))


def oracle(price: PriceTerms, billable: Decimal) -> Decimal:
    zero = Decimal(0)
    if price.usage_model == "per_unit":
        return billable * (price.unit_amount or zero)
    if price.usage_model == "package":
        packages = (billable / Decimal(price.package_size or 1)).to_integral_value(ROUND_CEILING)
        return packages * (price.unit_amount or zero)
    starts = [zero, *(tier.up_to for tier in price.tiers if tier.up_to is not None)]
    steps = [(start, tier) for start, tier in zip(starts, price.tiers, strict=False) if billable > start]
    if price.usage_model == "volume" and steps:
        tier = steps[-1][1]
        return billable * tier.unit_amount + tier.flat_amount
    ends = [tier.up_to if tier.up_to is not None else billable for _start, tier in steps]
    return sum(
        (
            (min(end, billable) - start) * tier.unit_amount + tier.flat_amount
            for (start, tier), end in zip(steps, ends, strict=True)
        ),
        zero,
    )


@given(terms(), st.integers(-1000, 0))
def test_nothing_used_costs_the_plan_fee_alone(price: PriceTerms, quantity: int) -> None:
    assert rate(price, quantity).total.amount == price.amount


@given(st.integers(-10_000_000, 10_000_000), st.lists(st.integers(0, 1_000_000), min_size=1, max_size=12))
def test_division_loses_and_invents_nothing(amount: int, weights: list[int]) -> None:
    if sum(weights) == 0:
        weights[0] = 1
    parts = split(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(amount * weight, sum(weights))) < 1
        if abs(amount) <= sum(weights):
            assert abs(part) <= weight  # a discount never exceeds the line it is taken from


@given(st.integers(0, 10**12), st.integers(0, 10_000))
def test_the_fee_never_exceeds_what_was_paid(net: int, basis_points: int) -> None:
    assert 0 <= platform_fee(net, basis_points) <= net


@given(st.lists(terms(), min_size=1, max_size=6), quantities)
def test_comparing_puts_who_serves_every_call_first_and_then_the_cheapest(
    prices: list[PriceTerms], quantity: int | Decimal
) -> None:
    offers = [Offer(n, f"p{n}", "P", "", (), None, 1, "Rates", n, price, None) for n, price in enumerate(prices)]
    ranked = compare(offers, quantity)
    assert {found.offer.plan_id for found in ranked} == set(range(len(prices)))
    keys = [(found.refused, found.charge.total.amount) for found in ranked]
    assert keys == sorted(keys)
    assert all(found.charge == rate(found.offer.terms, quantity) for found in ranked)
