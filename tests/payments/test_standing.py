"""The one act an API's page offers to whoever reads it, and what it says beside."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.db import SYSTEM, transaction
from portal.gateway.service import issue_key
from portal.kit.clock import ManualClock
from portal.metering.meters import Meter
from portal.payments.models import StripeInvoice
from portal.payments.standing import Powers, Sold, act_of
from portal.settings import Settings
from portal.subscriptions.models import Subscription
from portal.subscriptions.queries import get_for_account
from tests.factories import make_account, make_api, make_organisation, make_plan, make_subscription, make_user
from tests.metering.conftest import Post, roll_up
from tests.metering.conftest import post as post
from tests.metering.conftest import prepared as prepared
from tests.metering.kong import of
from tests.sign_in import Browser, sign_in_as

ALL, NONE = Powers(buy=True, keys=True), Powers(buy=False, keys=False)
FREE_FIRST, PAID = Sold(any=True, free_first=True, more=True), Sold(any=True, free_first=False, more=True)
NEARLY = Meter("capped", 900, 1_000)


class Shop:
    """Rates with a free plan of ten calls and a paid one; Tidewater, which may subscribe."""

    def __init__(self, app: Flask, clock: ManualClock) -> None:
        self.app, self.now = app, clock.now()
        self.api = make_api(make_organisation("Kestrel", "kestrel"), "Rates", slug="rates")
        self.free = make_plan(self.api, "free", amount=0, included_quantity=10)
        self.pro = make_plan(self.api, "pro", usage_model="per_unit")
        self.organisation = make_organisation("Tidewater", "tidewater")
        self.account = make_account(self.organisation)
        self.olga = make_user("Olga", organisation=self.organisation)

    def subscribe(self, plan: Any, **values: Any) -> Subscription:
        values.setdefault("current_period_start", self.now - timedelta(hours=1))
        return make_subscription(self.account, *plan, self.now, **values)

    def read(self, role: str = "owner", part: str = "?at=overview") -> str:
        person = self.olga if role == "owner" else make_user("Vera", organisation=self.organisation, role=role)
        browser = sign_in_as(Browser(self.app), person)
        return browser.get(f"/subscriptions/of-product/{self.api.product_id}{part}").get_data(as_text=True)


@pytest.fixture
def shop(app: Flask, clock: ManualClock) -> Shop:
    return Shop(app, clock)


def test_without_a_subscription_it_depends_on_the_role_and_on_what_is_sold() -> None:
    assert act_of(None, None, ALL, FREE_FIRST) == "start"
    assert act_of(None, None, ALL, PAID) == "choose"
    assert act_of(None, None, NONE, FREE_FIRST) == "ask to buy"
    assert act_of(None, None, ALL, Sold(any=False, free_first=False, more=False)) == "nothing"


@pytest.mark.parametrize(
    ("values", "meter", "act", "asked"),
    [
        ({}, Meter("capped", 1, 1_000), "keys", "usage"),
        ({}, NEARLY, "upgrade", "ask to upgrade"),
        ({}, Meter("included", 9_000, 1_000), "keys", "usage"),
        ({"cancel_at_period_end": True}, NEARLY, "resume", "ask to upgrade"),
        ({"status": "past_due", "cancel_at_period_end": True}, NEARLY, "pay", "ask to pay"),
        ({"status": "unpaid"}, NEARLY, "pay", "ask to pay"),
    ],
)
def test_what_is_owed_comes_first_then_what_ends_then_what_runs_out(
    shop: Shop, values: dict[str, Any], meter: Meter, act: str, asked: str
) -> None:
    row = shop.subscribe(shop.pro, **values)
    with transaction(SYSTEM):
        held = get_for_account(shop.account.id, row.id)
    assert act_of(held, meter, ALL, PAID) == act
    assert act_of(held, meter, NONE, PAID) == asked


def test_nothing_larger_to_sell_means_no_upgrade(shop: Shop) -> None:
    row = shop.subscribe(shop.pro)
    with transaction(SYSTEM):
        held = get_for_account(shop.account.id, row.id)
    assert act_of(held, NEARLY, ALL, Sold(any=True, free_first=False, more=False)) == "keys"


# ---- the parts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["?at=overview", "/terms", "/start"])
def test_strangers_and_unknown_products_get_nothing(shop: Shop, client: FlaskClient, part: str) -> None:
    here = f"/subscriptions/of-product/{shop.api.product_id}{part}"
    assert client.get(here).get_data(as_text=True) == ""
    assert client.post(here).status_code == 405
    olga = sign_in_as(client, shop.olga)
    gone = olga.get(f"/subscriptions/of-product/999999{part}")
    assert gone.status_code in (200, 204)
    assert "btn-primary" not in gone.get_data(as_text=True)


def test_a_person_without_subscription_starts_or_learns_whom_to_ask(shop: Shop) -> None:
    assert f'href="/subscribe/{shop.free[0].id}"' in shop.read()
    asking = shop.read("viewer")
    assert "Your role may not buy. Ask Olga." in asking
    assert "/subscribe/" not in asking


def test_a_subscriber_sees_plan_share_and_renewal(shop: Shop, post: Post, prepared: None) -> None:
    held = shop.subscribe(shop.pro, stripe_subscription_id="sub_1")
    post([of(held.id, shop.now) for _ in range(100)])
    roll_up()
    said = shop.read()
    assert "You are on Pro." in said
    assert "1% of 10,000 calls used." in said
    assert "Renews on" in said
    assert "Go to your keys" in said
    assert 'id="plan-mark-' not in said
    assert f'id="plan-mark-{shop.pro[0].id}" hx-swap-oob="true"' in shop.read(part="?at=pricing")


def test_on_the_price_list_a_subscriber_looks_at_other_plans_instead_of_starting_them(shop: Shop) -> None:
    held = shop.subscribe(shop.pro, stripe_subscription_id="sub_1")
    said = shop.read(part="?at=pricing")
    assert f'href="/subscriptions/{held.id}"' in said
    assert f'href="/subscriptions/{held.id}/plan/{shop.free[0].id}"' in said
    assert "Look at Free" in said
    assert "/subscribe/" not in said
    assert "Look at" not in shop.read("viewer", part="?at=pricing")


def test_who_has_the_free_plan_chooses_a_paid_one_as_anybody_does(shop: Shop) -> None:
    shop.subscribe(shop.free)
    assert f'href="/subscribe/{shop.pro[0].id}"' in shop.read(part="?at=pricing")


def test_a_quota_that_runs_out_leads_to_a_larger_plan(shop: Shop, post: Post, prepared: None) -> None:
    held = shop.subscribe(shop.free)
    post([of(held.id, shop.now) for _ in range(9)])
    roll_up()
    assert f'href="/subscriptions/{held.id}/plan"' in shop.read()
    assert "Upgrade" in shop.read()
    assert "Ask Olga for a larger plan." in shop.read("viewer")


def test_what_is_owed_is_named_to_the_cent(shop: Shop) -> None:
    held = shop.subscribe(shop.pro, status="past_due", grace_until=shop.now + timedelta(days=3))
    assert "Update the card" in shop.read()  # nothing is known to be open
    owed: dict[str, Any] = {
        "account_id": shop.account.id, "subscription_id": held.id, "status": "open", "currency": "eur", "total": 2_900,
        "amount_due": 2_900, "amount_paid": 0, "period_start": shop.now, "period_end": shop.now + timedelta(days=31),
        "invoiced_at": shop.now, "source_fetched_at": shop.now,
    }  # fmt: skip
    with transaction(SYSTEM) as session:
        session.add(StripeInvoice(stripe_invoice_id="in_1", hosted_url="https://pay.example/in_1", **owed))
        session.add(StripeInvoice(stripe_invoice_id="in_2", hosted_url=None, **{**owed, "status": "paid"}))
    said = shop.read()
    assert "Pay €29.00" in said
    assert 'href="https://pay.example/in_1"' in said
    viewer = shop.read("viewer")
    assert "Ask Olga to pay." in viewer
    assert "pay.example" not in viewer


def test_what_ends_can_be_resumed(shop: Shop) -> None:
    held = shop.subscribe(shop.pro, cancel_at_period_end=True)
    said = shop.read()
    assert f'action="/subscriptions/{held.id}/cancellation/undo"' in said
    assert "csrf_token" in said
    assert "Resume" not in shop.read("developer")


def test_the_first_steps_name_the_reader_s_own_key(shop: Shop, settings: Settings) -> None:
    assert shop.read(part="/start") == ""
    held = shop.subscribe(shop.pro)
    assert "Make a key" in shop.read(part="/start")
    assert "A developer of your organisation can make a key." in shop.read("viewer", "/start")
    with transaction(SYSTEM):
        key = issue_key(shop.account.id, held.id, "Harbour <b>", created_by=None, now=shop.now, pepper=settings.pepper)
    said = shop.read(part="/start")
    assert "Harbour &lt;b&gt;" in said
    assert key.text[-4:] in said
    assert key.text not in said
    assert "Every call" not in shop.read(part="/terms")
    assert "Your plan, Pro:" in shop.read(part="/terms")


def test_another_organisation_s_subscription_is_not_seen(shop: Shop, client: FlaskClient) -> None:
    shop.subscribe(shop.pro)
    dan = sign_in_as(client, make_user("Dan", organisation=make_organisation()))
    said = dan.get(f"/subscriptions/of-product/{shop.api.product_id}?at=%00%ff").get_data(as_text=True)
    assert "You are on" not in said
