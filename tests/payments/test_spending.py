"""Spending limits around the story: what scripts are told, who may, which plans, which gateways, what plans turn into."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from werkzeug.test import TestResponse

from jobs import recurring
from jobs.drain import outbox
from portal.adapters.kong_gateway import KongGateway
from portal.audit.models import AuditEntry
from portal.db import SYSTEM, db, scoped, transaction
from portal.gateway.models import QuotaCounter
from portal.identity.models import Organisation
from portal.kit.clock import ManualClock
from portal.payments.models import Purchase
from portal.payments.settling import settle_one
from portal.payments.syncing import Syncing, sync_subscription
from portal.payments.terms import VERSION
from portal.pricing.queries import get_offer_of_price
from portal.pricing.types import Tier
from portal.subscriptions import spending
from portal.subscriptions.models import Subscription
from portal.subscriptions.service import apply_snapshot
from portal.web.plugs import plugs
from tests.factories import make_account, make_organisation, make_plan, make_subscription, make_user
from tests.mailbox import mails_to, subjects_to
from tests.payments.conftest import Shop, colleague, held
from tests.stripe_world import StripeWorld


@pytest.fixture
def address(bought: int) -> str:
    return f"/api/subscriptions/{bought}/spending-limit"


@pytest.fixture
def kong(app: Flask) -> Iterator[None]:
    """The gateway is one that cannot stop at a number of calls."""
    ports = app.extensions["portal"]
    gateway = KongGateway("http://127.0.0.1:9", "http://127.0.0.1:9", log_url="", log_token="")
    app.extensions["portal"] = replace(ports, gateway=gateway)
    yield
    app.extensions["portal"] = ports


def put(client: FlaskClient, address: str, amount: Any, **more: Any) -> TestResponse:
    return client.put(address, json={"spending_limit": amount}, **more)


def has_called(shop: Shop, times: int) -> None:
    row = held(shop)
    with transaction(SYSTEM) as session:
        counter = QuotaCounter(subscription_id=row.id, period_start=row.current_period_start, used=times)
        session.merge(counter)


def test_a_script_buys_with_a_limit_reads_it_and_moves_it(
    owner: FlaskClient, shop: Shop, syncing: Syncing, stripe_world: StripeWorld
) -> None:
    wish = {"plan_id": shop.pro[0].id, "accepts_terms": VERSION, "spending_limit": 5800}
    begun = owner.post("/api/subscriptions", json=wish)
    assert begun.status_code == 202
    assert begun.json is not None
    stripe_world.pay(begun.json["checkout_url"])
    with scoped(SYSTEM) as session:
        settle_one(session.scalars(select(Purchase.id)).one(), syncing)
    listed = owner.get("/api/subscriptions").json
    assert listed is not None
    [mine] = listed["subscriptions"]
    assert (mine["spending_limit"], mine["spending_limit_calls"]) == (5800, 17_250)

    address = f"/api/subscriptions/{mine['id']}/spending-limit"
    raised = put(owner, address, 10_000)
    assert raised.json == mine | {"spending_limit": 10_000, "spending_limit_calls": 27_750}
    assert put(owner, address, None).json == mine | {"spending_limit": None, "spending_limit_calls": None}
    assert put(owner, address, 2900).json == mine | {"spending_limit": 2900, "spending_limit_calls": 10_000}


def test_the_last_wish_for_an_open_purchase_counts(owner: FlaskClient, shop: Shop) -> None:
    wish = {"plan_id": shop.pro[0].id, "accepts_terms": VERSION}
    answers = [owner.post("/api/subscriptions", json=wish | {"spending_limit": 6000 + n}).json for n in range(2)]
    assert answers[0] == answers[1]
    with scoped(SYSTEM) as session:
        assert session.scalars(select(Purchase.spending_limit)).one() == 6001


@pytest.mark.parametrize(
    ("amount", "kind"),
    [
        (2899, "spending-limit-too-low"),
        (0, "spending-limit-too-low"),
        (-1, "invalid-body"),
        (10**9, "invalid-body"),
        ("5800", "invalid-body"),
        (58.0, "invalid-body"),
        (True, "invalid-body"),
    ],
)
def test_a_limit_that_cannot_be_meant_is_refused_and_changes_nothing(
    owner: FlaskClient, shop: Shop, address: str, amount: Any, kind: str
) -> None:
    put(owner, address, 5800)
    refused = put(owner, address, amount)
    assert refused.status_code == 422
    assert refused.json is not None
    assert refused.json["type"].endswith(kind)
    assert held(shop).spending_limit == 5800
    buying = owner.post("/api/subscriptions", json={"plan_id": shop.pro[0].id, "spending_limit": amount})
    assert buying.status_code in (409, 422)
    if kind == "spending-limit-too-low":
        assert refused.json["least"] == 2900
    assert owner.put(address, json={}).status_code == 422


def test_plans_without_billed_calls_take_no_limit(owner: FlaskClient, shop: Shop) -> None:
    for plan in (shop.trial, shop.free):
        wish = {"plan_id": plan[0].id, "accepts_terms": VERSION, "spending_limit": 50_000}
        refused = owner.post("/api/subscriptions", json=wish)
        assert (refused.status_code, refused.json and refused.json["type"][-13:]) == (422, "not-limitable")
        assert "spending_limit" not in owner.get(f"/subscribe/{plan[0].id}").text
        assert owner.get(f"/subscribe/{plan[0].id}/spending-limit?spending_limit=9").status_code == 404


def test_the_same_key_answers_the_same_and_a_repeat_leaves_one_trace(owner: FlaskClient, address: str) -> None:
    first = put(owner, address, 5800, headers={"Idempotency-Key": "a"})
    put(owner, address, 7000)
    assert put(owner, address, 5800, headers={"Idempotency-Key": "a"}).json == first.json
    put(owner, address, 7000)
    with scoped(SYSTEM) as session:
        trail = session.scalars(select(AuditEntry.after).where(AuditEntry.action == "subscription.spending_limit"))
        assert [entry["spending_limit"] for entry in trail if entry] == [5800, 7000]


@pytest.mark.parametrize(("role", "status"), [("admin", 200), ("billing", 200), ("developer", 403), ("viewer", 403)])
def test_whoever_may_buy_may_set_it(app: Flask, shop: Shop, address: str, role: str, status: int) -> None:
    browser = colleague(app, shop, role)
    assert put(browser, address, 5800).status_code == status
    page = address.removeprefix("/api")
    posted = browser.post(page, data={"spending_limit": "70"})
    assert posted.status_code == (303 if status == 200 else 403)
    assert held(shop).spending_limit == (7000 if status == 200 else None)
    shown = browser.get(page)
    assert shown.status_code == 200
    assert ("Set the limit" in shown.text) is (status == 200)


def test_nobody_reaches_another_s(app: Flask, shop: Shop, bought: int, address: str) -> None:
    stranger = make_organisation("Elsewhere")
    make_account(stranger)
    browser = colleague(app, replace(shop, account=make_account(make_organisation("Third"))), "owner")
    page = address.removeprefix("/api")
    assert put(browser, address, 5800).status_code == 404
    assert browser.get(page).status_code == browser.get(f"{page}/meaning?spending_limit=1").status_code == 404
    assert browser.post(page, data={"spending_limit": "58"}).status_code == 404
    assert held(shop).spending_limit is None


def test_an_ended_subscription_has_no_limit_to_set(owner: FlaskClient, shop: Shop, address: str, bought: int) -> None:
    with transaction(SYSTEM) as session:
        session.execute(
            text("UPDATE subscriptions SET status = 'canceled', ended_at = now() WHERE id = :id"), {"id": bought}
        )
    assert put(owner, address, 5800).status_code == 404
    assert owner.get(address.removeprefix("/api")).status_code == 404


@pytest.mark.usefixtures("kong")
def test_a_gateway_that_cannot_stop_promises_nothing(owner: FlaskClient, shop: Shop, address: str) -> None:
    refused = put(owner, address, 5800)
    assert (refused.status_code, refused.json and refused.json["type"][-15:]) == (409, "limits-not-held")
    assert put(owner, address, None).status_code == 200, "taking a limit away needs no gateway"
    wish = {"plan_id": shop.pro[0].id, "accepts_terms": VERSION, "spending_limit": 5800}
    assert owner.post("/api/subscriptions", json=wish).status_code == 409
    for page in (f"/subscribe/{shop.pro[0].id}", address.removeprefix("/api").removesuffix("/spending-limit")):
        assert "Spending limit" not in owner.get(page).text
    assert owner.get(address.removeprefix("/api")).status_code == 404
    assert recurring.tell_of_spending_limits() == "the gateway holds no limits"


@pytest.mark.usefixtures("bought")
def test_a_read_that_is_late_leaves_price_and_calls_as_they_are(
    owner: FlaskClient, shop: Shop, address: str, syncing: Syncing
) -> None:
    put(owner, address, 10_000)
    row = held(shop)
    assert row.stripe_subscription_id is not None
    snapshot = syncing.payments.fetch_subscription(row.stripe_subscription_id)
    _other, price = make_plan(shop.api, "other", amount=500, usage_model="per_unit", unit_amount=Decimal(1))
    with transaction(SYSTEM):
        offer = get_offer_of_price(price.id)
    tick, now = timedelta(microseconds=1), syncing.clock.now()
    for late, price_id, calls in ((-tick, shop.pro[1].id, 27_750), (tick, price.id, 19_500)):
        fetched_at = row.source_fetched_at + late
        with transaction(SYSTEM):
            apply_snapshot(shop.account.id, offer, snapshot, fetched_at=fetched_at, now=now, grace_days=7)
        found = held(shop)
        assert (found.price_id, found.spending_limit, found.spending_calls) == (price_id, 10_000, calls)
    sync_subscription(row.stripe_subscription_id, syncing)
    assert (held(shop).price_id, held(shop).spending_calls) == (shop.pro[1].id, 27_750)


def test_a_move_that_waits_keeps_the_calls_until_it_happens(
    owner: FlaskClient, shop: Shop, bought: int, address: str, syncing: Syncing, stripe_world: StripeWorld,
    clock: ManualClock,
) -> None:  # fmt: skip
    put(owner, address, 5800)
    small, price = make_plan(
        shop.api, "small", amount=900, usage_model="per_unit", unit_amount=Decimal(1), included_quantity=0
    )
    page = owner.get(f"/subscriptions/{bought}/plan/{small.id}").text
    assert "Your spending limit of €58.00 stays. On Small it is enough for 4,900 calls a period." in page
    has_called(shop, 9000)
    assert "so calls stop at once" not in owner.get(f"/subscriptions/{bought}/plan/{small.id}").text
    seen = page.partition('name="seen" value="')[2].partition('"')[0]
    assert owner.post(f"/subscriptions/{bought}/plan/{small.id}", data={"seen": seen}).status_code == 303
    assert held(shop).spending_calls == 17_250
    clock.advance(timedelta(days=32))
    stripe_world.control("clock", advance=int(timedelta(days=32).total_seconds()))
    sync_subscription(held(shop).stripe_subscription_id or "", syncing)
    found = held(shop)
    assert (found.price_id, found.spending_limit, found.spending_calls) == (price.id, 5800, 4900)


def test_what_a_dearer_plan_makes_of_it_is_said_before(
    owner: FlaskClient, shop: Shop, bought: int, address: str
) -> None:
    put(owner, address, 5800)
    has_called(shop, 12_000)
    dear, _price = make_plan(shop.api, "dear", amount=9900, usage_model="per_unit", included_quantity=11_000)
    page = owner.get(f"/subscriptions/{bought}/plan/{dear.id}").text
    assert "is below the fee of Dear: the first 11,000 calls of a period" in page
    assert "You have made 12,000 calls in this period, so calls stop at once." in page
    flat = owner.get(f"/subscriptions/{bought}/plan/{shop.trial[0].id}").text
    assert "Scale bills no calls beyond its fee, so your spending limit of €58.00 has nothing to stop." in flat


def test_on_a_plan_that_cannot_reach_it_the_money_is_remembered(shop: Shop, clock: ManualClock) -> None:
    row = make_subscription(shop.account, *shop.pro, clock.now(), stripe_subscription_id="sub_x")
    free_steps = (Tier(Decimal(10), Decimal(10)), Tier(None, Decimal(0)))
    _steps, price = make_plan(shop.api, "steps", amount=0, usage_model="graduated", tiers=free_steps)
    with transaction(SYSTEM):
        spending.set_limit(shop.account.id, row.id, 5800, actor="user:1", organisation_id=None)
        terms = get_offer_of_price(price.id).terms
        assert spending.calls_on(terms, 5800) == spending.UNREACHED
        found = db.session.get_one(Subscription, row.id)
        found.price_id, found.spending_calls = price.id, spending.calls_on(terms, 5800)
    with scoped(SYSTEM):
        own = spending.spending_of(db.session.get_one(Subscription, row.id))
    assert own is not None
    assert (own.amount, own.calls) == (5800, None)


def test_mails_go_to_whoever_may_buy_and_not_when_the_limit_was_raised_meanwhile(
    owner: FlaskClient, shop: Shop, address: str
) -> None:
    organisation = db.session.get(Organisation, shop.account.organisation_id)
    payer = make_user("Kim", organisation=organisation, role="billing", locale="de")
    developer = make_user("Dan", organisation=organisation, role="developer")
    put(owner, address, 5800)
    has_called(shop, 17_250)
    recurring.tell_of_spending_limits()
    put(owner, address, 20_000)
    outbox()
    assert not [one for one in subjects_to(payer.email) if "Limit" in one], "it was raised before anybody read it"
    put(owner, address, 5900)
    recurring.tell_of_spending_limits()
    outbox()
    assert subjects_to(payer.email)[
        -1
    ] == "Über 80\N{NO-BREAK SPACE}% des Ausgabenlimits für Rates sind verbraucht".replace("\N{NO-BREAK SPACE}", " ")
    assert "/spending-limit" in mails_to(payer.email)[0].text
    has_called(shop, 18_000)
    recurring.tell_of_spending_limits()
    outbox()
    assert "Ihr Limit von 59,00" in subjects_to(payer.email)[-1]
    assert subjects_to(developer.email) == []


def test_it_is_cheap_to_look_for_who_is_near(shop: Shop) -> None:
    with scoped(SYSTEM) as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        statement = text("EXPLAIN SELECT id FROM subscriptions WHERE spending_limit IS NOT NULL")
        plan = "\n".join(session.scalars(statement))
    assert shop
    assert "subscriptions_limited" in plan


@pytest.mark.usefixtures("bought")
def test_the_field_reads_what_people_write(owner: FlaskClient, shop: Shop, address: str) -> None:
    page = address.removeprefix("/api")
    for typed, amount in (
        ("€ 58", 5800),
        ("58,5", 5850),
        ("1.234,50 €", 123_450),
        ("1,234", 123_400),
        ("EUR 90", 9000),
    ):
        assert owner.post(page, data={"spending_limit": typed}).status_code == 303
        assert held(shop).spending_limit == amount
    for typed in (
        "fifty",
        "58.0001",
        "-58",
        "1.2.3",
        "٥٨",
        "9" * 40,
        "58\x00e",
        "1e9",
        "999999999999",
        "\x00",
        "\u200b",
    ):
        refused = owner.post(page, data={"spending_limit": typed})
        assert refused.status_code == 422
        assert 'aria-invalid="true"' in refused.text
        assert held(shop).spending_limit == 9000
    assert owner.post(page, data={"spending_limit": "  "}).status_code == 303
    assert held(shop).spending_limit is None
    assert plugs().holds_limits


@pytest.mark.usefixtures("bought")
def test_half_a_form_takes_no_limit_away(owner: FlaskClient, shop: Shop, address: str) -> None:
    assert put(owner, address, 9000).status_code == 200
    assert owner.post(address.removeprefix("/api"), data={"told": "None"}).status_code == 422
    assert held(shop).spending_limit == 9000


def test_a_form_without_the_field_sets_no_limit_that_nobody_saw(owner: FlaskClient, shop: Shop) -> None:
    assert owner.post(f"/subscribe/{shop.pro[0].id}", data={"terms": "1"}).status_code == 303
    with scoped(SYSTEM) as session:
        assert session.scalars(select(Purchase.spending_limit)).one() is None
    shown = owner.get(f"/subscribe/{shop.pro[0].id}?spending_limit=&calls=9").text
    assert "No limit: every call is served, and billed as the plan says." in shown
    assert 'type="hidden" name="spending_limit" value=""' in shown, "asking about a volume keeps what was chosen"
