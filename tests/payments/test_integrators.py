"""Space Journal sells its Pro plan through us: checkout, portal, entitlements, grants. Seed 001, request by request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jobs import drain
from portal.kit.clock import ManualClock
from portal.payments.syncing import Syncing
from portal.projects.models import Project
from tests.factories import make_app_key, make_feature, make_project, make_sold
from tests.sign_in import Machine
from tests.stripe_world import StripeWorld, deliver


@dataclass
class Journal:
    """The integrator's backend."""

    client: FlaskClient
    key: str
    project: Project
    monthly: str
    lifetime: str
    world: StripeWorld
    clock: ManualClock

    def post(self, path: str, headers: dict[str, str] | None = None, **body: Any) -> TestResponse:
        body = {"user_id": "user_42", "project_id": self.project.id, **body}
        return self.client.post(path, json=body, headers={"X-API-Key": self.key, **(headers or {})})

    def get(self, path: str, **query: Any) -> TestResponse:
        query = {"user_id": "user_42", "project_id": self.project.id, **query}
        return self.client.get(path, query_string=query, headers={"X-API-Key": self.key})

    def checkout(self, price: str, mode: str, **more: Any) -> TestResponse:
        urls = {"success_url": "https://app.local/success", "cancel_url": "https://app.local/cancel"}
        return self.post("/api/v1/checkout/session", price_id=price, mode=mode, **{**urls, **more})

    def buys(self, price: str, mode: str) -> None:
        """The user pays on the hosted page, and Stripe tells us."""
        assert self.world.pay(self.checkout(price, mode).json["checkout_url"]).startswith("https://app.local/success")
        self.hears()

    def hears(self) -> None:
        for event in self.world.events():
            assert deliver(self.client, event, self.clock.now().timestamp()).status_code == 200
        drain.inbox()
        drain.outbox()

    def codes(self, **query: Any) -> list[str]:
        answer = self.get("/api/v1/entitlements", **query)
        assert answer.status_code == 200, answer.text
        return [one["feature_code"] for one in answer.json["features"]]


@pytest.fixture
def journal(app: Flask, syncing: Syncing, stripe_world: StripeWorld, clock: ManualClock) -> Journal:
    product = stripe_world.api("POST", "products", name="Space Journal Pro")["id"]
    recurring = {"recurring[interval]": "month", "currency": "usd", "unit_amount": 1499, "product": product}
    monthly = stripe_world.api("POST", "prices", **recurring)["id"]
    lifetime = stripe_world.api("POST", "prices", currency="usd", unit_amount=9900, product=product)["id"]
    project = make_project("space_journal")
    make_sold(project, make_feature(project, "pro"), monthly)
    make_sold(project, make_feature(project, "atlas"), lifetime, amount=9900, one_time=True, access_days=30)
    make_feature(project, "labs")
    _app, key = make_app_key(project, app.config["SETTINGS"].pepper, clock.now())
    return Journal(Machine(app), key, project, monthly, lifetime, stripe_world, clock)


def test_a_user_pays_and_may_use_what_they_paid_for(journal: Journal) -> None:
    assert journal.codes() == []
    answer = journal.checkout(journal.monthly, "subscription")
    assert answer.status_code == 200
    assert set(answer.json) == {"checkout_url", "purchase_id"}
    assert journal.checkout(journal.monthly, "subscription").json == answer.json  # asked twice: the same page
    assert journal.codes() == []
    journal.buys(journal.monthly, "subscription")
    [right] = journal.get("/api/v1/entitlements").json["entitlements"]
    assert right["feature_code"] == "pro"
    assert (right["active"], right["source"], right["valid_from"][-1]) == (True, "subscription", "Z")
    refused = journal.checkout(journal.monthly, "subscription")
    assert (refused.status_code, refused.json["type"]) == (409, "/problems/already-subscribed")


def test_the_billing_portal_is_for_those_who_have_been_at_a_checkout(journal: Journal) -> None:
    eligible = journal.get("/api/v1/portal/eligibility")
    assert (eligible.json["eligible"], eligible.json["reason"]) == (False, "unknown_user")
    refused = journal.post("/api/v1/portal/session", return_url="https://app.local/account")
    assert (refused.status_code, refused.json["title"]) == (404, "customer not found")
    journal.buys(journal.monthly, "subscription")
    eligible = journal.get("/api/v1/portal/eligibility")
    assert eligible.json == {
        "user_id": "user_42", "eligible": True, "reason": "ok", "live_subscriptions": 1, "past_due": False,
    }  # fmt: skip
    opened = journal.post("/api/v1/portal/session", return_url="https://app.local/account")
    assert opened.json["portal_url"].startswith(journal.world.url)


