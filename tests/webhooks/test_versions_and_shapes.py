"""Whatever the provider signs is taken in: other versions are marked, what cannot be read is set aside with its reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from jobs import drain
from portal.db import SYSTEM, scoped
from portal.kit.clock import ManualClock
from portal.payments.models import StripeInvoice
from portal.simulator.versions import rendered_at
from portal.webhooks.models import WebhookEvent
from tests.stripe_world import StripeWorld, deliver, signature
from tests.webhooks.test_intake import PATHS, event, stored

OLD = "2022-11-15"


@pytest.fixture
def machine(app: Flask) -> FlaskClient:
    return app.test_client()


def test_events_of_another_version_are_worked_by_their_objects_id_alone(
    client: FlaskClient, clock: ManualClock, stripe_world: StripeWorld, bought: int
) -> None:
    assert bought
    for told in stripe_world.events():
        assert deliver(client, rendered_at(told, OLD), clock.now().timestamp()).status_code == 200
    drain.inbox()
    assert {(row.api_version, row.other_version) for row in stored()} == {(OLD, True)}
    assert {row.state for row in stored()} == {"done", "ignored"}
    with scoped(SYSTEM) as session:
        assert session.scalars(select(StripeInvoice.status)).all() == ["paid"]


def test_our_own_version_is_not_marked(client: FlaskClient, clock: ManualClock) -> None:
    deliver(client, event(), clock.now().timestamp())
    assert [row.other_version for row in stored()] == [False]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"data": {"object": {"object": "subscription"}}}, "it names no object by its id"),
        ({"data": {"object": {"object": "subscription", "id": ""}}}, "it names no object by its id"),
        ({"data": {"object": {"object": "subscription", "id": "sub_\x00"}}}, "it names no object by its id"),
        ({"data": {"object": {"object": "subscription", "id": "s" * 256}}}, "it names no object by its id"),
        ({"data": None}, "it names no object by its id"),
        ({"data": {"object": {"object": "planet", "id": "p_1"}}}, "it is about an object of an unexpected kind"),
        ({"created": "2026-03-10T09:00:00Z"}, "it does not say when it was made"),
        ({"created": 10**18}, "it does not say when it was made"),
        ({"livemode": None}, "it does not say whether it is about real money"),
        ({"account": {"id": "acct_1"}}, "it does not say whose account it is about"),
    ],
)
def test_what_we_would_act_on_and_cannot_read_is_set_aside(
    client: FlaskClient, clock: ManualClock, changes: dict[str, Any], reason: str
) -> None:
    answer = deliver(client, event(**changes), clock.now().timestamp())
    assert (answer.status_code, answer.get_json()["verdict"]) == (200, "stored")
    (row,) = stored()
    assert (row.state, row.outcome) == ("quarantined", {"quarantined": reason})
    with scoped(SYSTEM) as session:
        assert json.loads(session.scalars(select(WebhookEvent.raw)).one())["id"] == "evt_1"
    assert drain.inbox() == 0


def test_a_thin_event_of_the_next_generation_is_no_concern(client: FlaskClient, clock: ManualClock) -> None:
    thin = {
        "id": "evt_test_65R9Ijk8dKEYZcXeRWn16R9A7j1FSQ3w3TGDPLLGSM4CW0",
        "object": "v2.core.event",
        "type": "v1.billing.meter.no_meter_found",
        "livemode": False,
        "created": "2026-03-10T09:00:00.000Z",
        "related_object": None,
    }
    assert deliver(client, thin, clock.now().timestamp()).status_code == 200
    assert [row.state for row in stored()] == ["ignored"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("id", "type", "created", "livemode", "account", "api_version", "data", "object")
SPOILT = st.builds(
    lambda spoilt, without: {k: v for k, v in {**event(), **spoilt}.items() if k not in without},
    st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=4),
    st.sets(st.sampled_from(FIELDS), max_size=3),
)
OBJECTS = st.builds(lambda thing: event(data={"object": thing}), ANYTHING | st.fixed_dictionaries({"id": ANYTHING}))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=200) | (SPOILT | OBJECTS | ANYTHING).map(lambda told: json.dumps(told).encode()))
@example(raw=b'{"id":"evt_2","type":"invoice.paid","created":1e400}')
@example(raw=b'{"id":"evt_3","type":"invoice.paid","created":' + b"9" * 5000 + b"}")
@example(raw=json.dumps(event(api_version="\ud800")).encode())
@example(raw=b"\xef\xbb\xbf{}")
def test_no_signed_bytes_make_an_error_of_ours(machine: FlaskClient, clock: ManualClock, raw: bytes) -> None:
    answer = machine.post(PATHS[0], data=raw, headers={"Stripe-Signature": signature(raw, clock.now().timestamp())})
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 200:
        assert answer.get_json()["verdict"] in ("stored", "repeated", "conflict")
        with scoped(SYSTEM) as session:
            assert session.scalars(select(WebhookEvent.id).where(WebhookEvent.state == "retry")).all() == []
