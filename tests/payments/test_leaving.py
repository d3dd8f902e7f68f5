"""Leaving and coming back through the door, in the organisation's own scope, for a free plan and for a paid one."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped
from portal.payments.models import Purchase
from portal.payments.settling import settle_one
from portal.payments.syncing import Syncing
from tests.payments.conftest import Shop, held
from tests.stripe_world import StripeWorld, hidden_fields


def purchase(shop: Shop) -> Purchase:
    with scoped(SYSTEM) as session:
        return session.scalars(select(Purchase).where(Purchase.account_id == shop.account.id)).one()


def trail() -> list[tuple[str, int | None]]:
    with scoped(SYSTEM) as session:
        acts = select(AuditEntry).where(AuditEntry.action.startswith("subscription.")).order_by(AuditEntry.id)
        return [(act.action, act.organisation_id) for act in session.scalars(acts)]


@pytest.mark.parametrize("kind", ["free", "paid"])
def test_a_subscription_is_cancelled_and_kept_again(
    owner: FlaskClient, shop: Shop, syncing: Syncing, stripe_world: StripeWorld, kind: str
) -> None:
    begun = shop.begin(shop.free if kind == "free" else shop.pro, syncing)
    if begun.checkout_url:
        stripe_world.pay(begun.checkout_url)
        assert settle_one(purchase(shop).id, syncing)
    address = f"/subscriptions/{held(shop).id}"

    answer = owner.post(f"{address}/cancellation", follow_redirects=True)
    assert answer.status_code == 200
    assert "Cancelled." in answer.text
    assert "Keep this subscription" in answer.text
    assert held(shop).cancel_at_period_end is True

    answer = owner.post(f"{address}/cancellation/undo", follow_redirects=True)
    assert "Welcome back." in answer.text
    assert held(shop).cancel_at_period_end is False
    mine = shop.account.organisation_id
    assert trail() == [("subscription.cancel_at_period_end", mine), ("subscription.resume", mine)]


def test_a_form_of_one_button_that_is_too_old_can_be_sent_again(
    owner: FlaskClient, shop: Shop, syncing: Syncing
) -> None:
    shop.begin(shop.free, syncing)
    address = f"/subscriptions/{held(shop).id}/cancellation"
    answer = owner.post(address, form_token=False)
    assert answer.status_code == 400
    form = re.search(rf'<form method="post" action="{address}">.*?</form>', answer.text, re.DOTALL)
    assert form
    owner.post(address, data=hidden_fields(form[0]), form_token=False)
    assert held(shop).cancel_at_period_end is True
