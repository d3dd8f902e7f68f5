"""The least that offers can cost, at a volume and between two."""

from __future__ import annotations

import random
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from portal.catalog.finding.costs import STEPS, UNSERVED, least_at, price_lines, price_points, step_of
from portal.pricing.rules import faults_of_terms
from portal.pricing.types import Offer, PriceTerms, Tier
from portal.pricing.volumes import cheapest_of, months_of, quote


def offer(terms: PriceTerms, plan_id: int = 1) -> Offer:
    return Offer(plan_id, "p", "P", "", (), None, 1, "Api", plan_id, terms, None)


def terms(**values: Any) -> PriceTerms:
    return PriceTerms(**({"amount": 0, "currency": "eur"} | values))


def test_an_api_without_offers_serves_nobody() -> None:
    assert price_points(price_lines([])) == [UNSERVED] * 6
    assert least_at([], 1) == UNSERVED


@pytest.mark.parametrize("seed", range(150))
def test_the_least_is_never_more_than_any_cost_and_at_a_volume_hardly_less(seed: int) -> None:
    chance = random.Random(seed)
    offers = [offer(random_terms(chance), n) for n in range(chance.randint(1, 3))]
    lines = price_lines(offers)
    points = price_points(lines)
    for calls in telling_volumes(offers, chance):
        cost, least = cheapest_of(quote(each, calls) for each in offers), least_at(lines, calls)
        assert (cost is None) == (least == UNSERVED), (calls, offers)
        assert points[step_of(calls) - 1] <= least, (calls, offers)
        if cost is not None:
            assert least <= cost.exact < least + 2 + dearest_package(offers), (calls, offers)


def telling_volumes(offers: list[Offer], chance: random.Random) -> set[int]:
    volumes = {1, *STEPS, *(step - 1 for step in STEPS[1:]), 10**12}
    volumes |= {chance.randint(1, 10 ** chance.randint(1, 9)) for _ in range(60)}
    for each in offers:
        for up_to in (Decimal(0), *(tier.up_to for tier in each.terms.tiers if tier.up_to is not None)):
            edge = int(up_to) + (each.terms.included_quantity or 0)
            months = months_of(each.terms)
            volumes |= {max(1, int(edge / months) + n) for n in (-1, 0, 1, 2)}
    return volumes


def dearest_package(offers: list[Offer]) -> Fraction:
    packages = [each.terms for each in offers if each.terms.package_size]
    return max((Fraction(sold.unit_amount or 0) / months_of(sold) for sold in packages), default=Fraction(0))


def test_a_line_ends_where_a_quota_does() -> None:
    monthly, yearly = terms(amount=900, included_quantity=500), terms(included_quantity=1_200, interval="year")
    lines = price_lines([offer(monthly), offer(yearly)])
    assert [least_at(lines, calls) for calls in (100, 101, 500, 501)] == [0, 900, 900, UNSERVED]
    assert price_points(lines) == [0, *[UNSERVED] * 5]


def random_terms(chance: random.Random) -> PriceTerms:
    model = chance.choice([None, "per_unit", "package", "graduated", "volume", "volume"])
    unit = Decimal(chance.choice(["0", "0.01", "0.4", "25"]))
    values: dict[str, Any] = {
        "amount": chance.choice([0, 900, 20_000]),
        "included_quantity": chance.choice([None, 0, 77, 1_000, 50_000]),
        "interval": chance.choice(["day", "week", "month", "month", "year"]),
    }
    if model in ("per_unit", "package"):
        values |= {"usage_model": model, "unit_amount": unit}
        values |= {"package_size": chance.choice([1, 7, 1000])} if model == "package" else {}
    elif model:
        bounds = sorted(chance.sample([10, 999, 1000, 5000, 100_000, 10**7], chance.randint(0, 3)))
        tiers = [
            Tier(Decimal(up), Decimal(chance.choice(["0.5", "0.1", "3"])), chance.choice([0, 500])) for up in bounds
        ]
        values |= {"usage_model": model, "tiers": (*tiers, Tier(None, unit, 0))}
    made = terms(**values)
    assert faults_of_terms(made) == ()
    return made
