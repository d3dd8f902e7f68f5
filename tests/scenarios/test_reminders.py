"""Cleo is told what happens to her money: once per cause, and never something that is no longer true.

day 11       three days before the trial ends: what will be charged, and how not to be
day 14       the first charge fails: told at once
day 17, 21   still open: told again, after three and seven days; a look in between says nothing
day 22       a new card pays: told that it is settled; the reminder of day 28 never comes
day 23       Dan, who only develops, was told nothing at all
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from jobs import drain, recurring
from portal.db import SYSTEM, db, scoped
from portal.identity.models import Organisation
from portal.kit.clock import ManualClock
from portal.payments.models import Purchase
from portal.payments.settling import settle_one
from portal.payments.syncing import Syncing, sync_invoice
from portal.subscriptions.models import Subscription
from tests.factories import make_user
from tests.mailbox import subjects_to
from tests.payments.conftest import Shop
from tests.stripe_world import StripeWorld

pytestmark = pytest.mark.scenario


@pytest.fixture
def people(shop: Shop) -> tuple[str, str]:
    """Cleo may pay; Dan develops."""
    organisation = db.session.get(Organisation, shop.account.organisation_id)
    cleo = make_user("Cleo", organisation=organisation, role="billing")
    dan = make_user("Dan", organisation=organisation, role="developer")
    return cleo.email, dan.email


def test_reminders(
    shop: Shop, people: tuple[str, str], syncing: Syncing, stripe_world: StripeWorld, clock: ManualClock
) -> None:
    cleo, dan = people
    begun = shop.begin(shop.trial, syncing)
    assert begun.checkout_url is not None
    stripe_world.pay(begun.checkout_url, "4000000000000341")
    settle_one(_one(shop, Purchase).id, syncing)
    assert subjects_to(cleo) == []

    _passes(timedelta(days=11, hours=1), stripe_world, clock)
    recurring.remind_of_payments()
    recurring.remind_of_payments()
    [trial] = subjects_to(cleo)
    assert trial.startswith("The trial of Rates ends on ")

    _passes(timedelta(days=3, hours=2), stripe_world, clock)
    _hears(shop, stripe_world, syncing)
    _hears(shop, stripe_world, syncing)
    assert subjects_to(cleo)[1:] == ["€199.00 for Rates could not be charged"]

    for days, told in [(1, 1), (2, 2), (2, 2), (2, 3)]:
        _passes(timedelta(days=days), stripe_world, clock)
        _hears(shop, stripe_world, syncing)
        recurring.remind_of_payments()
        assert len(subjects_to(cleo)[1:]) == told
    assert set(subjects_to(cleo)[2:]) == {"Still open: €199.00 for Rates"}

    _passes(timedelta(days=1), stripe_world, clock)
    _new_card(shop, stripe_world)
    _hears(shop, stripe_world, syncing)
    assert subjects_to(cleo)[-1] == "Paid: €199.00 for Rates"
    _passes(timedelta(days=6), stripe_world, clock)
    recurring.remind_of_payments()
    _hears(shop, stripe_world, syncing)
    assert subjects_to(cleo)[-1] == "Paid: €199.00 for Rates"
    assert subjects_to(dan) == []


def _one(shop: Shop, table: type[Purchase] | type[Subscription]) -> Purchase | Subscription:
    with scoped(SYSTEM) as session:
        return session.scalars(select(table).where(table.account_id == shop.account.id)).one()


def _passes(span: timedelta, world: StripeWorld, clock: ManualClock) -> None:
    clock.advance(span)
    world.control("clock", advance=int(span.total_seconds()))


def _hears(shop: Shop, world: StripeWorld, syncing: Syncing) -> None:
    held = _one(shop, Subscription)
    assert isinstance(held, Subscription)
    customer = world.api("GET", f"subscriptions/{held.stripe_subscription_id}")["customer"]
    for invoice in world.api("GET", "invoices", customer=customer, limit=100)["data"]:
        sync_invoice(invoice["id"], syncing)
    drain.outbox()


def _new_card(shop: Shop, world: StripeWorld) -> None:
    held = _one(shop, Subscription)
    assert isinstance(held, Subscription)
    subscription = world.api("GET", f"subscriptions/{held.stripe_subscription_id}")
    world.api("POST", "payment_methods/pm_card_visa/attach", customer=subscription["customer"])
    method = world.api("GET", "payment_methods", customer=subscription["customer"])["data"][0]["id"]
    world.api("POST", f"subscriptions/{subscription['id']}", default_payment_method=method)
    world.api("POST", f"invoices/{subscription['latest_invoice']}/pay", payment_method=method)
