"""A subscriber to a blocked API finds it said on every page they have, and can leave; strangers find nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from portal.catalog import operating
from portal.catalog.models import Api
from portal.db import SYSTEM, transaction
from portal.identity.models import Organisation
from portal.kit.clock import ManualClock
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
from tests.sign_in import sign_in_as

SAID = "The marketplace has blocked Rates"
COSTS = "The subscription goes on and is charged until somebody cancels it."


@dataclass
class Place:
    rates: Api
    held: Subscription
    harbour: Organisation


@pytest.fixture
def place(app: Flask, clock: ManualClock, settings: Settings) -> Place:
    rates = make_api(make_organisation("Kestrel", "kestrel"), "Rates", slug="rates")
    harbour = make_organisation("Harbour")
    account = make_account(harbour)
    held = make_subscription(account, *make_plan(rates), clock.now(), stripe_subscription_id="sub_1")
    make_api_key(held, settings.pepper, clock.now())
    with transaction(SYSTEM):
        operating.block(rates.id, reason="Leaks keys", actor="user:1", now=clock.now())
    return Place(rates, held, harbour)


@pytest.fixture
def cleo(app: Flask, place: Place) -> FlaskClient:
    return sign_in_as(app.test_client(), make_user("Cleo", organisation=place.harbour))


def release(place: Place, clock: ManualClock) -> None:
    with transaction(SYSTEM):
        operating.release(place.rates.id, reason="Mended", actor="user:1", now=clock.now())


@pytest.mark.parametrize(
    "path", ["/", "/subscriptions/{id}", "/usage", "/usage?subscription={id}", "/subscriptions/{id}/keys"]
)
def test_every_page_of_the_subscriber_says_so_and_leads_to_cancelling(
    place: Place, cleo: FlaskClient, clock: ManualClock, path: str
) -> None:
    page = cleo.get(path.format(id=place.held.id)).text
    assert SAID in page
    assert COSTS in page
    assert "Leaks keys" not in page, "the reason is the provider's to read"
    way = "#leave" if path == "/subscriptions/{id}" else f"/subscriptions/{place.held.id}#leave"
    assert f'href="{way}"' in page
    release(place, clock)
    assert SAID not in cleo.get(path.format(id=place.held.id)).text


def test_the_way_out_is_there(place: Place, cleo: FlaskClient) -> None:
    page = cleo.get(f"/subscriptions/{place.held.id}").text
    assert 'id="leave"' in page
    assert "Cancel at the end of the period" in page
    assert "calls stay refused while it is blocked" in page
    assert "Your keys work until" not in page


def test_a_key_does_not_claim_to_work(place: Place, cleo: FlaskClient, clock: ManualClock) -> None:
    keys = _words(cleo.get(f"/subscriptions/{place.held.id}/keys").text)
    assert "API blocked" in keys
    assert keys.count("Works") == 1, "only the form asks how long a new key works"
    assert "A first call, with your key" not in keys
    assert "Make your first call" not in cleo.get("/").text
    assert "API blocked" in cleo.get("/subscriptions").text
    release(place, clock)
    assert "API blocked" not in cleo.get("/subscriptions").text
    assert "Make your first call" in cleo.get("/").text


def test_who_may_not_pay_is_told_who_can(app: Flask, place: Place) -> None:
    dan = sign_in_as(app.test_client(), make_user("Dan", organisation=place.harbour, role="developer"))
    page = dan.get(f"/subscriptions/{place.held.id}").text
    assert "Whoever pays for your organisation can cancel it." in page
    assert "#leave" not in page


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"stripe_subscription_id": None}, "It is free, so it costs nothing to wait."),
        ({"cancel_at_period_end": True}, "The subscription is cancelled and nothing more is charged."),
    ],
)
def test_what_costs_nothing_more_does_not_say_that_it_does(
    place: Place, cleo: FlaskClient, values: dict[str, object], said: str
) -> None:
    with transaction(SYSTEM) as session:
        session.execute(update(Subscription).values(**values))
    for path in (f"/subscriptions/{place.held.id}", "/usage", "/"):
        page = cleo.get(path).text
        assert said in page
        assert COSTS not in page


def test_one_that_has_ended_says_nothing_of_it(place: Place, cleo: FlaskClient, clock: ManualClock) -> None:
    with transaction(SYSTEM) as session:
        session.execute(update(Subscription).values(status="canceled", ended_at=clock.now()))
    for path in ("/subscriptions", f"/subscriptions/{place.held.id}", f"/subscriptions/{place.held.id}/keys", "/usage"):
        assert "API blocked" not in cleo.get(path).text
        assert SAID not in cleo.get(path).text
    assert cleo.get("/marketplace/kestrel/rates").status_code == 404


@pytest.mark.parametrize("tail", ["", "/docs", "/pricing", "/versions", "/reliability", "/llms.txt"])
def test_its_public_page_sends_the_subscriber_to_the_subscription(
    app: Flask, place: Place, cleo: FlaskClient, clock: ManualClock, tail: str
) -> None:
    sent = cleo.get(f"/marketplace/kestrel/rates{tail}")
    assert (sent.status_code, sent.headers["Location"]) == (302, f"/subscriptions/{place.held.id}")
    stranger = sign_in_as(app.test_client(), make_user("Eve", organisation=make_organisation("Elsewhere")))
    for other in (app.test_client(), stranger):
        assert other.get(f"/marketplace/kestrel/rates{tail}").status_code == 404
    release(place, clock)
    assert cleo.get(f"/marketplace/kestrel/rates{tail}").status_code == 200


def test_scripts_are_told_since_when(place: Place, cleo: FlaskClient, clock: ManualClock) -> None:
    [told] = cleo.get("/api/subscriptions").get_json()["subscriptions"]
    assert told["blocked_since"] == "2026-03-10T09:00:00Z"
    release(place, clock)
    [told] = cleo.get("/api/subscriptions").get_json()["subscriptions"]
    assert told["blocked_since"] is None


def _words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())
