"""A card that the bank refuses at checkout: nothing is charged, the purchase says so everywhere and can still be paid."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.db import SYSTEM, scoped
from portal.kit.clock import ManualClock
from portal.payments.models import Purchase
from portal.payments.refusals import sync_setup
from portal.payments.settling import settle_one
from portal.payments.syncing import Syncing, sync_payment
from portal.pricing.models import Plan, Price
from portal.webhooks.routing import sync_for
from tests.factories import make_api, make_organisation, make_plan, make_user
from tests.payments.conftest import Shop, colleague, held
from tests.sign_in import sign_in_as
from tests.stripe_world import StripeWorld

DECLINED, NO_FUNDS = "4000000000000002", "4000000000009995"


def test_the_purchase_says_why_and_leads_back_to_the_payment_page(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld, owner: FlaskClient
) -> None:
    purchase = _refused(shop, syncing, stripe_world, NO_FUNDS)
    page = owner.get(f"/purchases/{purchase.public_id}").text
    assert "The payment did not go through" in page
    assert "The card does not have enough funds. Nothing was charged" in page
    assert f'href="{purchase.checkout_url}"' in page
    assert "Confirming your payment" not in page


def test_it_stands_on_the_start_page_and_in_the_list(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld, owner: FlaskClient
) -> None:
    purchase = _refused(shop, syncing, stripe_world, DECLINED)
    assert "The payment for Pro of Rates did not go through" in _words(owner.get("/").text)
    listed = owner.get("/purchases").text
    assert "Card declined" in listed
    assert f"/purchases/{purchase.public_id}" in listed
    panel = owner.get("/purchases", headers={"HX-Request": "true"}).text
    assert panel.strip().startswith('<section class="section" id="unfinished">')
    assert panel.strip() in listed


def test_another_card_pays_and_nothing_is_left_to_finish(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld, owner: FlaskClient
) -> None:
    purchase = _refused(shop, syncing, stripe_world, DECLINED)
    stripe_world.pay(str(purchase.checkout_url))
    _failures_arrive(stripe_world, syncing)  # late, and once more: what is read is the payment as it stands now
    assert held(shop).status == "active"
    assert _purchase(shop).failure is None
    assert "Nothing is waiting" in owner.get("/purchases").text
    assert "did not go through" not in owner.get("/").text
    assert owner.get("/purchases", headers={"HX-Request": "true"}).text.strip() == ""


def test_a_page_that_expired_is_told_apart_and_forgotten_after_a_month(
    app: Flask, shop: Shop, syncing: Syncing, stripe_world: StripeWorld, clock: ManualClock
) -> None:
    purchase = _refused(shop, syncing, stripe_world, DECLINED)
    stripe_world.control("clock", advance=25 * 3600)
    clock.advance(timedelta(hours=25))
    assert settle_one(purchase.id, syncing)
    owner = colleague(app, shop, "owner")
    listed = owner.get("/purchases").text
    assert "Expired" in listed
    assert "The payment page closed on" in listed
    assert "did not go through" not in owner.get("/").text
    clock.advance(timedelta(days=29, hours=23))
    owner = colleague(app, shop, "admin")
    assert "Nothing is waiting" in owner.get("/purchases").text


def test_where_two_purchases_could_be_meant_both_are_told_so_and_neither_a_guess(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld, owner: FlaskClient
) -> None:
    begun, other = shop.begin(shop.pro, syncing), shop.begin(_tides(2_900), syncing)
    stripe_world.pay(str(begun.checkout_url), DECLINED)
    assert _failures_arrive(stripe_world, syncing) == 1
    assert _failures() == [None, None]
    listed = owner.get("/purchases").text
    assert listed.count("Perhaps declined") == 2
    assert listed.count("the payment provider does not say for which") == 2
    assert "Card declined" not in listed
    for one in (begun, other):
        assert "the payment provider does not say for which" in owner.get(f"/purchases/{one.public_id}?left=1").text
    stripe_world.pay(str(begun.checkout_url))  # the same attempt, with another card
    _failures_arrive(stripe_world, syncing)
    assert "Perhaps declined" not in owner.get("/purchases").text, "it was the other's, and is paid"


def test_an_attempt_from_before_a_purchase_began_is_not_of_it(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld, clock: ManualClock, owner: FlaskClient
) -> None:
    begun = shop.begin(shop.pro, syncing)
    stripe_world.pay(str(begun.checkout_url), NO_FUNDS)
    clock.advance(timedelta(minutes=5))
    shop.begin(_tides(2_900), syncing)
    assert _failures_arrive(stripe_world, syncing) == 1  # the event is late
    assert _failures() == ["insufficient_funds", None]
    listed = owner.get("/purchases").text
    assert (listed.count("Card declined"), listed.count("Perhaps declined")) == (1, 0)


def test_what_asks_for_another_amount_is_not_meant(shop: Shop, syncing: Syncing, stripe_world: StripeWorld) -> None:
    begun = shop.begin(shop.pro, syncing)
    shop.begin(_tides(3_900), syncing)
    shop.begin(_tides(2_900, currency="usd"), syncing)
    stripe_world.pay(str(begun.checkout_url), DECLINED)
    assert _failures_arrive(stripe_world, syncing) == 1
    assert [bool(one) for one in _failures()] == [True, False, False]


def test_two_trials_at_once_are_both_told_too(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld, owner: FlaskClient
) -> None:
    begun = shop.begin(shop.trial, syncing)
    shop.begin(_tides(2_900, trial_days=7), syncing)
    stripe_world.pay(str(begun.checkout_url), DECLINED)
    assert _setups_fail(stripe_world, syncing) == 1
    assert _failures() == [None, None]
    assert owner.get("/purchases").text.count("Perhaps declined") == 2
    stripe_world.pay(str(begun.checkout_url))
    _setups_fail(stripe_world, syncing)
    assert "Perhaps declined" not in owner.get("/purchases").text


def test_a_trial_whose_card_is_refused_says_so(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld, owner: FlaskClient
) -> None:
    begun = shop.begin(shop.trial, syncing)
    stripe_world.pay(str(begun.checkout_url), DECLINED)
    assert _setups_fail(stripe_world, syncing) == 1
    page = owner.get(f"/purchases/{begun.public_id}").text
    assert "The payment did not go through" in page
    assert f'href="{begun.checkout_url}"' in page
    assert "Confirming your payment" not in page
    stripe_world.pay(str(begun.checkout_url))
    _setups_fail(stripe_world, syncing)  # late, and once more
    assert settle_one(_purchase(shop).id, syncing)
    assert (held(shop).status, _purchase(shop).failure) == ("trialing", None)


def test_a_card_that_is_kept_refuses_no_purchase_that_is_charged(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld
) -> None:
    begun = shop.begin(shop.trial, syncing)
    stripe_world.pay(str(begun.checkout_url), DECLINED)
    shop.begin(shop.pro, syncing)  # takes the place of the trial
    assert _setups_fail(stripe_world, syncing) == 1
    assert _purchase(shop).failure is None


def test_the_provider_s_word_of_a_refused_card_is_work_for_us() -> None:
    assert sync_for("setup_intent.setup_failed", "setup_intent") is sync_setup
    assert sync_for("payment_intent.payment_failed", "payment_intent") is sync_payment
    assert sync_for("setup_intent.created", "setup_intent") is None


def test_a_renewal_that_fails_is_no_purchase(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld, bought: int
) -> None:
    assert held(shop).id == bought
    other = make_plan(make_api(make_organisation("Tern"), "Tides"), "pro", amount=2_900)
    shop.begin(other, syncing)
    subscription = stripe_world.api("GET", f"subscriptions/{held(shop).stripe_subscription_id}")
    stripe_world.api("POST", "payment_methods/pm_card_chargeCustomerFail/attach", customer=subscription["customer"])
    bad = stripe_world.api("GET", "payment_methods", customer=subscription["customer"])["data"][0]["id"]
    stripe_world.api("POST", f"subscriptions/{subscription['id']}", default_payment_method=bad)
    stripe_world.control("clock", advance=32 * 86_400)
    assert _failures_arrive(stripe_world, syncing)
    with scoped(SYSTEM) as session:
        assert session.scalars(select(Purchase.failure)).all() == [None, None]


def test_the_list_belongs_to_the_organisation(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld, client: FlaskClient
) -> None:
    _refused(shop, syncing, stripe_world, DECLINED)
    assert client.get("/purchases").status_code == 303
    dan = sign_in_as(client, make_user("Dan", organisation=make_organisation("Northlight")))
    assert "Nothing is waiting" in dan.get("/purchases").text


def _refused(shop: Shop, syncing: Syncing, world: StripeWorld, card: str) -> Purchase:
    begun = shop.begin(shop.pro, syncing)
    assert "Nothing was charged" in world.pay(str(begun.checkout_url), card)
    assert _failures_arrive(world, syncing) == 1
    return _purchase(shop)


def _failures_arrive(world: StripeWorld, syncing: Syncing) -> int:
    failed = [event for event in world.events() if event["type"] == "payment_intent.payment_failed"]
    for event in failed:
        sync_payment(event["data"]["object"]["id"], syncing)
    return len(failed)


def _setups_fail(world: StripeWorld, syncing: Syncing) -> int:
    failed = [event for event in world.events() if event["type"] == "setup_intent.setup_failed"]
    for event in failed:
        sync_setup(event["data"]["object"]["id"], syncing)
    return len(failed)


def _purchase(shop: Shop) -> Purchase:
    with scoped(SYSTEM) as session:
        return session.scalars(
            select(Purchase).where(Purchase.account_id == shop.account.id).order_by(Purchase.id.desc())
        ).first()  # type: ignore[return-value]


def _tides(amount: int, **terms: Any) -> tuple[Plan, Price]:
    return make_plan(make_api(make_organisation("Tern"), "Tides"), "pro", amount=amount, **terms)


def _failures() -> list[str | None]:
    with scoped(SYSTEM) as session:
        return list(session.scalars(select(Purchase.failure).order_by(Purchase.id)))


def _words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())
