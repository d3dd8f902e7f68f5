"""One price for one question: whoever says what a month costs at a volume says the same."""

from __future__ import annotations

import random
import re
from math import ceil
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from jobs import recurring
from portal.catalog.models import Api
from portal.db import SYSTEM, scoped
from portal.kit.periods import Interval
from portal.pricing.queries import list_offers
from portal.pricing.volumes import quote
from tests.catalog.test_costs import random_terms
from tests.catalog.test_pages import region
from tests.factories import make_api, make_organisation, make_plan

VOLUMES = (1, 335, 1_000, 123_457, 10**9)
PRICE = r"€([\d,]+\.\d\d)"


def sell(api: Api, code: str, chance: random.Random) -> None:
    terms = random_terms(chance)
    names = ("amount", "included_quantity", "interval", "usage_model", "unit_amount", "package_size", "tiers")
    values: dict[str, Any] = {name: getattr(terms, name) for name in names}
    make_plan(api, code, **values)


def on_the_card(client: FlaskClient, name: str, volume: int) -> tuple[str, str] | None:
    page = client.get(f"/marketplace?sort=cheapest&calls={volume}").get_data(as_text=True)
    card = next(part for part in page.split("data-card") if f"/marketplace/tide/{name}" in part)
    found = re.search(rf"<b>{PRICE} a month</b> <span[^>]*>at [\d,]+ calls? with ([^<]+)</span>", card)
    return (found[1], found[2]) if found else None


def on_its_page(client: FlaskClient, name: str, volume: int) -> tuple[str, str] | None:
    part = region(client.get(f"/marketplace/tide/{name}/pricing?calls={volume}").get_data(as_text=True), "calculator")
    best = re.search(rf'data-announce="At [\d,]+ calls a month: ([^"]+), {PRICE}"', part)
    assert best
    row = next(row for row in part.split("<tr>") if "Best here" in row)
    serves = re.search(r'data-label="Refused"[^>]*>\s*–', row)
    return (best[2], best[1]) if serves else None


def in_the_comparison(client: FlaskClient, name: str, volume: int) -> tuple[str, str] | None:
    page = client.get(f"/marketplace/compare?api=tide/{name}&calls={volume}").get_data(as_text=True)
    row = next(row for row in page.split("<tr>") if "Cheapest a month" in row)
    found = re.search(rf"<b>{PRICE}</b> with ([^<]+?)\s*</td>", row)
    return (found[1], found[2]) if found else None


@pytest.mark.parametrize("seed", range(8))
def test_card_page_and_comparison_name_the_same_plan_and_price(app: Flask, visitor: FlaskClient, seed: int) -> None:
    chance = random.Random(seed)
    api = make_api(make_organisation("Tide", "tide"), "Tables", slug="tables")
    for code in ("alpha", "beta", "gamma")[: chance.randint(1, 3)]:
        sell(api, code, chance)
    if chance.random() < 0.5:
        recurring.tidy_the_market()
    for volume in (*VOLUMES, chance.randint(1, 10**6)):
        page = on_its_page(visitor, "tables", volume)
        assert on_the_card(visitor, "tables", volume) == page, volume
        assert in_the_comparison(visitor, "tables", volume) == page, volume


def test_a_price_by_the_year_reads_its_twelfth_everywhere(app: Flask, visitor: FlaskClient) -> None:
    api = make_api(make_organisation("Tide", "tide"), "Tables", slug="tables")
    make_plan(api, "yearly", amount=10_000, interval="year", included_quantity=None)
    assert on_its_page(visitor, "tables", 10_000) == ("8.33", "Yearly")
    assert on_the_card(visitor, "tables", 10_000) == ("8.33", "Yearly")
    assert in_the_comparison(visitor, "tables", 10_000) == ("8.33", "Yearly")


@pytest.mark.parametrize("interval", ["day", "week", "month", "year"])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("amount", [48, 336, 3_001, 120_001])
def test_the_facet_judges_the_fee_that_the_page_divides(
    app: Flask, interval: Interval, count: int, amount: int
) -> None:
    api = make_api(make_organisation(), "Tables")
    make_plan(api, amount=amount, interval=interval, interval_count=count)
    with scoped(SYSTEM) as session:
        fee = session.scalar(select(Api.monthly_fee).where(Api.id == api.id))
        assert api.product_id is not None
        [offer] = list_offers(api.product_id)
    assert fee == ceil(quote(offer, 0).exact)