def test_what_is_paid_once_lasts_for_its_days_and_goes_with_its_money(journal: Journal) -> None:
    journal.buys(journal.lifetime, "payment")
    [right] = journal.get("/api/v1/entitlements", feature_code="atlas").json["entitlements"]
    assert right["source"] == "purchase"
    again = journal.checkout(journal.lifetime, "payment")
    assert (again.status_code, again.json["type"]) == (409, "/problems/already-bought")
    later = (journal.clock.now() + timedelta(days=29)).isoformat()
    after = (journal.clock.now() + timedelta(days=31)).isoformat()
    assert journal.codes(as_of=later) == ["atlas"]
    assert journal.codes(as_of=after) == []
    [payment] = journal.world.api("GET", "payment_intents")["data"]
    journal.world.api("POST", "refunds", payment_intent=payment["id"], amount=5000)
    journal.hears()
    assert journal.codes() == ["atlas"], "a part given back takes nothing away"
    journal.world.api("POST", "refunds", payment_intent=payment["id"])
    journal.hears()
    assert journal.codes() == []
    assert journal.checkout(journal.lifetime, "payment").status_code == 200


def test_a_period_whose_money_is_given_back_supports_no_right(journal: Journal) -> None:
    journal.buys(journal.monthly, "subscription")
    [payment] = journal.world.api("GET", "payment_intents")["data"]
    journal.world.api("POST", "refunds", payment_intent=payment["id"])
    journal.hears()
    assert journal.codes() == []
    told = journal.get("/api/v1/entitlements/explain", feature_code="pro").json
    assert told["allowed"] is False
    [cause] = told["causes"]
    assert (cause["status"], cause["reason"]) == ("active", "refunded")
    assert cause["payments"][0]["amount_refunded"] == 1499
    assert "refund" in {event["type"].split(".")[0] for event in told["causes"][0]["payments"][0]["events"]} | {
        "refund"
    }


def test_explain_leads_from_the_right_to_the_provider_s_object_and_event(journal: Journal) -> None:
    journal.buys(journal.monthly, "subscription")
    told = journal.get("/api/v1/entitlements/explain", feature_code="pro").json
    assert told["allowed"] is True
    [proof] = told["proofs"]
    assert (proof["state"], proof["source"]) == ("live", "subscription")
    source = proof["because_of"]
    assert source["stripe_object"].startswith("sub_")
    assert "customer.subscription.created" in {event["type"] for event in source["events"]}
    assert source["payments"][0]["stripe_object"].startswith("pi_")
    assert journal.get("/api/v1/entitlements/explain", feature_code="gold").status_code == 404


def test_support_gives_and_takes_by_hand_with_who_and_why(journal: Journal) -> None:
    until = (journal.clock.now() + timedelta(days=10)).isoformat()
    grant = {"feature_code": "labs", "granted_by": "support@spacehq", "reason": "VIP pilot", "valid_to": until}
    given = journal.post("/api/v1/admin/grant", **grant)
    assert (given.status_code, given.json["active"], given.json["replaced"]) == (201, True, False)
    assert journal.codes() == ["labs"]
    longer = journal.post("/api/v1/admin/grant", **{**grant, "valid_to": None})
    assert longer.json["replaced"] is True
    [right] = journal.get("/api/v1/entitlements").json["entitlements"]
    assert (right["source"], right["valid_to"]) == ("manual", None)
    journal.clock.advance(timedelta(hours=1))
    taken = journal.post("/api/v1/admin/revoke", feature_code="labs", granted_by="support@spacehq", reason="Pilot over")
    assert (taken.json["revoked"], taken.json["still_active"]) == (1, False)
    assert journal.codes() == []
    before = (journal.clock.now() - timedelta(minutes=5)).isoformat()
    assert journal.codes(as_of=before) == ["labs"], "what was true then stays true then"
    nothing = journal.post("/api/v1/admin/revoke", feature_code="labs", revoked_by="support", reason="Again")
    assert (nothing.status_code, nothing.json["revoked"]) == (200, 0)


def test_a_grant_that_makes_no_sense_is_refused_with_the_field(journal: Journal) -> None:
    grant = {"feature_code": "labs", "granted_by": "support", "reason": "why"}
    past = (journal.clock.now() - timedelta(days=1)).isoformat()
    for faulty, field in [
        ({"valid_to": past}, "valid_to"),
        ({"valid_from": past}, "valid_from"),
        ({"valid_to": 1_767_225_600}, "valid_to"),
        ({"valid_to": "2026-01-01T00:00:00"}, "valid_to"),
        ({"reason": ""}, "reason"),
        ({"quantity": "7"}, "quantity"),
        ({"colour": "red"}, "colour"),
    ]:
        answer = journal.post("/api/v1/admin/grant", **{**grant, **faulty})
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
    assert journal.post("/api/v1/admin/grant", **{**grant, "feature_code": "gold"}).status_code == 404
    assert journal.codes() == []


