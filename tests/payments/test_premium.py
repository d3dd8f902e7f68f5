"""The platform's premium plan, by the interface of seed 003 and by its page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs import drain
from portal.db import SYSTEM, transaction
from portal.entitlements import granting
from portal.gateway.rules import MANY_KEYS, MAX_LIVE_KEYS
from portal.gateway.service import _most_keys
from portal.kit.clock import ManualClock
from portal.payments.syncing import Syncing
from portal.projects.queries import find_feature
from tests.payments.conftest import Shop, colleague
from tests.stripe_world import StripeWorld, deliver


@pytest.fixture
def sold(app: Flask, syncing: Syncing) -> None:
    done = app.test_cli_runner().invoke(args=["premium", "offer", "--monthly", "900", "--yearly", "9000"])
    assert done.exit_code == 0, done.output


def _hear(owner: FlaskClient, world: StripeWorld, clock: ManualClock) -> None:
    for event in world.events():
        deliver(owner, event, clock.now().timestamp())
    drain.inbox()
    drain.outbox()


def _entitlement(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/api/premium/entitlement")
    assert answer.status_code == 200
    return dict(answer.json)


@pytest.mark.usefixtures("sold")
def test_premium_is_bought_and_gives_access(
    owner: FlaskClient, shop: Shop, stripe_world: StripeWorld, clock: ManualClock
) -> None:
    free = _entitlement(owner)
    assert (free["hasPremiumAccess"], free["entitlement"]["plan"], free["entitlement"]["status"]) == (
        False, "FREE", "NONE",
    )  # fmt: skip
    begun = owner.post("/api/checkout", json={"plan": "premium_yearly"})
    assert begun.status_code == 200
    assert _entitlement(owner)["entitlement"]["status"] == "INCOMPLETE"
    assert "Pay €9.00" in owner.get("/premium").text
    led_to = stripe_world.pay(begun.json["checkoutUrl"])
    assert led_to.endswith("/premium?back=1")
    assert "being confirmed" in owner.get("/premium?back=1").text
    _hear(owner, stripe_world, clock)
    bought = _entitlement(owner)
    assert bought["hasPremiumAccess"] is True
    assert (bought["entitlement"]["plan"], bought["entitlement"]["status"]) == ("PREMIUM_YEARLY", "ACTIVE")
    assert bought["entitlement"]["stripeSubscriptionId"].startswith("sub_")
    assert "Premium is on" in owner.get("/premium").text
    assert "Premium" in owner.get("/subscriptions").text
    assert owner.get(f"/subscriptions/{bought['entitlement']['id']}").status_code == 200
    again = owner.post("/api/checkout", json={"plan": "premium_monthly"})
    assert (again.status_code, again.json["type"]) == (409, "/problems/already-subscribed")
    assert _most_keys(shop.account.id, clock.now()) == MANY_KEYS


@pytest.mark.usefixtures("sold")
def test_access_given_by_hand_is_custom(app: Flask, owner: FlaskClient, shop: Shop, clock: ManualClock) -> None:
    assert _most_keys(shop.account.id, clock.now()) == MAX_LIVE_KEYS
    feature = find_feature(1, "premium")
    assert feature is not None
    with transaction(SYSTEM):
        granting.grant(
            shop.account.id, feature.id, granted_by="Olive", reason="partner", valid_from=clock.now(),
            valid_to=clock.now() + timedelta(days=5), quantity=None, actor="user:1", organisation_id=None, now=clock.now(),
        )  # fmt: skip
    found = _entitlement(owner)
    assert (found["hasPremiumAccess"], found["entitlement"]["plan"]) == (True, "CUSTOM")
    assert "nothing is charged" in owner.get("/premium").text


def test_who_may_buy_and_what_is_for_sale(app: Flask, owner: FlaskClient, shop: Shop) -> None:
    assert owner.post("/api/checkout", json={"plan": "premium_monthly"}).status_code == 404
    assert "Not for sale here" in owner.get("/premium").text
    assert owner.post("/api/checkout", json={"plan": "gold"}).status_code == 422
    assert app.test_client().post("/api/checkout", json={"plan": "premium_monthly"}).status_code == 401
    assert app.test_client().get("/api/premium/entitlement", headers={"Accept": "application/json"}).status_code == 401
    viewer = colleague(app, shop, "viewer")
    assert viewer.post("/api/checkout", json={"plan": "premium_monthly"}).status_code == 403
    assert app.test_cli_runner().invoke(args=["premium", "offer", "--monthly", "1", "--yearly", "1"]).exit_code == 1
