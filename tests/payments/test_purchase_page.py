"""The page after paying: every state it can be in is true, and looking again is always safe."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from portal.db import SYSTEM, scoped, transaction
from portal.payments.models import Purchase
from portal.payments.settling import settle_one
from portal.payments.stages import QUICK_LOOKS, SLOW_LOOKS, stage_of
from portal.payments.syncing import Syncing
from portal.payments.types import PurchaseView
from portal.subscriptions.models import Subscription
from tests.payments.conftest import Shop, held
from tests.stripe_world import StripeWorld

NOW = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def view(**facts: Any) -> PurchaseView:
    common: dict[str, Any] = {
        "id": 1, "public_id": uuid.uuid4(), "account_id": 1, "product_id": 1, "plan_id": 1, "status": "open",
        "trial_days": 0, "checkout_url": "https://pay.example", "checkout_expires_at": None, "subscription_id": None,
        "failure": None, "seen": None, "key_issued_at": None, "key_name": None, "promotion_code": None,
        "first_amount": None, "created_at": NOW, "has_access": False,
    }  # fmt: skip
    return PurchaseView(**(common | facts))


PAID = {"status": "complete", "subscription_id": 7}


@pytest.mark.parametrize(
    ("facts", "visit", "stage"),
    [
        ({"status": "started"}, {}, "started"),
        ({}, {"left": True}, "left"),
        ({"failure": "generic_decline"}, {"left": True}, "refused"),
        ({"failure": "generic_decline"}, {"back": True}, "confirming"),  # another card was taken since
        ({"failure": "generic_decline"}, {"back": True, "looks": QUICK_LOOKS}, "refused"),
        ({}, {}, "confirming"),
        ({"seen": "open"}, {"back": True}, "confirming"),  # the look that said so may be older than the payment
        ({"seen": "open"}, {"back": True, "looks": QUICK_LOOKS}, "action"),
        ({"seen": "open"}, {}, "action"),
        ({}, {"back": True, "looks": SLOW_LOOKS}, "slow"),
        ({"seen": "processing"}, {"back": True}, "processing"),
        (PAID, {}, "granting"),
        (PAID, {"looks": SLOW_LOOKS}, "ended"),
        (PAID | {"has_access": True}, {"left": True}, "ready"),
        ({"status": "expired"}, {}, "over"),
        ({"status": "failed"}, {"back": True}, "over"),
    ],
)
def test_the_stage_follows_from_the_facts(facts: dict[str, Any], visit: dict[str, Any], stage: str) -> None:
    assert stage_of(view(**facts), **({"looks": 0, "left": False, "back": False} | visit)) == stage


def purchase(shop: Shop) -> Purchase:
    with scoped(SYSTEM) as session:
        return session.scalars(select(Purchase).where(Purchase.account_id == shop.account.id)).one()


def page(owner: FlaskClient, shop: Shop, **arguments: Any) -> str:
    answer = owner.get(f"/purchases/{purchase(shop).public_id}", query_string=arguments)
    assert answer.status_code == 200
    return answer.text


CARDS = {
    "success": ("4242424242424242", "You are in"),
    "declined": ("4000000000000002", "Your payment is not finished"),
    "confirmation abandoned": ("4000002760003184", "Your payment is not finished"),
    "saved but refused": ("4000000000000341", "Your payment is not finished"),
}


@pytest.mark.parametrize("card", list(CARDS))
def test_each_test_card_leads_to_what_is_true(
    owner: FlaskClient, shop: Shop, syncing: Syncing, stripe_world: StripeWorld, card: str
) -> None:
    number, heading = CARDS[card]
    begun = shop.begin(shop.pro, syncing)
    stripe_world.pay(begun.checkout_url or "", number)
    assert settle_one(purchase(shop).id, syncing)
    for _look in range(3):
        assert heading in page(owner, shop)
    assert ("Go on to payment" in page(owner, shop)) == (card != "success")


def test_who_confirms_at_the_bank_after_all_is_in(
    owner: FlaskClient, shop: Shop, syncing: Syncing, stripe_world: StripeWorld
) -> None:
    begun = shop.begin(shop.pro, syncing)
    bank = stripe_world.pay(begun.checkout_url or "", "4000002760003184")
    assert "/authentications/" in bank
    assert settle_one(purchase(shop).id, syncing)
    assert "If your bank asked you to confirm it" in page(owner, shop)
    session = purchase(shop).stripe_checkout_id
    stripe_world.control(f"checkout_sessions/{session}/complete", card="4000002760003184", authenticate=True)
    assert settle_one(purchase(shop).id, syncing)
    assert "You are in" in page(owner, shop)


class SlowMethod:
    """A provider whose buyer chose a method that takes days: the page is complete, the money is not there."""

    def __init__(self, real: Any, *, fails: bool) -> None:
        self._real, self._fails = real, fails

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def fetch_checkout(self, checkout_id: str) -> Any:
        return replace(self._real.fetch_checkout(checkout_id), payment_status="unpaid")

    def fetch_subscription(self, subscription_id: str) -> Any:
        found = self._real.fetch_subscription(subscription_id)
        return replace(found, status="incomplete_expired" if self._fails else "incomplete")


@pytest.mark.parametrize("fails", [False, True])
def test_a_method_that_takes_days_is_said_and_so_is_its_end(
    owner: FlaskClient, shop: Shop, syncing: Syncing, stripe_world: StripeWorld, fails: bool
) -> None:
    begun = shop.begin(shop.pro, syncing)
    stripe_world.pay(begun.checkout_url or "")
    slow = replace(syncing, payments=SlowMethod(syncing.payments, fails=fails))  # type: ignore[arg-type]
    assert settle_one(purchase(shop).id, slow)
    shown = page(owner, shop, back=1)
    if fails:
        assert "The payment did not go through" in shown
        assert "hx-trigger" not in shown.split('id="purchase"')[1].split(">")[0]
        return
    assert "Still processing" in shown
    assert settle_one(purchase(shop).id, syncing)
    assert "You are in" in page(owner, shop, back=1)


def test_an_old_purchase_without_access_does_not_pretend_to_be_confirming(
    owner: FlaskClient, shop: Shop, bought: int
) -> None:
    with transaction(SYSTEM) as session:
        session.execute(update(Subscription).values(status="canceled", ended_at=NOW))
        session.execute(text("DELETE FROM entitlements"))
    shown = page(owner, shop)
    assert "Bought, and without access now" in shown
    assert f'href="/subscriptions/{bought}"' in shown


@pytest.mark.parametrize("looks", ["-1", "x", "9" * 50, "\x00", "١"])
def test_any_count_of_looks_is_harmless(owner: FlaskClient, shop: Shop, bought: int, looks: str) -> None:
    assert "You are in" in page(owner, shop, looks=looks)


def test_a_first_call_that_failed_is_said_and_only_a_success_turns_it_green(
    owner: FlaskClient, shop: Shop, bought: int, clock: Any
) -> None:
    address = f"/purchases/{purchase(shop).public_id}"
    assert "Waiting for your first call" in owner.post(f"{address}/key").text
    _call(bought, 404, clock.now())
    failed = owner.get(f"{address}/first-call").text
    assert "was answered with 404" in failed
    assert "It works" not in failed
    _call(bought, 200, clock.now() + timedelta(seconds=3))
    assert "It works" in owner.get(f"{address}/first-call").text


def _call(subscription_id: int, status: int, at: datetime) -> None:
    with transaction(SYSTEM) as session:
        session.execute(
            text(
                "INSERT INTO api_requests_log (request_id, subscription_id, account_id, started_at, method, path, status,"
                " source, latency_ms, bytes_in, bytes_out, billable) SELECT gen_random_uuid(), :id, account_id, :at, 'GET',"
                " '/v1/latest', :status, 'upstream', 12, 0, 0, true FROM subscriptions WHERE id = :id"
            ),
            {"id": subscription_id, "at": at, "status": status},
        )


def test_the_key_carries_the_name_that_was_chosen_and_the_page_of_the_key_says_what_it_cost(
    owner: FlaskClient, shop: Shop, syncing: Syncing
) -> None:
    owner.post(f"/subscribe/{shop.free[0].id}", data={"terms": "1", "key_name": "  Night   shift "})
    owner.post(f"/purchases/{purchase(shop).public_id}/key")
    assert "Night shift" in owner.get(f"/subscriptions/{held(shop).id}/keys").text
