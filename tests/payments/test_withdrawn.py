"""A payment page that is open when its API is blocked is closed, so that nobody pays for calls that are refused."""

from __future__ import annotations

from flask.testing import FlaskClient
from sqlalchemy import select

from jobs import drain
from portal.catalog import operating
from portal.db import SYSTEM, scoped, transaction
from portal.kit.clock import ManualClock
from portal.payments.models import Purchase
from portal.payments.settling import settle_one
from portal.payments.syncing import Syncing
from tests.payments.conftest import Shop
from tests.stripe_world import StripeWorld


def test_its_page_is_closed_and_nothing_is_bought(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld, owner: FlaskClient, clock: ManualClock
) -> None:
    begun = shop.begin(shop.pro, syncing)
    with transaction(SYSTEM):
        operating.block(shop.api.id, reason="Leaks keys", actor="user:1", now=clock.now())
    drain.outbox()
    with scoped(SYSTEM) as session:
        found = session.scalars(select(Purchase).where(Purchase.account_id == shop.account.id)).one()
    assert stripe_world.api("GET", f"checkout/sessions/{found.stripe_checkout_id}")["status"] == "expired"
    settle_one(found.id, syncing)
    with scoped(SYSTEM) as session:
        assert session.scalars(select(Purchase.status)).all() == ["expired"]
    page = owner.get(f"/purchases/{begun.public_id}").text
    assert f'href="{begun.checkout_url}"' not in page


def test_what_is_open_again_before_anybody_looked_stays_open(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld, clock: ManualClock
) -> None:
    begun = shop.begin(shop.pro, syncing)
    with transaction(SYSTEM):
        operating.block(shop.api.id, reason="Leaks keys", actor="user:1", now=clock.now())
        operating.release(shop.api.id, reason="A mistake", actor="user:1", now=clock.now())
    drain.outbox()
    stripe_world.pay(str(begun.checkout_url))
    with scoped(SYSTEM) as session:
        found = session.scalars(select(Purchase).where(Purchase.account_id == shop.account.id)).one()
    assert stripe_world.api("GET", f"checkout/sessions/{found.stripe_checkout_id}")["status"] == "complete"
