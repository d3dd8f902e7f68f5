"""Cleo tries the Scale plan for 14 days with a card that fails later; grace, silence, a new card, and she is back.

day 0        trial starts, nothing is charged, the right begins
day 14       the first charge of €199.00 fails: past due, grace for seven days, access goes on
day 21 + 1 h nobody did anything: the right has ended by itself
day 22       Cleo puts in a card that works and the invoice is paid: the right is back
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from jobs import drain
from portal.db import SYSTEM, scoped
from portal.entitlements.queries import list_live
from portal.kit.clock import ManualClock
from portal.payments.models import Purchase, StripeInvoice
from portal.payments.settling import settle_one
from portal.payments.syncing import Syncing, sync_invoice
from portal.subscriptions.models import Subscription
from tests.payments.conftest import Shop
from tests.stripe_world import StripeWorld

pytestmark = pytest.mark.scenario
FAILS_LATER = "4000000000000341"


def test_a_trial_whose_card_fails(shop: Shop, syncing: Syncing, stripe_world: StripeWorld, clock: ManualClock) -> None:
    begun = shop.begin(shop.trial, syncing)
    assert begun.checkout_url is not None
    stripe_world.pay(begun.checkout_url, FAILS_LATER)
    settle_one(_purchase_id(shop), syncing)
    assert _held(shop).status == "trialing"
    assert _sources(shop, clock) == ["trial"]

    _time_passes(timedelta(days=14, hours=2), stripe_world, clock)  # the first invoice is a draft for an hour
    _sync_everything(shop, stripe_world, syncing)
    held = _held(shop)
    assert held.status == "past_due"
    assert held.grace_until is not None
    assert held.past_due_since is not None
    assert held.grace_until - held.past_due_since == timedelta(days=7)
    assert _sources(shop, clock) == ["grace"]

    _time_passes(timedelta(days=3), stripe_world, clock)
    _sync_everything(shop, stripe_world, syncing)
    assert _held(shop).grace_until == held.grace_until, "a retry that fails must not move the end of grace"

    _time_passes(timedelta(days=4), stripe_world, clock)
    clock.advance(timedelta(hours=2))
    assert _sources(shop, clock) == [], "no job ran, no event came: the right ends by itself"

    _time_passes(timedelta(days=1), stripe_world, clock)
    _new_card(shop, stripe_world)
    _sync_everything(shop, stripe_world, syncing)
    assert _held(shop).status == "active"
    assert _held(shop).past_due_since is None
    assert _sources(shop, clock) == ["subscription"]
    with scoped(SYSTEM) as session:
        paid = session.scalars(
            select(StripeInvoice).where(StripeInvoice.status == "paid", StripeInvoice.total > 0)
        ).all()
    assert [(one.total, one.currency) for one in paid] == [(19_900, "eur")]


def _time_passes(span: timedelta, world: StripeWorld, clock: ManualClock) -> None:
    clock.advance(span)
    world.control("clock", advance=int(span.total_seconds()))


def _sync_everything(shop: Shop, world: StripeWorld, syncing: Syncing) -> None:
    """What the events of these days lead to: every invoice and subscription is fetched and mirrored."""
    customer = world.api("GET", f"subscriptions/{_held(shop).stripe_subscription_id}")["customer"]
    for invoice in world.api("GET", "invoices", customer=customer, limit=100)["data"]:
        sync_invoice(invoice["id"], syncing)
    drain.outbox()


def _new_card(shop: Shop, world: StripeWorld) -> None:
    subscription = world.api("GET", f"subscriptions/{_held(shop).stripe_subscription_id}")
    world.api("POST", "payment_methods/pm_card_visa/attach", customer=subscription["customer"])
    method = world.api("GET", "payment_methods", customer=subscription["customer"])["data"][0]["id"]
    world.api("POST", f"subscriptions/{subscription['id']}", default_payment_method=method)
    world.api("POST", f"invoices/{subscription['latest_invoice']}/pay", payment_method=method)


def _held(shop: Shop) -> Subscription:
    with scoped(SYSTEM) as session:
        return session.scalars(select(Subscription).where(Subscription.account_id == shop.account.id)).one()


def _purchase_id(shop: Shop) -> int:
    with scoped(SYSTEM) as session:
        return session.scalars(select(Purchase.id).where(Purchase.account_id == shop.account.id)).one()


def _sources(shop: Shop, clock: ManualClock) -> list[str]:
    with scoped(SYSTEM):
        return [source for right in list_live(shop.account.id, clock.now()) for source in right.sources]
