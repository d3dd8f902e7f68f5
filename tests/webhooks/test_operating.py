"""Operators see what became of every event, and put back what was given up."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from jobs import drain
from portal.adapters.inline_queue import RememberingBell
from portal.audit.models import AuditEntry
from portal.db import SYSTEM, enter_scope, scoped, transaction
from portal.kit.clock import ManualClock
from portal.webhooks.models import WebhookEvent
from portal.webhooks.redaction import LEFT_OUT, without_secrets
from tests.factories import make_organisation, make_user
from tests.payments.conftest import Shop
from tests.sign_in import sign_in_as
from tests.stripe_world import StripeWorld, deliver
from tests.webhooks.test_intake import event

CSRF: dict[str, str] = {}


@pytest.fixture
def olive(app: Flask) -> FlaskClient:
    user = make_user("Olive", organisation=make_organisation("Market Office"), is_operator=True)
    return sign_in_as(app.test_client(), user)


def the_event() -> WebhookEvent:
    with scoped(SYSTEM) as session:
        return session.scalars(select(WebhookEvent)).one()


def make_due() -> None:
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE webhook_events SET next_attempt_at = clock_timestamp()"))


@pytest.fixture
def stranger(client: FlaskClient, clock: ManualClock, stripe_world: StripeWorld, bought: int) -> dict[str, Any]:
    """An event about a customer that we lost the link to; given up after its hour."""
    assert bought
    told = next(one for one in stripe_world.events() if one["type"] == "customer.subscription.created")
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE stripe_customers SET stripe_customer_id = 'cus_lost'"))
    deliver(client, told, clock.now().timestamp())
    drain.inbox()
    assert the_event().state == "retry"
    clock.advance(timedelta(minutes=61))
    make_due()
    drain.inbox()
    return told


def test_an_unknown_customer_is_given_up_after_an_hour_and_comes_back_by_replay(
    olive: FlaskClient, stranger: dict[str, Any], queue: RememberingBell
) -> None:
    row = the_event()
    assert (row.state, row.outcome) == ("dead", {"fault": "unknown_customer"})
    page = olive.get("/admin/webhooks?state=dead").text
    assert "no account of ours is linked to" in page
    with transaction(SYSTEM) as session:
        customer = stranger["data"]["object"]["customer"]
        session.execute(text("UPDATE stripe_customers SET stripe_customer_id = :id"), {"id": customer})
    queue.rings.clear()
    answer = olive.post(f"/admin/webhooks/{row.id}/replay", data={"reason": "The link is back, ticket 7"})
    assert answer.status_code == 303
    assert queue.rings == ["inbox"]
    drain.inbox()
    assert the_event().state == "done"
    with scoped(SYSTEM) as session:
        act = session.scalars(select(AuditEntry).where(AuditEntry.action == "webhooks.replay")).one()
    assert (act.subject, act.reason) == (f"webhook_event:{row.id}", "The link is back, ticket 7")
    assert "The link is back, ticket 7" in olive.get(f"/admin/webhooks/{row.id}").text


@pytest.mark.usefixtures("stranger")
def test_all_that_was_given_up_goes_back_at_once(olive: FlaskClient) -> None:
    answer = olive.post("/admin/webhooks/replay", data={"reason": "The map is whole again"})
    assert answer.status_code == 303
    assert the_event().state == "pending"
    again = olive.post("/admin/webhooks/replay", data={"reason": "Once more"})
    assert again.status_code == 409


@pytest.mark.usefixtures("stranger")
def test_a_replay_says_why(olive: FlaskClient) -> None:
    for address in ("/admin/webhooks/replay", f"/admin/webhooks/{the_event().id}/replay"):
        answer = olive.post(address, data={"reason": "  "})
        assert answer.status_code == 422
        assert "Say why" in answer.text
    assert the_event().state == "dead"


def test_what_waits_is_not_replayed(olive: FlaskClient, client: FlaskClient, clock: ManualClock) -> None:
    deliver(client, event(), clock.now().timestamp())
    answer = olive.post(f"/admin/webhooks/{the_event().id}/replay", data={"reason": "Impatience"})
    assert answer.status_code == 409
    assert the_event().attempts == 0


@pytest.mark.usefixtures("stranger")
def test_the_list_is_narrowed_by_state_type_object_and_text(
    olive: FlaskClient, client: FlaskClient, clock: ManualClock
) -> None:
    other = event(id="evt_other", type="product.created", data={"object": {"object": "product", "id": "prod_7"}})
    deliver(client, other, clock.now().timestamp())
    for narrowed in ("state=ignored", "type=product.created", "type=product.", "object=prod_7", "q=OD_7"):
        page = olive.get(f"/admin/webhooks?{narrowed}").text
        assert ">product.created</a>" in page
        assert ">customer.subscription.created</a>" not in page
    assert "No events here" in olive.get("/admin/webhooks?q=%25").text


def test_one_event_tells_its_story_without_its_secrets(
    olive: FlaskClient, client: FlaskClient, clock: ManualClock, stripe_world: StripeWorld, bought: int, shop: Shop
) -> None:
    assert bought
    for told in stripe_world.events():
        deliver(client, told, clock.now().timestamp())
    drain.inbox()
    with scoped(SYSTEM) as session:
        rows = session.scalars(select(WebhookEvent).where(WebhookEvent.state == "done")).all()
    assert rows
    for row in rows:
        page = olive.get(f"/admin/webhooks/{row.id}").text
        assert row.external_id in page
        assert "_secret_" not in page
        assert "/c/pay/" not in page
    invoice = next(row for row in rows if row.type == "invoice.paid")
    assert shop.buyer.name in olive.get(f"/admin/webhooks/{invoice.id}").text


def test_what_never_arrived_says_so(olive: FlaskClient, app: Flask, stripe_world: StripeWorld, bought: int) -> None:
    assert bought
    assert app.test_cli_runner().invoke(args=["webhooks", "fill-gaps"]).exit_code == 0
    enter_scope(SYSTEM)
    with scoped(SYSTEM) as session:
        row = session.scalars(select(WebhookEvent).limit(1)).one()
    assert "never delivered" in olive.get(f"/admin/webhooks/{row.id}").text
    assert "Stored" in olive.get("/admin/webhooks").text
    assert stripe_world.events()


def test_others_are_kept_out(owner: FlaskClient, client: FlaskClient) -> None:
    for address in ("/admin/webhooks", "/admin/webhooks/1"):
        assert owner.get(address).status_code == 403
        assert client.get(address).status_code == 303 or client.get(address).status_code == 302
    assert owner.post("/admin/webhooks/replay", data={"reason": "Mine"}).status_code == 403


@pytest.mark.usefixtures("stranger")
def test_the_command_lists_and_replays(app: Flask) -> None:
    run = app.test_cli_runner().invoke
    listed = run(args=["webhooks", "list", "--state", "dead"])
    assert "unknown_customer" in listed.output
    assert "1 dead" in listed.output
    assert run(args=["webhooks", "replay", "999", "--reason", "x"]).exit_code == 1
    assert "1 is in the queue again" in run(args=["webhooks", "replay", "--all-dead", "--reason", "Link mended"]).output
    enter_scope(SYSTEM)
    assert the_event().state == "pending"


@pytest.mark.usefixtures("stranger")
def test_probes_and_metrics_show_the_inbox(client: FlaskClient, app: Flask) -> None:
    token = app.config["SETTINGS"].metrics_token
    figures = client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).text
    assert 'portal_webhook_inbox_rows{state="dead"} 1.0' in figures
    assert "portal_webhook_oldest_due_seconds 0.0" in figures
    assert "portal_webhook_gap_events_total 0.0" in figures
    assert any("given up" in one for one in client.get("/ready").get_json()["warnings"])


def test_what_opens_a_door_is_left_out() -> None:
    body = {
        "client_secret": "pi_1_secret_2",
        "hosted_invoice_url": "https://pay.example/i/1",
        "url": "https://pay.example/c/1",
        "success_url": "https://portal.example/back",
        "lines": {"object": "list", "url": "/v1/invoices/in_1/lines", "data": [{"card": {"fingerprint": "f"}}]},
        "secret_count": 3,
    }
    kept = without_secrets(body)
    assert [kept[name] for name in ("client_secret", "hosted_invoice_url", "url")] == [LEFT_OUT] * 3
    assert kept["success_url"] == "https://portal.example/back"
    assert kept["lines"]["url"] == "/v1/invoices/in_1/lines"
    assert kept["lines"]["data"] == [{"card": {"fingerprint": LEFT_OUT}}]
    assert json.dumps(without_secrets([body])) == json.dumps([kept])
