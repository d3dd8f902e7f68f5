"""Cleo's organisation with a subscription, and people of every role."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.kit.clock import ManualClock
from tests.factories import (
    make_account,
    make_api,
    make_entitlement,
    make_organisation,
    make_plan,
    make_subscription,
    make_user,
)
from tests.sign_in import sign_in_as


@dataclass
class Shop:
    """A consumer organisation that subscribes to one API."""

    organisation: Any
    account: Any
    api: Any
    provider: Any
    subscription: Any
    plan: Any

    @property
    def keys_url(self) -> str:
        return f"/subscriptions/{self.subscription.id}/keys"


@pytest.fixture
def shop(app: Flask, clock: ManualClock) -> Shop:
    return make_shop(clock)


def make_shop(clock: ManualClock, **subscription: Any) -> Shop:
    provider, consumer = make_organisation(), make_organisation()
    api = make_api(provider, "Rates")
    account = make_account(consumer)
    plan, price = make_plan(api)
    held = make_subscription(account, plan, price, clock.now(), **subscription)
    make_entitlement(account, api, held)
    return Shop(consumer, account, api, provider, held, plan)


@pytest.fixture
def browse(app: Flask) -> Callable[..., FlaskClient]:
    """A browser signed in as somebody of an organisation, by role."""

    def as_member(organisation: Any, role: str = "owner") -> FlaskClient:
        return sign_in_as(app.test_client(), make_user("Cleo", organisation=organisation, role=role))

    return as_member
