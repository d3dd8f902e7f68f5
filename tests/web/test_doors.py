"""The short way in: the same answers as the long one, nothing done twice, nothing let through that the other refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from flask import Flask, request_started
from flask.testing import FlaskClient
from prometheus_client import REGISTRY
from redis import Redis
from sqlalchemy import select

from portal.adapters.rq_queue import RQBell
from portal.app import create_app
from portal.db import SYSTEM, scoped
from portal.kit.clock import ManualClock
from portal.settings import Settings
from portal.web.plugs import Plugs
from portal.webhooks.models import WebhookEvent
from tests.sign_in import Browser, Machine
from tests.stripe_world import deliver, signature

PATH = "/api/v1/webhooks/stripe"
EVENT = {
    "id": "evt_1",
    "type": "customer.subscription.updated",
    "created": 1_773_133_200,
    "livemode": False,
    "data": {"object": {"object": "subscription", "id": "sub_1"}},
}


@pytest.fixture
def machine(app: Flask) -> FlaskClient:
    return Machine(app, app.response_class)


@pytest.fixture
def long_way(app: Flask) -> Iterator[list[str]]:
    """The addresses that were answered by Flask, in order."""
    seen: list[str] = []

    def note(sender: Flask, **_: Any) -> None:
        from flask import request

        seen.append(request.path)

    with request_started.connected_to(note, app):
        yield seen


def stored() -> list[WebhookEvent]:
    with scoped(SYSTEM) as session:
        return list(session.scalars(select(WebhookEvent)))


def test_a_plain_delivery_is_answered_before_flask_and_reads_the_same(
    app: Flask, machine: FlaskClient, clock: ManualClock, long_way: list[str]
) -> None:
    short = deliver(machine, EVENT, clock.now().timestamp())
    assert long_way == []
    long = deliver(Browser(app, app.response_class), {**EVENT, "id": "evt_2"}, clock.now().timestamp())
    assert long_way == [PATH]
    assert (short.status, short.data) == (long.status, long.data)
    own = {"X-Request-Id", "Vary", "Set-Cookie"}  # Vary and the cookie are the browser's, which keeps a session
    assert {each for each in short.headers if each[0] not in own} == {
        each for each in long.headers if each[0] not in own
    }


@pytest.mark.parametrize(("given", "kept"), [("0123456789abcdef", True), ("a b", False), ("", False)])
def test_a_request_has_one_id_by_either_way(machine: FlaskClient, clock: ManualClock, given: str, kept: bool) -> None:
    raw = json.dumps(EVENT).encode()
    good = {"Stripe-Signature": signature(raw, clock.now().timestamp()), "X-Request-Id": given}
    answers = [
        machine.post(PATH, data=raw, headers=good),
        machine.post(PATH, data=raw, headers={"X-Request-Id": given}),
    ]
    assert [answer.status_code for answer in answers] == [200, 400]
    assert all((answer.headers["X-Request-Id"] == given) is kept for answer in answers)
    assert answers[1].json["request_id"] == answers[1].headers["X-Request-Id"]


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": {"Cookie": "session=x"}},
        {"headers": {"Authorization": "Bearer x"}},
        {"headers": {"Content-Encoding": "identity"}},
        {"environ_overrides": {"CONTENT_LENGTH": "\u0663"}},
        {"environ_overrides": {"CONTENT_LENGTH": "-1"}},
        {"environ_overrides": {"HTTP_HOST": "not a host"}},
        {"method": "GET"},
        {"path": PATH + "/"},
    ],
)
def test_what_is_not_plain_is_left_to_flask(
    machine: FlaskClient, clock: ManualClock, long_way: list[str], changes: dict[str, Any]
) -> None:
    raw = json.dumps(EVENT).encode()
    headers = {"Stripe-Signature": signature(raw, clock.now().timestamp()), **changes.pop("headers", {})}
    answer = machine.open(**{"path": PATH, "method": "POST", "data": raw, "headers": headers, **changes})
    assert len(long_way) == 1
    assert answer.status_code < 500


def test_a_host_that_is_not_ours_is_refused_here_too(app: Flask, settings: Settings, clock: ManualClock) -> None:
    other = _app_like(app, settings, trusted_hosts="portal.example")
    machine = Machine(other, other.response_class)
    raw = json.dumps(EVENT).encode()
    headers = {"Stripe-Signature": signature(raw, clock.now().timestamp())}
    for host, status in (("portal.example", 200), ("evil.example", 400)):
        assert machine.post(PATH, data=raw, headers=headers, base_url=f"http://{host}").status_code == status


def test_what_the_door_refused_is_not_tried_again(
    machine: FlaskClient, clock: ManualClock, long_way: list[str]
) -> None:
    def forged() -> float:
        return REGISTRY.get_sample_value("portal_webhook_deliveries_total", {"verdict": "forged"}) or 0

    before = forged()
    answer = machine.post(
        PATH, data=b"{}", headers={"Stripe-Signature": signature(b"{}", clock.now().timestamp(), "x")}
    )
    assert (answer.status_code, answer.mimetype, long_way) == (400, "application/problem+json", [PATH])
    assert forged() - before == 1


def test_a_body_that_ends_early_is_no_delivery(machine: FlaskClient, clock: ManualClock) -> None:
    raw = json.dumps(EVENT).encode()
    answer = machine.post(
        PATH,
        data=raw,
        headers={"Stripe-Signature": signature(raw, clock.now().timestamp())},
        environ_overrides={"CONTENT_LENGTH": str(len(raw) + 10)},
    )
    assert answer.status_code == 400
    assert stored() == []


def test_without_the_database_a_delivery_is_asked_for_again(app: Flask, settings: Settings, clock: ManualClock) -> None:
    other = _app_like(app, settings, database_url="postgresql://nobody@127.0.0.1:1/nothing")
    answer = deliver(Machine(other, other.response_class), EVENT, clock.now().timestamp())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    assert answer.mimetype == "application/problem+json"


def test_a_connection_that_died_while_idle_is_not_noticed_by_the_sender(
    machine: FlaskClient, settings: Settings, clock: ManualClock
) -> None:
    assert deliver(machine, EVENT, clock.now().timestamp()).status_code == 200
    with psycopg.connect(settings.sqlalchemy_url.replace("+psycopg", ""), autocommit=True) as link:
        ended = link.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%INTO webhook_events%'"
            " AND pid <> pg_backend_pid()"
        ).fetchone()
    assert ended is not None
    assert ended[0] >= 1
    assert deliver(machine, EVENT, clock.now().timestamp()).json["verdict"] == "repeated"


def test_without_redis_a_delivery_is_stored_and_acknowledged(app: Flask, clock: ManualClock) -> None:
    ports: Plugs = app.extensions["portal"]
    app.extensions["portal"] = replace(ports, queue=RQBell(Redis.from_url("redis://127.0.0.1:1/0")))
    answer = deliver(Machine(app, app.response_class), EVENT, clock.now().timestamp())
    assert answer.json == {"received": True, "verdict": "stored"}
    assert [row.external_id for row in stored()] == ["evt_1"]


def _app_like(app: Flask, settings: Settings, **changes: Any) -> Flask:
    """A second application with other settings and the same clock."""
    # Made anew: a copy would keep the properties that were worked out from the old values.
    changed = Settings(_env_file=None, **{**settings.model_dump(), **changes})  # type: ignore[arg-type]
    ports: Plugs = app.extensions["portal"]
    return create_app(changed, replace(ports, settings=changed))
