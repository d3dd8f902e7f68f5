"""The pages of moving to another plan."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped, transaction
from portal.demo.usage import believable_calls
from portal.kit.clock import ManualClock
from portal.metering.partitions import ensure_ahead
from portal.metering.rollups import recompute_dirty
from portal.metering.service import take_in
from portal.payments.models import PlanChange
from portal.subscriptions.models import Subscription
from tests.factories import make_api, make_organisation, make_plan, make_user
from tests.payments.conftest import Shop, colleague, held
from tests.sign_in import sign_in_as
from tests.stripe_world import StripeWorld


@pytest.fixture
def address(bought: int) -> str:
    """Where the plan of the paid subscription is changed."""
    return f"/subscriptions/{bought}/plan"


def without_token(page: str) -> str:
    """The form token is new every second; it must not decide whether two renderings are the same."""
    return re.sub(r'name="csrf_token" value="[^"]*"', "", page)


def seen(page: str) -> dict[str, str]:
    found = re.search(r'name="seen" value="([^"]+)"', page)
    assert found
    return {"seen": found[1]}


def test_plans_are_compared_at_ones_own_usage_and_the_present_one_is_marked(
    owner: FlaskClient, shop: Shop, address: str, clock: ManualClock
) -> None:
    page = owner.get(address)
    assert page.text.count("<strong>Your plan</strong>") == 1
    assert "Nothing was counted in the last 30 days" in page.text
    made = _calls(shop, clock)
    page = owner.get(address)
    assert f"You made {made:,} calls that count" in page.text
    assert "€29.00 for a month like your last" in page.text
    assert f"would refuse {made - 1000:,} of your calls" in page.text, "the free plan includes a thousand"
    assert "€29.00" in owner.get(f"{address}/{shop.trial[0].id}").text


def test_where_no_plan_can_be_changed_to_the_page_says_so_beforehand(owner: FlaskClient, address: str) -> None:
    assert "Look at Scale" in owner.get(address).text
    with transaction(SYSTEM) as session:
        session.execute(update(Subscription).values(cancel_at_period_end=True))
    page = owner.get(address).text
    assert "This subscription is about to end. Keep it first" in page
    assert "Look at" not in page
    with transaction(SYSTEM) as session:
        session.execute(
            update(Subscription).values(cancel_at_period_end=False, status="past_due", past_due_since=func.now())
        )
    assert "Settle the open payment first" in owner.get(address).text


def _calls(shop: Shop, clock: ManualClock) -> int:
    """Three days of calls; returns how many of them count."""
    mine = held(shop)
    calls = list(
        believable_calls(
            subscription_id=mine.id,
            account_id=mine.account_id,
            api_id=shop.api.id,
            api_key_id=None,
            until=clock.now(),
            days=3,
            per_day=900,
        )
    )
    with transaction(SYSTEM):
        ensure_ahead(clock.now() - timedelta(days=40), months=4)
        take_in(calls)
        while recompute_dirty(2_000):
            pass
    return sum(call.billable for call in calls)


def test_moving_up_charges_what_the_button_says(owner: FlaskClient, shop: Shop, address: str) -> None:
    large = make_plan(shop.api, "large", amount=19_900, rpm=6000)[0].id
    page = owner.get(f"{address}/{large}")
    assert page.status_code == 200
    button = re.search(r"Pay €([\d.]+) and switch", page.text)
    assert button
    answer = owner.post(f"{address}/{large}", data=seen(page.text), follow_redirects=True)
    assert "You are on Large now." in answer.text
    assert held(shop).plan_id == large
    with scoped(SYSTEM) as session:
        change = session.scalars(select(PlanChange)).one()
        trail = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id.desc())).first()
    assert (change.state, change.kind, change.amount_due) == ("done", "now", round(float(button[1]) * 100))
    assert trail == "subscription.plan_change"


def test_moving_down_waits_and_can_be_taken_back(owner: FlaskClient, shop: Shop, address: str) -> None:
    small = make_plan(shop.api, "plus", amount=900)[0].id
    page = owner.get(f"{address}/{small}")
    assert "Nothing is due now." in page.text
    answer = owner.post(f"{address}/{small}", data=seen(page.text), follow_redirects=True)
    assert "Planned." in answer.text
    assert held(shop).plan_id == shop.pro[0].id
    panel = owner.get(f"{address}/waiting").text
    assert "Plus is planned" in panel
    assert without_token(panel).strip() in without_token(owner.get(address).text)
    assert "Your plan stays as it is." in owner.post(f"{address}/undo", follow_redirects=True).text
    assert owner.get(f"{address}/waiting").text == ""
    assert owner.post(f"{address}/undo").status_code == 303


def test_figures_nobody_saw_move_nothing(owner: FlaskClient, shop: Shop, address: str) -> None:
    large = make_plan(shop.api, "large", amount=19_900)[0].id
    for sent in ({}, {"seen": ""}, {"seen": "x" * 5000}, {"seen": "WzFd.\x00ü"}, seen_of(owner, address, shop)):
        answer = owner.post(f"{address}/{large}", data=sent)
        assert answer.status_code == 409
        assert "nothing was done" in answer.text
    assert held(shop).plan_id == shop.pro[0].id


def seen_of(owner: FlaskClient, address: str, shop: Shop) -> dict[str, str]:
    """What a person saw of another plan."""
    return seen(owner.get(f"{address}/{shop.trial[0].id}").text)


def test_a_declined_card_is_said_and_nothing_changes(
    owner: FlaskClient, shop: Shop, address: str, stripe_world: StripeWorld
) -> None:
    subscription = stripe_world.api("GET", f"subscriptions/{held(shop).stripe_subscription_id}")
    stripe_world.api("POST", "payment_methods/pm_card_chargeCustomerFail/attach", customer=subscription["customer"])
    failing = stripe_world.api("GET", "payment_methods", customer=subscription["customer"])["data"][0]["id"]
    stripe_world.api("POST", f"subscriptions/{subscription['id']}", default_payment_method=failing)
    large = make_plan(shop.api, "large", amount=19_900)[0].id
    page = owner.get(f"{address}/{large}")
    answer = owner.post(f"{address}/{large}", data=seen(page.text))
    assert answer.status_code == 402
    assert "Nothing was charged and your plan stays as it is." in answer.text
    assert "Update the card" in answer.text
    assert held(shop).plan_id == shop.pro[0].id


def test_an_outcome_that_nobody_knows_can_be_asked_for_again(
    owner: FlaskClient, shop: Shop, address: str, stripe_world: StripeWorld
) -> None:
    large = make_plan(shop.api, "large", amount=19_900)[0].id
    page = owner.get(f"{address}/{large}")
    path = f"/v1/subscriptions/{held(shop).stripe_subscription_id}"
    away = {"kind": "error", "status": 503, "path": path, "method": "POST", "count": 2, "stored": False}
    stripe_world.control("faults", api=[away])
    answer = owner.post(f"{address}/{large}", data=seen(page.text), follow_redirects=True)
    print(re.findall(r"<div class=.notice.*?</div>", answer.text, re.S))
    assert "nobody knows yet" in answer.text
    assert held(shop).plan_id == shop.pro[0].id
    stripe_world.control("faults", method="DELETE")
    again = owner.post(f"{address}/{large}", data=seen(page.text), follow_redirects=True)
    assert "You are on Large now." in again.text
    assert held(shop).plan_id == large
    assert len(stripe_world.api("GET", "invoices", limit=10)["data"]) == 2


def test_the_buying_page_leads_owners_of_a_paid_plan_to_the_move(owner: FlaskClient, shop: Shop, address: str) -> None:
    answer = owner.get(f"/subscribe/{shop.trial[0].id}")
    assert (answer.status_code, answer.location) == (303, f"{address}/{shop.trial[0].id}")


def test_who_may_not(app: Flask, shop: Shop, address: str) -> None:
    plan = f"{address}/{shop.trial[0].id}"
    stranger, outsider = (
        app.test_client(),
        sign_in_as(app.test_client(), make_user("Dan", organisation=make_organisation())),
    )
    viewer = colleague(app, shop, "viewer")
    for path in (address, plan):
        assert stranger.get(path).status_code == 303
        assert outsider.get(path).status_code == 404
    assert viewer.get(address).status_code == 200
    assert "Ask an owner" in viewer.get(address).text
    assert (viewer.get(plan).status_code, viewer.post(plan).status_code) == (403, 403)
    assert (outsider.post(plan).status_code, outsider.post(f"{address}/undo").status_code) == (404, 404)


def test_what_is_not_there(owner: FlaskClient, shop: Shop, address: str) -> None:
    other = make_plan(make_api(make_organisation(), "Other"), "pro")[0].id
    for plan_id in (other, 10**9, 2**70):
        assert owner.get(f"{address}/{plan_id}").status_code == 404
        assert owner.post(f"{address}/{plan_id}").status_code in (404, 409)
    assert owner.get(f"/subscriptions/{10**9}/plan").status_code == 404
    assert owner.delete(address).status_code == 405
    own = owner.get(f"{address}/{shop.pro[0].id}")
    assert own.status_code == 303
