"""An API that is sold in dollars: bought in dollars, and not beside what is paid in euros."""

from __future__ import annotations

import re

from flask.testing import FlaskClient
from sqlalchemy import select

from portal.db import SYSTEM, scoped
from portal.payments.models import Purchase
from portal.payments.settling import settle_one
from portal.payments.syncing import Syncing
from portal.pricing.models import Plan, Price
from portal.subscriptions.models import Subscription
from tests.factories import make_api, make_organisation, make_plan
from tests.payments.conftest import Shop
from tests.stripe_world import StripeWorld

TERMS = {"terms": "1"}


def test_a_plan_in_dollars_is_bought_in_dollars(
    owner: FlaskClient, shop: Shop, syncing: Syncing, stripe_world: StripeWorld
) -> None:
    plan, price = _dollars()
    page = owner.get(f"/subscribe/{plan.id}").text
    assert "$35.00" in page
    assert "€" not in page
    led = owner.post(f"/subscribe/{plan.id}", data=TERMS)
    assert led.status_code == 303
    stripe_world.pay(led.headers["Location"])
    assert settle_one(_latest(shop).id, syncing)
    with scoped(SYSTEM) as session:
        bought = session.scalars(select(Subscription).where(Subscription.account_id == shop.account.id)).one()
    assert (bought.status, bought.price_id) == ("active", price.id)
    charged = stripe_world.api("GET", f"subscriptions/{bought.stripe_subscription_id}")["items"]["data"][0]["price"]
    assert (charged["currency"], charged["unit_amount"]) == ("usd", 3500)
    assert "$35.00" in _words(owner.get("/subscriptions").text)


def test_beside_a_subscription_in_euros_it_is_refused_before_anything_happens(
    owner: FlaskClient, shop: Shop, bought: int
) -> None:
    plan, _price = _dollars()
    before = _latest(shop).id
    refused = owner.post(f"/subscribe/{plan.id}", data=TERMS)
    assert (bought > 0, refused.status_code) == (True, 409)
    assert "Your organisation pays in EUR" in refused.text
    assert _latest(shop).id == before


def test_it_is_said_before_anybody_chooses_to_pay(owner: FlaskClient, shop: Shop, bought: int) -> None:
    plan, _price = _dollars()
    page = owner.get(f"/subscribe/{plan.id}").text
    assert bought > 0
    assert "Your organisation pays in EUR" in page
    assert "This plan in USD can be bought once those subscriptions have ended" in page
    assert 'name="terms"' not in page, "there is nothing to press"
    same = make_plan(make_api(make_organisation("Wren"), "Streets"), "pro", amount=900)[0]
    assert "Your organisation pays in" not in owner.get(f"/subscribe/{same.id}").text


def test_a_free_plan_of_such_an_api_can_be_had_beside_anything(owner: FlaskClient, shop: Shop, bought: int) -> None:
    api = make_api(make_organisation("Tern"), "Tides")
    make_plan(api, "pro", amount=3_500, currency="usd")
    free, _price = make_plan(api, "free", amount=0, included_quantity=500)
    assert (bought > 0, owner.post(f"/subscribe/{free.id}", data=TERMS).status_code) == (True, 303)
    assert _latest(shop).status == "complete"


def _dollars() -> tuple[Plan, Price]:
    return make_plan(make_api(make_organisation("Osprey"), "Maps"), "pro", amount=3_500, currency="usd")


def _latest(shop: Shop) -> Purchase:
    with scoped(SYSTEM) as session:
        mine = select(Purchase).where(Purchase.account_id == shop.account.id).order_by(Purchase.id.desc())
        return session.scalars(mine.limit(1)).one()


def _words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())
