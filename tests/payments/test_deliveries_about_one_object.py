"""Working the inbox: what several deliveries say about one object is read once, and each of them comes to its end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from jobs import drain
from portal.adapters.stripe_payments import StripePayments
from portal.db import SYSTEM, scoped
from portal.kit.clock import ManualClock
from portal.payments.models import StripeInvoice
from portal.ports.billing import InvoiceSnapshot
from portal.ports.payments import PaymentsUnavailable
from portal.webhooks.models import WebhookEvent
from portal.webhooks.processing import work_due
from tests.stripe_world import SECRET, StripeWorld, deliver


@dataclass
class Watched(StripePayments):
    """Stripe, with a note of which invoices were read; away while `is_away`."""

    url: str
    read: list[str] = field(default_factory=list)
    is_away: bool = False

    def __post_init__(self) -> None:
        super().__init__("sk_test_x", (SECRET,), self.url)

    def fetch_invoice(self, invoice_id: str) -> InvoiceSnapshot:
        self.read.append(invoice_id)
        if self.is_away:
            raise PaymentsUnavailable("away")
        return super().fetch_invoice(invoice_id)


@pytest.fixture
def watched(app: Flask, stripe_world: StripeWorld) -> Watched:
    assert app.config["SETTINGS"].livemode is False
    return Watched(stripe_world.url)


def test_one_read_answers_every_delivery_about_an_invoice(
    client: FlaskClient,
    stripe_world: StripeWorld,
    clock: ManualClock,
    watched: Watched,
    bought: int,
) -> None:
    assert bought
    told = _deliver_invoice_events(client, stripe_world, clock)
    assert len(told) >= 3
    assert work_due(replace(drain.syncing(), payments=watched)) == len(told)
    assert len(watched.read) == 1
    assert _states() == ["done"] * len(told)
    with scoped(SYSTEM) as session:
        assert session.scalars(select(StripeInvoice.status)).all() == ["paid"]


def test_when_the_read_fails_every_one_of_them_is_tried_again(
    client: FlaskClient,
    stripe_world: StripeWorld,
    clock: ManualClock,
    watched: Watched,
    bought: int,
) -> None:
    assert bought
    told = _deliver_invoice_events(client, stripe_world, clock)
    watched.is_away = True
    work_due(replace(drain.syncing(), payments=watched))
    assert _states() == ["retry"] * len(told)


def _deliver_invoice_events(client: FlaskClient, world: StripeWorld, clock: ManualClock) -> list[dict[str, Any]]:
    told = [event for event in world.events() if event["type"].startswith("invoice.")]
    for event in told:
        assert deliver(client, event, clock.now().timestamp()).status_code == 200
    return told


def _states() -> list[str]:
    with scoped(SYSTEM) as session:
        return list(session.scalars(select(WebhookEvent.state)))
