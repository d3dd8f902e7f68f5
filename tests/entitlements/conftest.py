"""A customer with one subscription, changed the way a mirror of the payment provider would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from portal.db import SYSTEM, scoped, transaction
from portal.entitlements.models import Entitlement
from portal.entitlements.service import derive
from portal.entitlements.types import Derivation
from portal.kit.clock import ManualClock
from portal.pricing.queries import find_feature_of
from portal.subscriptions.models import Subscription
from tests.factories import make_account, make_api, make_organisation, make_plan, make_subscription

Window = tuple[str, datetime, datetime | None]


@dataclass(frozen=True)
class Customer:
    """Cleo's account and her subscription to an API, by their ids: plain values that threads may share."""

    organisation_id: int
    account_id: int
    product_id: int
    feature_id: int
    subscription_id: int
    stripe_subscription_id: str | None

    def hears(self, **facts: Any) -> None:
        """Store what the provider says now."""
        statement = update(Subscription).where(Subscription.id == self.subscription_id)
        with transaction(SYSTEM) as session:
            session.execute(statement.values(**facts, source_fetched_at=func.clock_timestamp()))

    def derive(self, now: datetime) -> Derivation:
        with transaction(SYSTEM):
            return derive(self.subscription_id, now=now)

    def windows(self) -> list[Window]:
        """Return the unrevoked rows, oldest first."""
        query = select(Entitlement.source, Entitlement.valid_from, Entitlement.valid_to)
        with scoped(SYSTEM) as session:
            rows = session.execute(query.where(Entitlement.revoked_at.is_(None)).order_by(Entitlement.valid_from))
            return [(row.source, row.valid_from, row.valid_to) for row in rows]


@pytest.fixture
def subscribe(app: Flask, clock: ManualClock) -> Callable[..., Customer]:
    """Return a function that makes a customer with a subscription in the given state."""

    def make(**values: Any) -> Customer:
        api = make_api(make_organisation("Ada's"))
        plan, price = make_plan(api)
        organisation = make_organisation("Cleo's")
        account = make_account(organisation)
        values.setdefault("stripe_subscription_id", f"sub_{account.id}")
        stripe_id = values["stripe_subscription_id"]
        subscription = make_subscription(account, plan, price, values.pop("now", clock.now()), **values)
        feature_id = find_feature_of(api.product_id)
        assert feature_id is not None
        return Customer(organisation.id, account.id, api.product_id, feature_id, subscription.id, stripe_id)

    return make
