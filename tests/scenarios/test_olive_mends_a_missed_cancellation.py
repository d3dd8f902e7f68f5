"""Cleo cancels on the payment provider's page in an hour in which nothing reaches us; Olive finds it and mends it.

hour 0    Cleo buys Pro; her key works
day 20    she cancels at the provider; the delivery never comes, and her page still says "renews"
night     the daily comparison finds it, and is not allowed to repair by itself here
morning   Olive sees cause and both sides, looks at the repair, applies it with a reason; both sides agree, the trail says why
day 32    the period is over: the right has ended by itself, nothing was charged, and the next comparison agrees
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped, transaction
from portal.entitlements.queries import list_live
from portal.kit.clock import ManualClock
from portal.payments.models import Purchase
from portal.payments.settling import settle_one
from portal.payments.syncing import Syncing
from portal.reconciliation import running
from portal.reconciliation.models import ReconMismatch, ReconRun
from tests.payments.conftest import Shop, colleague, held
from tests.reconciliation.conftest import hear_of_money, operator
from tests.stripe_world import StripeWorld, hidden_fields

pytestmark = pytest.mark.scenario
RULES = running.Rules(hour=2, days_back=30, age=timedelta(0), may_repair=False)


def test_olive_mends_a_missed_cancellation(
    app: Flask, shop: Shop, syncing: Syncing, stripe_world: StripeWorld, clock: ManualClock
) -> None:
    begun = shop.begin(shop.pro, syncing)
    assert begun.checkout_url is not None
    stripe_world.pay(begun.checkout_url)
    with scoped(SYSTEM) as session:
        settle_one(session.scalars(select(Purchase.id)).one(), syncing)
    hear_of_money(stripe_world, syncing)
    assert _rights(shop, clock) == 1

    _time_passes(timedelta(days=20), stripe_world, clock)
    stripe_id = held(shop).stripe_subscription_id
    stripe_world.api("POST", f"subscriptions/{stripe_id}", cancel_at_period_end="true")
    page = colleague(app, shop, "owner").get(f"/subscriptions/{held(shop).id}").text
    assert "Renews on" in page, "what Cleo reads is wrong, and nobody knows"

    _night(syncing, clock, stripe_world)
    run = _last_run()
    assert (run.status, run.mismatched, run.unknown) == ("done", 1, 0)

    olive = operator(app)
    listed = olive.get("/admin/billing").text
    assert "Cancelled on one side only" in listed
    assert "no delivery about it has reached us" in listed
    with scoped(SYSTEM) as session:
        found = session.scalars(select(ReconMismatch)).one()
    address = f"/admin/billing/mismatches/{found.id}"
    shown = olive.get(f"{address}?repair=sync_from_stripe").text
    assert held(shop).cancel_at_period_end is False, "looking changes nothing"
    done = olive.post(
        f"{address}/repair", data={**hidden_fields(shown), "reason": "Cleo wrote to us"}, follow_redirects=True
    ).text
    assert "everything agrees" in done
    assert held(shop).cancel_at_period_end is True
    assert _rights(shop, clock) == 1, "she has paid until the end of the period"
    with scoped(SYSTEM) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "reconciliation.sync_from_stripe")).one()
    assert (entry.reason, entry.organisation_id) == ("Cleo wrote to us", shop.buyer.organisation_id)
    assert "then ends" in colleague(app, shop, "owner").get(f"/subscriptions/{held(shop).id}").text

    _time_passes(held(shop).current_period_end - clock.now() + timedelta(hours=2), stripe_world, clock)
    assert _rights(shop, clock) == 0, "no job ran, no event came: the right ends by itself"
    assert len(stripe_world.api("GET", "invoices", limit=100)["data"]) == 1, "nothing more was charged"
    _night(syncing, clock, stripe_world)
    with scoped(SYSTEM) as session:
        open_ones = session.scalars(select(ReconMismatch).where(ReconMismatch.resolved_at.is_(None))).all()
    assert [one.reason_code for one in open_ones] == ["SUB_STATUS_DIFF"], "the end was not delivered either"
    assert "Everything agrees" in _mend_all(app)


def _mend_all(app: Flask) -> str:
    """Olive ticks what is open and repairs it together; return what her page says then."""
    olive = operator(app)
    with scoped(SYSTEM) as session:
        ids = list(session.scalars(select(ReconMismatch.id).where(ReconMismatch.resolved_at.is_(None))))
    shown = olive.get("/admin/billing/repairs", query_string={"id": ids}).text
    fields = hidden_fields(shown[shown.index('name="seen"') - 200 :])
    olive.post("/admin/billing/repairs", data={**fields, "reason": "the end, too"})
    return olive.get("/admin/billing").text


def _night(syncing: Syncing, clock: ManualClock, world: StripeWorld) -> None:
    """The timetable begins the run of the day, and a worker works it off."""
    _time_passes(timedelta(days=1) - timedelta(hours=clock.now().hour - 3), world, clock)
    with transaction(SYSTEM):
        assert running.start_if_due(now=clock.now(), rules=RULES) is not None
    while running.work_page(syncing, None):
        pass


def _last_run() -> ReconRun:
    with scoped(SYSTEM) as session:
        return session.scalars(select(ReconRun).order_by(ReconRun.id.desc()).limit(1)).one()


def _time_passes(span: timedelta, world: StripeWorld, clock: ManualClock) -> None:
    clock.advance(span)
    world.control("clock", advance=int(span.total_seconds()))


def _rights(shop: Shop, clock: ManualClock) -> int:
    with scoped(SYSTEM):
        return len(list_live(shop.account.id, clock.now()))
