"""The least that offers can cost between two volumes."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from portal.catalog.finding.costs import STEPS, UNSERVED, price_points, step_of
from portal.pricing.rules import faults_of_terms
from portal.pricing.types import Offer, PriceTerms, Tier
from portal.pricing.volumes import cheapest_of, quote


def offer(terms: PriceTerms, plan_id: int = 1) -> Offer:
    return Offer(plan_id, "p", "P", "", (), None, 1, "Api", plan_id, terms, None)


def terms(**values: Any) -> PriceTerms:
    return PriceTerms(**({"amount": 0, "currency": "eur"} | values))


def test_an_api_without_offers_serves_nobody() -> None:
    assert price_points([]) == [UNSERVED] * 6


@pytest.mark.parametrize("seed", range(150))
def test_the_least_of_a_range_is_never_more_than_any_cost_in_it(seed: int) -> None:
    chance = random.Random(seed)
    offers = [offer(random_terms(chance), n) for n in range(chance.randint(1, 3))]
    least = price_points(offers)
    volumes = {
        1,
        *STEPS,
        *(step - 1 for step in STEPS[1:]),
        *(chance.randint(1, 10 ** chance.randint(1, 9)) for _ in range(60)),
    }
    for tiered in offers:
        for tier in tiered.terms.tiers:
            if tier.up_to is not None:
                edge = int(tier.up_to) + (tiered.terms.included_quantity or 0)
                volumes |= {max(1, edge + n) for n in (-1, 0, 1, 2)} | {max(1, edge // 12 + n) for n in (0, 1)}
    for calls in volumes:
        cost = cheapest_of(quote(each, calls) for each in offers)
        assert cost is None or least[step_of(calls) - 1] <= cost.exact, (calls, offers)


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
