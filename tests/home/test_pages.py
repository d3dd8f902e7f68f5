"""The start page, for strangers and for people at each step of their way."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.db import SYSTEM, transaction
from portal.identity.models import Organisation, User
from portal.kit.clock import ManualClock
from portal.projects.models import Account
from portal.settings import Settings
from portal.subscriptions.models import Subscription
from tests.factories import (
    make_account,
    make_api,
    make_api_key,
    make_organisation,
    make_plan,
    make_subscription,
    make_user,
)
from tests.metering.conftest import roll_up
from tests.metering.kong import of
from tests.sign_in import bearer_of, sign_in_as


@pytest.fixture
def kestrel(app: Flask) -> Organisation:
    return make_organisation("Kestrel Data", "kestrel")


@pytest.fixture
def harbour(app: Flask) -> Organisation:
    return make_organisation("Harbour", "harbour")


@pytest.fixture
def cleo(harbour: Organisation) -> User:
    return make_user("Cleo", organisation=harbour)


@pytest.fixture
def held(kestrel: Organisation, harbour: Organisation, clock: ManualClock) -> Callable[..., Subscription]:
    """Give Cleo's organisation a subscription."""
    account: list[Account] = []

    def subscribe(**values: Any) -> Subscription:
        if not account:
            account.append(make_account(harbour))
        api = make_api(kestrel, "Rates")
        plan, price = make_plan(api)
        return make_subscription(account[0], plan, price, clock.now(), **values)

    return subscribe


def test_a_stranger_reads_what_this_is_and_has_one_thing_to_do(client: FlaskClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert page.text.count("btn-primary") == 1
    assert "Browse the market" in page.text


def test_the_example_bill_adds_up(client: FlaskClient) -> None:
    page = client.get("/").text
    for figure in ("€29.00", "11,200 more × €0.0004", "€4.48", "€33.48"):
        assert figure in page


def test_published_apis_are_shown_newest_first_and_drafts_are_not(
    client: FlaskClient, kestrel: Organisation, clock: ManualClock
) -> None:
    for days, name in enumerate(("Newest", "Older", "Oldest")):
        api = make_api(kestrel, name, published_at=clock.now() - timedelta(days=days), summary="<b>bold</b>")
        make_plan(api, amount=2900)
        make_plan(api, "free", amount=0)
    make_api(kestrel, "Hidden draft", state="draft")
    page = client.get("/").text
    assert page.index("Newest") < page.index("Older") < page.index("Oldest")
    assert "Hidden draft" not in page
    assert "Free 10,000 calls a month, then from €29.00 a month" in page
    assert "<b>bold</b>" not in page


def test_a_stranger_can_search_and_choose_a_category_at_once(client: FlaskClient, kestrel: Organisation) -> None:
    for name, category in (("Rates", "finance"), ("Loans", "finance"), ("Tides", "weather"), ("Hidden", "maps")):
        make_api(kestrel, name, category=category, state="draft" if name == "Hidden" else "published")
    page = client.get("/").text
    assert 'role="search"' in page
    shelves = re.findall(r'href="/marketplace\?category=(\w+)">.*?count">(\d+)<', page)
    assert shelves == [("finance", "2"), ("weather", "1")]


def test_calls_of_the_last_thirty_days_are_drawn_and_counted(
    client: FlaskClient, cleo: User, held: Callable[..., Subscription], settings: Settings, clock: ManualClock
) -> None:
    subscription = held()
    days_ago = (0, 0, 29, 30)  # the last one is a day too old
    calls = [of(subscription.id, clock.now() - timedelta(days=n)) for n in days_ago]
    headers = {"X-Gateway-Token": settings.gateway_log_token}
    assert client.post("/api/gateway/logs", json=calls, headers=headers).status_code == 200
    roll_up()
    page = sign_in_as(client, cleo).get("/").text
    assert "3 calls</a>" in page
    assert "Calls per day in the last 30 days" in page


def test_a_newcomer_is_led_to_the_market(client: FlaskClient, cleo: User) -> None:
    page = sign_in_as(client, cleo).get("/").text
    assert "Hello, Cleo" in page
    assert "Find an API" in page
    assert page.count("btn-primary") == 1


def test_each_step_leads_to_the_next(
    client: FlaskClient, cleo: User, held: Callable[..., Subscription], settings: Settings, clock: ManualClock
) -> None:
    sign_in_as(client, cleo)
    subscription = held()
    assert "Make a key for Rates" in client.get("/").text
    make_api_key(subscription, settings.pepper, clock.now())
    page = client.get("/").text
    assert "Make your first call to Rates" in page
    assert "0 of 10,000" in page


def test_a_failed_payment_comes_before_everything_else(
    client: FlaskClient, cleo: User, held: Callable[..., Subscription]
) -> None:
    held()
    overdue = held(status="past_due")
    page = sign_in_as(client, cleo).get("/").text
    assert "A payment failed" in page
    assert f"/subscriptions/{overdue.id}" in page
    assert "Make a key" not in page


def test_who_may_not_make_keys_is_told_whom_to_ask(
    client: FlaskClient, harbour: Organisation, held: Callable[..., Subscription]
) -> None:
    held()
    page = sign_in_as(client, make_user("Ben", organisation=harbour, role="billing")).get("/").text
    assert "Ask an owner or a developer" in page
    assert "btn-primary" not in page


def test_an_outsider_sees_nothing_of_it(client: FlaskClient, held: Callable[..., Subscription]) -> None:
    held()
    dan = make_user("Dan", organisation=make_organisation("Driftwood"))
    assert "Your subscriptions" not in sign_in_as(client, dan).get("/").text


def test_ended_subscriptions_are_not_standing(
    client: FlaskClient, cleo: User, held: Callable[..., Subscription]
) -> None:
    held(status="canceled")
    page = sign_in_as(client, cleo).get("/").text
    assert "Your subscriptions" not in page


def test_many_subscriptions_are_counted_and_the_newest_shown(
    client: FlaskClient, cleo: User, held: Callable[..., Subscription]
) -> None:
    for _ in range(8):
        held()
    page = sign_in_as(client, cleo).get("/").text
    assert "All 8" in page
    assert page.count("0 of 10,000") == 6


def test_a_token_may_open_it_too(client: FlaskClient, harbour: Organisation) -> None:
    assert client.get("/", headers=bearer_of(harbour.id, name="Nightly")).status_code == 200


def test_a_name_without_letters_does_not_break_the_greeting(client: FlaskClient, harbour: Organisation) -> None:
    blank = make_user("Nemo", organisation=harbour)
    with transaction(SYSTEM) as session:
        session.execute(User.__table__.update().where(User.id == blank.id).values(name=" "))
    assert sign_in_as(client, blank).get("/").status_code == 200
