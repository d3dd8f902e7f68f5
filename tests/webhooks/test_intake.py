"""The inbox takes what the provider signed, once, and nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.adapters.inline_queue import RememberingBell
from portal.db import SYSTEM, scoped
from portal.kit.clock import ManualClock
from portal.webhooks.models import WebhookEvent
from tests.sign_in import WAYS
from tests.stripe_world import deliver, signature

PATHS = ("/api/v1/webhooks/stripe", "/api/stripe/webhook", "/api/webhooks/stripe")


@pytest.fixture(params=WAYS)
def client(app: Flask, request: pytest.FixtureRequest) -> FlaskClient:
    """Stripe, by either way in: both give the same answers."""
    return WAYS[request.param](app, app.response_class)


def event(**changes: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "type": "customer.subscription.updated",
        "created": 1_773_133_200,
        "livemode": False,
        "api_version": "2026-10-28.endive",
        "data": {"object": {"object": "subscription", "id": "sub_1"}},
        **changes,
    }


def stored() -> list[WebhookEvent]:
    with scoped(SYSTEM) as session:
        return list(session.scalars(select(WebhookEvent)))


@pytest.mark.parametrize("path", PATHS)
def test_each_address_feeds_the_same_inbox(
    client: FlaskClient, clock: ManualClock, queue: RememberingBell, path: str
) -> None:
    answer = deliver(client, event(), clock.now().timestamp(), path)
    assert (answer.status_code, answer.get_json()["verdict"]) == (200, "stored")
    assert [row.external_id for row in stored()] == ["evt_1"]
    assert queue.rings == ["inbox"]


def test_a_repeat_is_counted_and_not_stored_again(client: FlaskClient, clock: ManualClock) -> None:
    for _time in range(3):
        assert deliver(client, event(), clock.now().timestamp()).status_code == 200
    assert [row.deliveries for row in stored()] == [3]


def test_the_same_id_with_another_body_is_marked_and_not_believed(client: FlaskClient, clock: ManualClock) -> None:
    deliver(client, event(), clock.now().timestamp())
    answer = deliver(client, event(type="invoice.paid"), clock.now().timestamp())
    assert answer.get_json()["verdict"] == "conflict"
    (row,) = stored()
    assert (row.type, row.conflicting_body) == ("customer.subscription.updated", True)


@pytest.mark.parametrize("minutes", [-6, 6, 600_000])
def test_signatures_from_the_past_and_the_future_are_refused(
    client: FlaskClient, clock: ManualClock, minutes: int
) -> None:
    answer = deliver(client, event(), (clock.now() + timedelta(minutes=minutes)).timestamp())
    assert answer.status_code == 400
    assert stored() == []


@pytest.mark.parametrize("change", ["body", "secret", "missing", "garbage", "v0"])
def test_forgeries_change_nothing(client: FlaskClient, clock: ManualClock, change: str) -> None:
    raw, at = json.dumps(event()).encode(), clock.now().timestamp()
    header = {
        "body": signature(raw + b" ", at),
        "secret": signature(raw, at, "whsec_somebody_else"),
        "missing": "",
        "garbage": "t=abc,v1=\x7f,,,=",
        "v0": signature(raw, at).replace("v1=", "v0="),
    }[change]
    answer = client.post(PATHS[0], data=raw, headers={"Stripe-Signature": header})
    assert answer.status_code == 400
    assert answer.mimetype == "application/problem+json"
    assert stored() == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[1]",
        b'"x"',
        b"{}",
        b'{"id":1,"type":2}',
        b"[" * 50_000,
        b'{"id":"evt_\\u0000","type":"invoice.paid"}',
        b'{"id":"evt_\\ud800","type":"invoice.paid"}',
    ],
)
def test_signed_bytes_that_are_no_event_get_a_400(client: FlaskClient, clock: ManualClock, raw: bytes) -> None:
    answer = client.post(PATHS[0], data=raw, headers={"Stripe-Signature": signature(raw, clock.now().timestamp())})
    assert answer.status_code == 400
    assert stored() == []


def test_a_delivery_beyond_the_limit_is_refused(client: FlaskClient, clock: ManualClock) -> None:
    raw = json.dumps(event(padding="x" * 600_000)).encode()
    answer = client.post(PATHS[0], data=raw, headers={"Stripe-Signature": signature(raw, clock.now().timestamp())})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"livemode": True}, "live and test mode do not mix"),
        ({"account": "acct_1"}, "connected accounts are not served by this endpoint"),
        (
            {"type": "product.updated", "data": {"object": {"object": "product", "id": "prod_1"}}},
            "not an event we act on",
        ),
        ({"type": "a.type.of.tomorrow"}, "not an event we act on"),
    ],
)
def test_what_needs_no_work_is_kept_with_its_reason(
    client: FlaskClient, clock: ManualClock, queue: RememberingBell, changes: dict[str, Any], reason: str
) -> None:
    assert deliver(client, event(**changes), clock.now().timestamp()).status_code == 200
    (row,) = stored()
    assert (row.state, row.outcome) == ("ignored", {"ignored": reason})
    assert queue.rings == []
