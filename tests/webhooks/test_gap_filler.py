"""What the provider lists and nobody delivered is found, stored once, and worked like everything else."""

# ruff: noqa: S608 - names of our own tables

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from jobs import drain, recurring
from portal.adapters.inline_queue import RememberingBell
from portal.db import SYSTEM, enter_scope, scoped
from portal.kit.clock import ManualClock
from portal.payments.models import StripeInvoice
from portal.ports.payments import PaymentsUnavailable
from portal.webhooks.models import GapRun, WebhookEvent
from tests.stripe_world import StripeWorld, deliver


def rows() -> list[WebhookEvent]:
    with scoped(SYSTEM) as session:
        return list(session.scalars(select(WebhookEvent).order_by(WebhookEvent.external_id)))


def runs() -> list[GapRun]:
    with scoped(SYSTEM) as session:
        return list(session.scalars(select(GapRun).order_by(GapRun.id)))


def everything() -> str:
    """Return every row of money and access as one text."""
    tables = ("webhook_events", "subscriptions", "entitlements", "stripe_invoices", "purchases", "outbox_messages")
    with scoped(SYSTEM) as session:
        return str([session.execute(text(f"SELECT * FROM {name} ORDER BY id")).all() for name in tables])


@pytest.fixture
def told(stripe_world: StripeWorld, bought: int) -> list[dict[str, Any]]:
    assert bought
    return stripe_world.events()


def drop(told: list[dict[str, Any]], client: FlaskClient, clock: ManualClock) -> set[str]:
    """Deliver four of five events and lose the rest; return the lost ones."""
    lost = {event["id"] for event in random.Random(4).sample(told, len(told) // 5)}
    for event in told:
        if event["id"] not in lost:
            assert deliver(client, event, clock.now().timestamp()).status_code == 200
    return lost


def test_one_look_repairs_what_was_lost_and_a_second_changes_nothing(
    client: FlaskClient, clock: ManualClock, told: list[dict[str, Any]], queue: RememberingBell
) -> None:
    lost = drop(told, client, clock)
    assert len(lost) >= 3
    clock.advance(timedelta(minutes=20))
    queue.rings.clear()
    assert recurring.fill_event_gaps() == f"{len(lost)} of {len(told)} events were missing"
    assert {row.external_id for row in rows()} == {event["id"] for event in told}
    assert {row.external_id for row in rows() if not row.was_delivered} == lost
    drain.inbox()
    assert {row.state for row in rows()} <= {"done", "ignored"}
    with scoped(SYSTEM) as session:
        assert session.scalars(select(StripeInvoice.status)).all() == ["paid"]
    before = everything()
    assert recurring.fill_event_gaps() == f"0 of {len(told)} events were missing"
    drain.inbox()
    assert everything() == before


def test_a_delivery_that_comes_late_is_a_repeat_and_no_conflict(
    client: FlaskClient, clock: ManualClock, told: list[dict[str, Any]]
) -> None:
    clock.advance(timedelta(minutes=20))
    recurring.fill_event_gaps()
    answer = deliver(client, told[0], clock.now().timestamp())
    assert answer.get_json()["verdict"] == "repeated"
    late = next(row for row in rows() if row.external_id == told[0]["id"])
    assert (late.deliveries, late.conflicting_body) == (1, False)


def test_events_that_may_still_be_on_their_way_are_left_to_their_deliveries(
    told: list[dict[str, Any]], clock: ManualClock
) -> None:
    assert told
    clock.advance(timedelta(minutes=1))
    assert recurring.fill_event_gaps() == "0 of 0 events were missing"
    clock.advance(timedelta(minutes=10))
    assert recurring.fill_event_gaps() == f"{len(told)} of {len(told)} events were missing"


def test_a_look_begins_an_hour_before_the_last_one_ended(told: list[dict[str, Any]], clock: ManualClock) -> None:
    clock.advance(timedelta(minutes=20))
    for _hour in range(2):
        recurring.fill_event_gaps()
    first, second = runs()
    assert first.since == first.started_at - timedelta(days=30)
    assert first.watermark is not None
    assert first.watermark.timestamp() == told[-1]["created"]
    assert second.since == first.watermark - timedelta(hours=1)


def test_a_look_that_fails_is_kept_and_moves_nothing_on(
    told: list[dict[str, Any]], clock: ManualClock, stripe_world: StripeWorld
) -> None:
    clock.advance(timedelta(minutes=20))
    stripe_world.control("faults", api=[{"kind": "error", "status": 503, "path": "/v1/events", "count": 2}])
    with pytest.raises(PaymentsUnavailable):
        recurring.fill_event_gaps()
    recurring.fill_event_gaps()
    failed, worked = runs()
    assert (failed.watermark, failed.missing) == (None, 0)
    assert failed.error is not None
    assert worked.since == failed.since
    assert worked.missing == len(told)


def test_the_command_says_what_it_found(app: Flask, told: list[dict[str, Any]], clock: ManualClock) -> None:
    since = (clock.now() - timedelta(days=1)).strftime("%Y-%m-%d")
    said = app.test_cli_runner().invoke(args=["webhooks", "fill-gaps", "--since", since])
    assert said.exit_code == 0, said.output
    assert f"{len(told)} of {len(told)} events" in said.output
    enter_scope(SYSTEM)
    assert len(rows()) == len(told)
