"""Cleo's subscription to Ada's API, a prepared log, and the gateway that reports to us."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from portal.catalog.models import Api
from portal.db import SYSTEM, db, in_transaction, transaction
from portal.identity.models import Organisation, User
from portal.kit.clock import ManualClock
from portal.metering.api_rollups import recompute_dirty_api_days
from portal.metering.partitions import ensure_ahead
from portal.metering.rollups import recompute_dirty
from portal.projects.models import Account
from portal.settings import Settings
from portal.subscriptions.models import Subscription
from tests.factories import make_account, make_api, make_organisation, make_plan, make_subscription, make_user

Post = Callable[..., TestResponse]


@dataclass
class Customer:
    """Who uses what."""

    person: User
    organisation: Organisation
    account: Account
    api: Api
    subscription: Subscription


@pytest.fixture
def prepared(app: Flask, clock: ManualClock) -> None:
    """This month and three more have their partitions."""
    with transaction(SYSTEM):
        ensure_ahead(clock.now())


@pytest.fixture
def cleo(app: Flask, clock: ManualClock) -> Customer:
    """Cleo's organisation with a subscription to Ada's Rates API."""
    return make_customer(clock, "Cleo")


def make_customer(clock: ManualClock, name: str, **price: Any) -> Customer:
    organisation = make_organisation(f"{name}'s workshop")
    person = make_user(name, organisation=organisation)
    account = make_account(organisation)
    api = make_api(make_organisation("Ada's works"), "Rates")
    plan, terms = make_plan(api, **price)
    return Customer(person, organisation, account, api, make_subscription(account, plan, terms, clock.now()))


@pytest.fixture
def post(client: FlaskClient, settings: Settings) -> Post:
    """Post to the intake as a gateway does."""

    def send(body: Any, *, raw: bool = False, token: str | None = None, **headers: str) -> TestResponse:
        return client.post(
            "/api/gateway/logs",
            data=body if raw else json.dumps(body),
            content_type=headers.pop("content_type", "application/json"),
            headers={"X-Gateway-Token": settings.gateway_log_token if token is None else token, **headers},
        )

    return send


def roll_up() -> int:
    """Do what the worker does, until nothing is dirty, without its patience; return how many hours were dirty."""
    total = 0
    while done := in_transaction(lambda _session: recompute_dirty(), scope=SYSTEM):
        total += done
    while in_transaction(lambda _session: recompute_dirty_api_days(), scope=SYSTEM):
        pass
    return total


def rows(sql: str, **values: Any) -> list[tuple[Any, ...]]:
    """Read as the system."""
    with transaction(SYSTEM):
        return [tuple(row) for row in db.session.execute(text(sql), values)]
