"""What an API costs at a volume of one's own."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from flask.testing import FlaskClient

from portal.catalog.models import Api
from portal.db import SYSTEM, scoped
from portal.pricing.models import PriceTier
from tests.catalog.conftest import Provider
from tests.catalog.test_pages import region
from tests.factories import make_plan

PAGE = "/marketplace/kestrel/exchange-rates"
Read = Callable[[str], str]


@pytest.fixture
def priced(kestrel: Provider) -> Api:
    """Free with 1,000 calls, Pro with 10,000 and 0.4 cent beyond."""
    kestrel.publish()
    with scoped(SYSTEM) as session:
        api = session.query(Api).one()
    make_plan(api, "pro", usage_model="per_unit")
    return api


def test_each_plan_is_priced_at_the_volume_and_says_why(priced: Api, body: Read) -> None:
    page = region(body(f"{PAGE}/pricing?calls=12345"), "calculator")
    assert "12,345 calls: 10,000 included, 2,345 × €0.004" in page
    assert "€38.38" in page
    assert "11,345" in page  # refused by the free plan
    assert page.index("Best here") > page.index("Pro")


def test_the_borders_between_plans_are_exact(priced: Api, body: Read) -> None:
    page = region(body(f"{PAGE}/pricing"), "calculator")
    assert "0 to 1,000" in page
    assert "1,001 and more" in page


@pytest.mark.parametrize("typed", ["12345", "12,345", "12.345", "12 345", "12'345", " 12345 "])
def test_thousands_may_be_separated(priced: Api, visitor: FlaskClient, typed: str) -> None:
    assert "€38.38" in visitor.get(f"{PAGE}/pricing", query_string={"calls": typed}).get_data(as_text=True)


@pytest.mark.parametrize("typed", ["-5", "1.5", "abc", "10000000000", "٣"])
def test_a_volume_nobody_can_mean_is_asked_for_again(priced: Api, visitor: FlaskClient, typed: str) -> None:
    answer = visitor.get(f"{PAGE}/pricing", query_string={"calls": typed})
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.get_data(as_text=True)
    assert "calls" in region(answer.get_data(as_text=True), "calculator")


@pytest.mark.parametrize("query", ["", "?calls=5000", "?calls=x"])
def test_the_calculation_equals_its_region_of_the_page(priced: Api, visitor: FlaskClient, query: str) -> None:
    page = visitor.get(f"{PAGE}/pricing{query}")
    fragment = visitor.get(f"{PAGE}/pricing{query}", headers={"HX-Request": "true"})
    assert region(page.get_data(as_text=True), "calculator") == region(fragment.get_data(as_text=True), "calculator")
    assert "<html" not in fragment.get_data(as_text=True)
    assert page.status_code == fragment.status_code


def test_a_price_with_steps_has_a_table(priced: Api, body: Read) -> None:
    tiers = [PriceTier(ordinal=1, up_to=Decimal(100), unit_amount=Decimal(10), flat_amount=500),
             PriceTier(ordinal=2, up_to=None, unit_amount=Decimal(5))]  # fmt: skip
    make_plan(priced, "steps", amount=0, included_quantity=50, usage_model="graduated", tiers=tiers)
    page = body(f"{PAGE}/pricing")
    assert "the first 50" in page
    assert "51 to 150" in page
    assert "151 and more" in page
    assert "€0.10 each" in page
    assert "€5.00" in page
