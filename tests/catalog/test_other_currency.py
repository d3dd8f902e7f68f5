"""An API that is sold in another currency than the market's: every page says its prices, none sets them against euros."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs import recurring
from tests.factories import make_api, make_organisation, make_plan


@pytest.fixture
def market(app: Flask) -> FlaskClient:
    """Maps, sold in dollars with a free plan made in euros, and Tides, sold in euros for more."""
    osprey, harbour = make_organisation("Osprey", "osprey"), make_organisation("Harbour", "harbour")
    maps, tides = make_api(osprey, "Maps", slug="maps", category="geo"), make_api(harbour, "Tides", slug="tides")
    make_plan(maps, "free", amount=0, included_quantity=500)
    make_plan(maps, "pro", amount=1_200, included_quantity=50_000, currency="usd")
    make_plan(tides, "pro", amount=2_900, included_quantity=50_000)
    with app.app_context():
        recurring.tidy_the_market()
    return app.test_client()


def test_its_page_shows_its_plans_in_its_currency(market: FlaskClient) -> None:
    for page in ("", "/pricing", "/llms.txt"):
        text = market.get(f"/marketplace/osprey/maps{page}").text
        assert "€" not in text, page
    pricing = market.get("/marketplace/osprey/maps/pricing?calls=20000").text
    assert "$12.00" in pricing
    assert "$0.00" in pricing
    assert pricing.count('href="/subscribe/') == 2


def test_its_card_says_its_price(market: FlaskClient) -> None:
    assert "then from $12.00 a month" in market.get("/marketplace").text


def test_cheapest_first_does_not_take_dollars_for_euros(market: FlaskClient) -> None:
    page = market.get("/marketplace?sort=cheapest&calls=20000").text
    assert page.index("/marketplace/harbour/tides") < page.index("/marketplace/osprey/maps")
    assert "<b>€29.00 a month</b>" in page
    assert "<b>$12.00 a month</b>" not in page
    assert "No plan serves" not in page, "one does, in dollars"
    assert "in USD, not ranked" in page
    assert "Prices in other currencies than the euro are not converted" in page
    few = market.get("/marketplace?sort=cheapest&calls=100").text
    assert few.index("/marketplace/osprey/maps") < few.index("/marketplace/harbour/tides"), "nothing is less than all"


def test_the_comparison_calls_nothing_lowest_across_currencies(market: FlaskClient) -> None:
    both = market.get("/marketplace/compare?api=osprey/maps&api=harbour/tides&calls=20000").text
    assert "<b>$12.00</b>" in both
    assert "<b>€29.00</b>" in both
    assert "Lowest" not in both
    assert "The prices are in EUR, USD. Nothing is converted" in both
    alone = market.get("/marketplace/compare?api=harbour/tides&calls=20000").text
    assert "Nothing is converted" not in alone


def test_where_it_is_billed_in_dollars_is_said_before_anything_is_chosen(market: FlaskClient) -> None:
    assert "Sold and billed in USD" in market.get("/marketplace/osprey/maps/pricing").text
    assert "Sold and billed in" not in market.get("/marketplace/harbour/tides/pricing").text
    assert "Prices are in USD; nothing is converted." in market.get("/marketplace/osprey/maps/llms.txt").text
    assert "Prices are in EUR" in market.get("/marketplace/harbour/tides/llms.txt").text