def test_the_key_decides_the_project(app: Flask, journal: Journal, clock: ManualClock) -> None:
    other = make_project("elsewhere")
    wrong = journal.get("/api/v1/entitlements", project_id=other.id)
    assert (wrong.status_code, wrong.json["title"]) == (403, "Project ID does not match")
    nobody = journal.client.get(f"/api/v1/entitlements?user_id=u&project_id={journal.project.id}")
    assert nobody.status_code == 401
    unknown = journal.client.get("/api/v1/entitlements", headers={"X-API-Key": journal.key[:-1] + "A"})
    assert (unknown.status_code, unknown.mimetype) == (401, "application/problem+json")
    _app, narrow = make_app_key(other, app.config["SETTINGS"].pepper, clock.now(), scopes=["checkout"])
    asked = f"/api/v1/entitlements?user_id=u&project_id={other.id}"
    lacking = journal.client.get(asked, headers={"X-API-Key": narrow})
    assert (lacking.status_code, lacking.json["type"]) == (403, "/problems/scope-missing")
    _off, off = make_app_key(other, app.config["SETTINGS"].pepper, clock.now(), active=False)
    assert journal.client.get(asked, headers={"X-API-Key": off}).status_code == 401


def test_another_project_s_users_prices_and_features_do_not_exist(
    app: Flask, journal: Journal, clock: ManualClock
) -> None:
    journal.buys(journal.monthly, "subscription")
    other = make_project("elsewhere")
    _app, key = make_app_key(other, app.config["SETTINGS"].pepper, clock.now())
    theirs = Journal(journal.client, key, other, journal.monthly, journal.lifetime, journal.world, clock)
    assert theirs.codes() == []
    assert theirs.checkout(journal.monthly, "subscription").status_code == 404
    assert theirs.get("/api/v1/entitlements/explain", feature_code="pro").status_code == 404
    assert theirs.get("/api/v1/portal/eligibility").json["reason"] == "unknown_user"


@pytest.mark.parametrize(
    "address",
    ["https://app.local.evil.test/", "https://evil.test/?https://app.local", "http://app.local/", "javascript:1"],
)
def test_people_are_only_sent_where_the_app_says(journal: Journal, address: str) -> None:
    answer = journal.checkout(journal.monthly, "subscription", success_url=address)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "success_url")


def test_the_mode_must_fit_the_price(journal: Journal) -> None:
    answer = journal.checkout(journal.monthly, "payment")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "mode")
    assert "subscription" in answer.json["detail"]


def test_a_request_sent_twice_with_its_key_has_one_effect_and_one_answer(journal: Journal) -> None:
    grant = {"feature_code": "labs", "granted_by": "support", "reason": "why"}
    key = {"Idempotency-Key": "grant-1"}
    first = journal.post("/api/v1/admin/grant", headers=key, **grant)
    second = journal.post("/api/v1/admin/grant", headers=key, **grant)
    assert second.status_code == first.status_code == 201
    assert second.json == first.json
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    other = journal.post("/api/v1/admin/grant", headers=key, **{**grant, "reason": "another"})
    assert (other.status_code, other.json["type"]) == (422, "/problems/idempotency-key-reused")
    refused = journal.post("/api/v1/admin/grant", headers={"Idempotency-Key": "g 2"}, **grant)
    assert refused.status_code == 400
    faulty = journal.post("/api/v1/admin/grant", headers={"Idempotency-Key": "g-3"}, **{**grant, "reason": ""})
    mended = journal.post("/api/v1/admin/grant", headers={"Idempotency-Key": "g-3"}, **grant)
    assert (faulty.status_code, mended.status_code) == (422, 201), "what was refused may be corrected"


def test_while_the_provider_is_away_the_same_request_is_sent_again(journal: Journal) -> None:
    away = {"kind": "error", "path": "/v1/", "count": 100, "stored": False}
    key = {"Idempotency-Key": "once-more"}
    urls = {"success_url": "https://app.local/success", "cancel_url": "https://app.local/cancel"}
    wanted = {"price_id": journal.monthly, "mode": "subscription", **urls}

    def ask(address: str, **body: Any) -> TestResponse:
        return journal.post(f"/api/v1/{address}/session", headers=key, **body)

    journal.world.control("faults", api=[away])
    silent = ask("checkout", **wanted)
    assert (silent.status_code, silent.json["type"]) == (503, "/problems/payments-unavailable")
    assert silent.headers["Retry-After"] == "5"
    journal.world.control("faults", method="DELETE")
    assert ask("checkout", **wanted).status_code == 200
    journal.world.control("faults", api=[away])
    silent = ask("portal", return_url="https://app.local/account")
    assert (silent.status_code, silent.json["type"]) == (503, "/problems/payments-unavailable")
    journal.world.control("faults", method="DELETE")
    assert ask("portal", return_url="https://app.local/account").status_code == 200
