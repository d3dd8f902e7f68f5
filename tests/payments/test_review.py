"""The page before the money: what it says, and what it says when the payment provider does not answer."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from portal.payments.syncing import Syncing
from tests.factories import make_plan
from tests.payments.conftest import Shop
from tests.stripe_world import StripeWorld

TERMS = {"terms": "1"}


def test_it_says_everything_and_the_button_names_the_amount(owner: FlaskClient, shop: Shop) -> None:
    page = owner.get(f"/subscribe/{shop.pro[0].id}")
    assert page.status_code == 200
    for words in ("Pay €29.00", "Due today", "Tidewater Labs", "every month until you cancel"):
        assert words in page.text


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ({"kind": "error", "status": 503}, 503, "did not answer. Nothing was charged"),
        ({"kind": "error", "status": 400}, 502, "refused to start"),
    ],
)
def test_a_provider_that_fails_is_said_on_the_same_page_and_a_second_press_works(
    owner: FlaskClient, shop: Shop, stripe_world: StripeWorld, fault: dict[str, object], status: int, words: str
) -> None:
    stripe_world.control(
        "faults", api=[{**fault, "path": "/v1/checkout", "method": "POST", "count": 5, "stored": False}]
    )
    answer = owner.post(f"/subscribe/{shop.pro[0].id}", data=TERMS)
    assert answer.status_code == status
    assert words in answer.text
    assert "Pay €29.00" in answer.text
    stripe_world.control("faults", method="DELETE")
    again = owner.post(f"/subscribe/{shop.pro[0].id}", data=TERMS)
    assert again.status_code == 303
    assert again.location.startswith(stripe_world.url)


def test_somebody_with_the_paid_plan_is_led_to_it(owner: FlaskClient, shop: Shop, bought: int) -> None:
    assert "You are on Pro already." in owner.get(f"/subscribe/{shop.pro[0].id}").text
    answer = owner.post(f"/subscribe/{shop.pro[0].id}", data=TERMS)
    assert answer.location == f"/subscriptions/{bought}"


def test_a_free_plan_needs_no_provider(owner: FlaskClient, shop: Shop, syncing: Syncing) -> None:
    assert syncing.livemode is False
    page = owner.get(f"/subscribe/{shop.free[0].id}")
    assert "Start free, no card" in page.text
    assert "/purchases/" in owner.post(f"/subscribe/{shop.free[0].id}", data=TERMS).location


def test_a_yearly_plan_is_estimated_at_a_month_of_what_it_holds(owner: FlaskClient, shop: Shop) -> None:
    plan, _price = make_plan(shop.api, "year", amount=24_000, interval="year", included_quantity=240_000)
    page = owner.get(f"/subscribe/{plan.id}").text
    assert 'value="20000"' in page
    assert "€20.00 a month with 20,000 calls" in page
