"""A shop with a paid subscription in front of a running simulator, and the reconciliation worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.db import SYSTEM, scoped, transaction
from portal.identity.models import User
from portal.payments.syncing import Syncing, sync_invoice, sync_payment
from portal.ports.gateway import Gateway
from portal.reconciliation import running
from portal.reconciliation.looking import Asking
from portal.reconciliation.models import ReconAction, ReconMismatch, ReconRun
from portal.reconciliation.repairing import Order
from portal.settings import Settings
from tests.factories import make_user
from tests.payments.conftest import (  # noqa: F401 - fixtures of the tests
    Shop,
    app,
    bought,
    clock,
    held,
    owner,
    shop,
    stripe_world,
    syncing,
)
from tests.sign_in import sign_in_as
from tests.stripe_world import StripeWorld

NO_AGE = timedelta(0)


@dataclass
class Recon:
    """The reconciliation as workers run it, with no patience: what was read this second is compared as well."""

    syncing: Syncing
    gateway: Gateway | None = None

    def begin(self, *, age: timedelta = NO_AGE, may_repair: bool = False, slot: str | None = None) -> int | None:
        with transaction(SYSTEM):
            return running.start(
                "operator",
                actor="user:1",
                now=self.syncing.clock.now(),
                days_back=7,
                age=age,
                may_repair=may_repair,
                slot=slot,
            )

    def work(self) -> bool:
        return running.work_page(self.syncing, self.gateway)

    def run(self, **how: Any) -> ReconRun:
        number = self.begin(**how)
        assert number is not None
        while self.work():
            pass
        return self.find(number)

    def find(self, number: int) -> ReconRun:
        with scoped(SYSTEM) as session:
            return session.get_one(ReconRun, number)

    def open(self) -> list[ReconMismatch]:
        with scoped(SYSTEM) as session:
            query = select(ReconMismatch).where(ReconMismatch.resolved_at.is_(None))
            return list(session.scalars(query.order_by(ReconMismatch.severity, ReconMismatch.reason_code)))

    def codes(self) -> list[str]:
        return [one.reason_code for one in self.open()]

    def actions(self) -> list[ReconAction]:
        with scoped(SYSTEM) as session:
            return list(session.scalars(select(ReconAction).order_by(ReconAction.id)))

    @property
    def asking(self) -> Asking:
        now = self.syncing.clock.now()
        return Asking(self.syncing.payments, self.gateway, self.syncing.clock, False, now - timedelta(days=7), NO_AGE)


@pytest.fixture
def recon(syncing: Syncing) -> Recon:  # noqa: F811
    return Recon(syncing)


@pytest.fixture
def as_owner(settings: Settings) -> Callable[..., None]:
    """Change rows as the owner of the database could, past every guard of the product."""

    def change(statement: str, *values: object) -> None:
        with psycopg.connect(settings.sqlalchemy_url.replace("+psycopg", ""), autocommit=True) as link:
            link.execute("SET session_replication_role = replica")
            link.execute(statement.encode(), values or None)

    return change


@pytest.fixture
def olive(app: Flask) -> FlaskClient:  # noqa: F811
    """The browser of an operator."""
    return operator(app)


def operator(app: Flask) -> FlaskClient:  # noqa: F811
    """Return the browser of an operator who has just signed in: sessions end when nobody uses them."""
    person = make_user("Olive")
    with transaction(SYSTEM) as session:
        session.get_one(User, person.id).is_operator = True
    return sign_in_as(app.test_client(), person)


def hear_of_money(world: StripeWorld, syncing: Syncing) -> None:  # noqa: F811
    """Mirror what the provider has billed and taken so far, as its deliveries would have led to."""
    for one in world.api("GET", "invoices", limit=100)["data"]:
        sync_invoice(one["id"], syncing)
    for one in world.api("GET", "payment_intents", limit=100)["data"]:
        sync_payment(one["id"], syncing)


STRAY_HOUR = (
    "INSERT INTO usage_records_hourly (subscription_id, hour, api_key_id, account_id, api_id, calls, billable_calls,"
    " errors, latency_ms_sum, latency_buckets, latency_counts, bytes_out, last_call_at)"
    " VALUES (%s, %s, 0, %s, 1, 5, 5, 0, 10, '{1}', '{5}', 10, now())"
)
"""Sums of an hour without a call in the log: subscription, hour, account."""


def order(subject: str, action: Any, **values: Any) -> Order:
    return Order(subject, action, actor="user:1", reason="ticket 12", **values)
