"""`/api/admin/billing/reconciliation`: the fields of the earlier billing service, for operators only."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from portal.kit.clock import ManualClock
from tests.factories import make_account, make_organisation, make_subscription
from tests.payments.conftest import Shop, held
from tests.reconciliation.conftest import Recon
from tests.stripe_world import StripeWorld

URL = "/api/admin/billing/reconciliation"


def read(client: FlaskClient, **arguments: Any) -> dict[str, Any]:
    answer = client.get(URL, query_string=arguments)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json
    return body


def test_records_show_both_sides(olive: FlaskClient, bought: int, shop: Shop, stripe_world: StripeWorld) -> None:
    body = read(olive)
    assert body["stripeAvailable"] is True
    assert body["summary"] == {"total": 1, "inSync": 1, "mismatched": 0, "unknown": 0}
    (record,) = body["records"]
    assert (record["entitlementId"], record["userExternalId"]) == (str(bought), shop.account.external_id)
    assert (record["plan"], record["status"], record["mismatchReasons"]) == ("CUSTOM", "ACTIVE", [])
    assert record["local"]["stripeSubscriptionId"] == record["stripe"]["stripeSubscriptionId"]
    stripe_world.api("DELETE", f"subscriptions/{held(shop).stripe_subscription_id}")
    body = read(olive)
    assert body["summary"] == {"total": 1, "inSync": 0, "mismatched": 1, "unknown": 0}
    assert body["records"][0]["mismatchReasons"] == ["SUB_STATUS_DIFF"]
    assert (body["records"][0]["local"]["status"], body["records"][0]["stripe"]["status"]) == ("ACTIVE", "CANCELED")


def test_a_free_subscription_has_no_other_side(olive: FlaskClient, shop: Shop, clock: ManualClock) -> None:
    make_subscription(shop.account, *shop.free, clock.now())
    (record,) = read(olive)["records"]
    assert (record["plan"], record["stripe"], record["mismatchReasons"]) == ("FREE", None, ["ENT_MISSING"])


def test_without_an_answer_a_record_is_unknown(olive: FlaskClient, bought: int, stripe_world: StripeWorld) -> None:
    stripe_world.control("faults", api=[{"kind": "error", "status": 500, "path": "/v1/subscriptions", "count": 1000}])
    body = read(olive)
    stripe_world.control("faults", method="DELETE")
    assert body["stripeAvailable"] is False
    assert body["summary"] == {"total": 1, "inSync": 0, "mismatched": 0, "unknown": 1}


def test_one_record_for_an_account_and_a_product_and_pages_of_them(
    olive: FlaskClient, shop: Shop, clock: ManualClock
) -> None:
    make_subscription(shop.account, *shop.free, clock.now(), status="canceled")
    live = make_subscription(shop.account, *shop.free, clock.now())
    other = make_subscription(make_account(make_organisation()), *shop.free, clock.now())
    first = read(olive, limit=1)
    assert [one["entitlementId"] for one in first["records"]] == [str(live.id)]
    assert first["recordsInAll"] == 2
    second = read(olive, limit=1, after=first["nextAfter"])
    assert [one["entitlementId"] for one in second["records"]] == [str(other.id)]
    for bad in ({"limit": "0"}, {"limit": "x"}, {"after": "-1"}, {"limit": "²"}):
        assert olive.get(URL, query_string=bad).status_code == 422


def test_sync_from_stripe(olive: FlaskClient, bought: int, shop: Shop, stripe_world: StripeWorld, recon: Recon) -> None:
    stripe_world.api("DELETE", f"subscriptions/{held(shop).stripe_subscription_id}")
    answer = olive.post(URL, json={"entitlementId": str(bought), "action": "sync_from_stripe"})
    assert answer.status_code == 200
    assert answer.json is not None
    assert (answer.json["verified"], answer.json["record"]["status"]) == ("agrees", "CANCELED")
    assert held(shop).status == "canceled"
    assert recon.actions()[0].reason == "asked for through the API"


def test_the_same_key_is_the_same_act(olive: FlaskClient, bought: int, shop: Shop, stripe_world: StripeWorld) -> None:
    stripe_world.api("POST", f"subscriptions/{held(shop).stripe_subscription_id}", cancel_at_period_end="true")
    wanted = {"entitlementId": str(bought), "action": "sync_from_stripe"}
    first = olive.post(URL, json=wanted, headers={"Idempotency-Key": "abc"})
    again = olive.post(URL, json=wanted, headers={"Idempotency-Key": "abc"})
    assert first.json is not None
    assert again.json is not None
    assert (first.json["repeated"], again.json["repeated"]) == (False, True)
    other = olive.post(URL, json={**wanted, "action": "reset_to_free"}, headers={"Idempotency-Key": "abc"})
    assert other.status_code == 409
    assert olive.post(URL, json=wanted, headers={"Idempotency-Key": "x" * 300}).status_code == 422


def test_reset_to_free_is_refused_while_stripe_shows_it_alive(olive: FlaskClient, bought: int, shop: Shop) -> None:
    wanted = {"entitlementId": str(bought), "action": "reset_to_free"}
    refused = olive.post(URL, json=wanted)
    assert refused.status_code == 409
    assert refused.json is not None
    assert refused.json["type"] == "/problems/live-at-provider"
    assert held(shop).status == "active"
    assert olive.post(URL, json={**wanted, "force": True}).status_code == 422, "a reason is wanted"
    forced = olive.post(URL, json={**wanted, "force": True, "reason": "fraud"})
    assert forced.json is not None
    assert (forced.status_code, forced.json["verified"], held(shop).status) == (200, "differs", "canceled")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"entitlementId": "999", "action": "sync_from_stripe"}, 404),
        ({"entitlementId": "abc", "action": "sync_from_stripe"}, 404),
        ({"entitlementId": "1", "action": "drop"}, 422),
        ({"entitlementId": 1, "action": "sync_from_stripe"}, 422),
        ({"action": "sync_from_stripe"}, 422),
        ({"entitlementId": "1", "action": "sync_from_stripe", "x": 1}, 422),
    ],
)
def test_faulty_requests(olive: FlaskClient, body: dict[str, Any], status: int) -> None:
    assert olive.post(URL, json=body).status_code == status


def test_for_operators_only(owner: FlaskClient, client: FlaskClient) -> None:
    assert owner.get(URL).status_code == 403
    assert owner.post(URL, json={"entitlementId": "1", "action": "sync_from_stripe"}).status_code == 403
    assert client.get(URL).status_code == 401
