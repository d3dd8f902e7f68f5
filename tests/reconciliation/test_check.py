"""“Check my purchase”: the customer's own look, in their words, and what it may put right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.db import SYSTEM, scoped
from portal.entitlements.queries import list_live
from portal.kit.clock import ManualClock
from tests.factories import make_account, make_organisation, make_user
from tests.payments.conftest import Shop, colleague, held
from tests.reconciliation.conftest import Recon
from tests.sign_in import sign_in_as
from tests.stripe_world import StripeWorld

AsOwner = Callable[[str], None]


def address(shop: Shop, rest: str = "") -> str:
    return f"/subscriptions/{held(shop).id}/check{rest}"


def rights(shop: Shop, clock: ManualClock) -> int:
    with scoped(SYSTEM):
        return len(list_live(shop.account.id, clock.now()))


def test_the_page_of_a_subscription_offers_it(owner: FlaskClient, bought: int, shop: Shop) -> None:
    assert address(shop) in owner.get(f"/subscriptions/{bought}").text
    assert "Check my purchase" in owner.get(address(shop)).text


def test_everything_agrees(owner: FlaskClient, bought: int, shop: Shop, recon: Recon) -> None:
    assert "Everything agrees" in owner.post(address(shop)).text
    assert recon.open() == []


def test_a_lost_right_is_put_right_by_the_customer(
    owner: FlaskClient, bought: int, shop: Shop, recon: Recon, as_owner: AsOwner, clock: ManualClock
) -> None:
    as_owner("DELETE FROM entitlements")
    found = owner.post(address(shop)).text
    assert "whether your keys open the API" in found
    assert "Put it right" in found
    assert recon.codes() == ["ENT_MISSING"], "operators see it as well"
    assert "Put right" in owner.post(address(shop, "/repair")).text
    assert rights(shop, clock) == 1
    assert recon.open() == []
    assert recon.actions()[0].actor.startswith("user:")


def test_a_missed_cancellation_is_taken_over(
    owner: FlaskClient, bought: int, shop: Shop, stripe_world: StripeWorld, clock: ManualClock
) -> None:
    stripe_world.api("DELETE", f"subscriptions/{held(shop).stripe_subscription_id}")
    assert "whether your subscription runs" in owner.post(address(shop)).text
    assert "Put right" in owner.post(address(shop, "/repair")).text
    assert (held(shop).status, rights(shop, clock)) == ("canceled", 0)


def test_what_is_not_a_customer_s_to_mend_is_noted(
    owner: FlaskClient, bought: int, shop: Shop, as_owner: AsOwner, recon: Recon
) -> None:
    as_owner("UPDATE subscriptions SET status = 'canceled', ended_at = now(), canceled_at = now()")
    as_owner("DELETE FROM entitlements")
    page = owner.post(address(shop)).text
    assert "on our list now" in page
    assert "Put it right" not in page
    owner.post(address(shop, "/repair"))
    assert held(shop).status == "canceled"
    assert recon.codes() == ["SUB_STATUS_DIFF"]


def test_without_an_answer_nothing_is_promised(
    owner: FlaskClient, bought: int, shop: Shop, stripe_world: StripeWorld
) -> None:
    stripe_world.control("faults", api=[{"kind": "error", "status": 500, "path": "/v1/subscriptions", "count": 1000}])
    page = owner.post(address(shop)).text
    stripe_world.control("faults", method="DELETE")
    assert "We could not find out" in page
    assert held(shop).status == "active"


def test_the_part_is_the_region_of_the_page(owner: FlaskClient, bought: int, shop: Shop) -> None:
    part = owner.get(address(shop), headers={"HX-Request": "true"}).text
    assert part.strip().startswith("<section")
    assert "<html" not in part
    assert 'id="purchase-check"' in owner.get(address(shop)).text


def test_nobody_checks_what_is_not_theirs(app: Flask, bought: int, shop: Shop, client: FlaskClient) -> None:
    elsewhere = make_organisation()
    make_account(elsewhere)
    dan = sign_in_as(app.test_client(), make_user("Dan", organisation=elsewhere))
    for method in ("GET", "POST"):
        assert dan.open(address(shop), method=method).status_code == 404
        assert client.open(address(shop), method=method).status_code in (303, 401)
    assert dan.post(address(shop, "/repair")).status_code == 404


@pytest.mark.parametrize("role", ["viewer", "developer"])
def test_everybody_in_the_organisation_may_ask(app: Flask, bought: int, shop: Shop, role: str) -> None:
    assert "Everything agrees" in colleague(app, shop, role).post(address(shop)).text
