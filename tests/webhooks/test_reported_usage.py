"""Usage that others report in signed events: applied once, for a tenant that nobody can make up (seed 000)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.db import SYSTEM, transaction
from portal.kit.clock import ManualClock
from portal.projects.service import bind_customer
from tests.factories import make_account, make_organisation
from tests.sign_in import bearer_of
from tests.stripe_world import deliver, signature

PATH = "/billing/webhook"


@pytest.fixture
def tenant(app: Flask) -> int:
    """Cleo's organisation, whom the payment provider knows as `cus_cleo`."""
    account = make_account(make_organisation("Cleo's"))
    with transaction(SYSTEM):
        bind_customer(account.id, False, "cus_cleo")
    assert account.organisation_id is not None
    return account.organisation_id


def _event(clock: ManualClock, event_id: str = "evt_1", **thing: Any) -> dict[str, Any]:
    thing = {"object": "usage_delta", "customer": "cus_cleo", "metric": "exports", "delta": 5, **thing}
    created = int(clock.now().timestamp())
    return {
        "id": event_id, "object": "event", "type": "billing.usage.delta", "created": created, "livemode": False,
        "api_version": None, "data": {"object": thing},
    }  # fmt: skip


def _send(client: FlaskClient, clock: ManualClock, event: dict[str, Any]) -> tuple[str, str | None]:
    answer = deliver(client, event, clock.now().timestamp(), PATH)
    assert answer.status_code == 200, answer.text
    return answer.json["verdict"], answer.json["reason"]


def _usage(client: FlaskClient, tenant: int) -> Any:
    return client.get("/billing/usage", headers=bearer_of(tenant)).json


def test_a_delta_is_applied_once_however_often_it_is_delivered(
    client: FlaskClient, tenant: int, clock: ManualClock
) -> None:
    assert _send(client, clock, _event(clock)) == ("applied", None)
    assert _send(client, clock, _event(clock)) == ("repeated", None)
    assert _send(client, clock, _event(clock, "evt_2", delta=-2)) == ("applied", None)
    assert _send(client, clock, _event(clock, "evt_3", metric="seats", quantity=1, delta=1)) == ("applied", None)
    found = _usage(client, tenant)
    assert found["totals"]["reported"] == {"exports": 3, "seats": 1}
    [day] = found["days"]
    assert (day["day"], day["reported"], day["calls"]) == (f"{clock.now():%Y-%m-%d}", {"exports": 3, "seats": 1}, 0)


def test_another_body_under_the_same_id_changes_nothing(client: FlaskClient, tenant: int, clock: ManualClock) -> None:
    _send(client, clock, _event(clock))
    assert _send(client, clock, _event(clock, delta=500))[0] == "conflict"
    assert _usage(client, tenant)["totals"]["reported"] == {"exports": 5}


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        ({"customer": "cus_nobody"}, "no customer"),
        ({"customer": None}, "no customer"),
        ({"customer": None, "metadata": {"tenant_id": "1"}}, "no customer"),
        ({"metadata": {"tenant_id": "999"}}, "another tenant"),
        ({"metadata": {"tenantId": "someone-else"}}, "another tenant"),
        ({"delta": "5"}, "whole number"),
        ({"delta": 1.5}, "whole number"),
        ({"delta": True}, "whole number"),
        ({"delta": None}, "whole number"),
        ({"delta": 2**60}, "whole number"),
        ({"metric": ""}, "short text"),
        ({"metric": 7}, "short text"),
    ],
)
def test_what_cannot_be_applied_is_kept_with_its_reason_and_counts_nothing(
    client: FlaskClient, tenant: int, clock: ManualClock, thing: dict[str, Any], reason: str
) -> None:
    verdict, said = _send(client, clock, _event(clock, **thing))
    assert (verdict, reason in str(said)) == ("refused", True)
    assert _send(client, clock, _event(clock, **thing))[0] == "refused"
    assert _usage(client, tenant)["totals"]["reported"] == {}


def test_metadata_that_agrees_with_the_customer_is_fine(client: FlaskClient, tenant: int, clock: ManualClock) -> None:
    assert _send(client, clock, _event(clock, metadata={"tenant_id": str(tenant), "why": "nightly"}))[0] == "applied"


def test_live_events_do_not_reach_test_mode(client: FlaskClient, tenant: int, clock: ManualClock) -> None:
    verdict, reason = _send(client, clock, {**_event(clock), "livemode": True})
    assert (verdict, reason) == ("refused", "live and test mode do not mix")


def test_nobody_else_can_report(client: FlaskClient, tenant: int, clock: ManualClock) -> None:
    raw = json.dumps(_event(clock)).encode()
    now = clock.now().timestamp()
    for header in (
        "",
        "whsec_test_0123456789abcdef",
        signature(raw, now, "whsec_another_secret"),
        signature(raw, now - 301),
    ):
        assert client.post(PATH, data=raw, headers={"Stripe-Signature": header}).status_code == 400
    for junk in (b"", b"[]", b"null", b'{"data": 1}', b"\xff", b'{"id": "evt", "type": "x", "data": {"object": []}}'):
        answer = client.post(PATH, data=junk, headers={"Stripe-Signature": signature(junk, now)})
        assert answer.status_code == 400
    assert _usage(client, tenant)["totals"]["reported"] == {}
