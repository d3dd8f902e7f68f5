"""Repairs: what the preview says is what happens, with its trace, once, and not when anything has changed meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped, transaction
from portal.entitlements.queries import list_live
from portal.kit.clock import ManualClock
from portal.payments.models import StripeInvoice
from portal.payments.syncing import Syncing
from portal.reconciliation import repairing
from portal.reconciliation.errors import ChangedMeanwhile, NotPossible, UnknownRecord
from portal.reconciliation.repairing import Done, Order
from portal.reconciliation.types import Repair
from portal.subscriptions.models import Subscription
from tests.factories import make_account, make_organisation, make_subscription
from tests.payments.conftest import Shop, held
from tests.reconciliation.conftest import STRAY_HOUR, Recon, hear_of_money, order
from tests.stripe_world import StripeWorld

AsOwner = Callable[..., None]


def mend(recon: Recon, wanted: Order) -> Done:
    shown = repairing.preview(wanted, recon.asking, recon.syncing)
    return repairing.apply(wanted, shown.source_hash, recon.asking, recon.syncing)


def rights(shop: Shop, clock: ManualClock) -> int:
    with scoped(SYSTEM):
        return len(list_live(shop.account.id, clock.now()))


@pytest.fixture
def cancelled(bought: int, shop: Shop, stripe_world: StripeWorld, syncing: Syncing) -> str:
    """A subscription that was cancelled at the provider without our hearing of it, as its subject."""
    hear_of_money(stripe_world, syncing)
    stripe_world.api("DELETE", f"subscriptions/{held(shop).stripe_subscription_id}")
    return f"subscription:{bought}"


def test_a_preview_shows_both_states_and_writes_nothing(
    cancelled: str, recon: Recon, statements: list[str], shop: Shop
) -> None:
    statements.clear()
    shown = repairing.preview(order(cancelled, "sync_from_stripe"), recon.asking, recon.syncing)
    assert (shown.before["status"], shown.after["status"]) == ("active", "canceled")
    assert shown.before["right"] is not None
    assert shown.after["right"] is None
    assert not [one for one in statements if one.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE"))]
    assert shown == repairing.preview(order(cancelled, "sync_from_stripe"), recon.asking, recon.syncing)


def test_syncing_does_what_the_preview_said_and_leaves_its_trace(
    cancelled: str, recon: Recon, shop: Shop, clock: ManualClock
) -> None:
    recon.run()
    (mismatch,) = recon.open()
    done = mend(recon, order(cancelled, "sync_from_stripe", mismatch_id=mismatch.id))
    assert (done.outcome, done.is_repeated) == ("agrees", False)
    assert held(shop).status == "canceled"
    assert rights(shop, clock) == 0
    assert recon.open() == []
    applied, verified = recon.actions()
    assert (applied.step, applied.actor, applied.reason, applied.mismatch_id) == (
        "applied",
        "user:1",
        "ticket 12",
        mismatch.id,
    )
    assert applied.before is not None
    assert applied.after is not None
    assert (applied.before["status"], applied.after["status"]) == ("active", "canceled")
    assert (verified.step, verified.outcome) == ("verified", "agrees")
    with scoped(SYSTEM) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.subject == cancelled)).one()
    assert (entry.action, entry.reason, entry.actor) == ("reconciliation.sync_from_stripe", "ticket 12", "user:1")
    assert entry.organisation_id == shop.buyer.organisation_id


def test_the_same_repair_twice_is_one_repair(cancelled: str, recon: Recon) -> None:
    wanted = order(cancelled, "sync_from_stripe")
    shown = repairing.preview(wanted, recon.asking, recon.syncing)
    first = repairing.apply(wanted, shown.source_hash, recon.asking, recon.syncing)
    again = repairing.apply(wanted, shown.source_hash, recon.asking, recon.syncing)
    assert (first.is_repeated, again.is_repeated) == (False, True)
    assert [one.step for one in recon.actions()] == ["applied", "verified"]


def test_two_people_at_once_make_one_repair(cancelled: str, recon: Recon, app: Flask) -> None:
    wanted = order(cancelled, "rebuild_entitlements")
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE entitlements SET valid_to = valid_to + interval '1 day'"))
    shown = repairing.preview(wanted, recon.asking, recon.syncing)
    outcomes: list[object] = []

    def press() -> None:
        with app.app_context():
            try:
                outcomes.append(repairing.apply(wanted, shown.source_hash, recon.asking, recon.syncing).is_repeated)
            except (ChangedMeanwhile, NotPossible) as problem:
                outcomes.append(type(problem))

    threads = [threading.Thread(target=press) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert outcomes.count(False) == 1, outcomes
    assert sum(one.step == "applied" for one in recon.actions()) == 1


@pytest.mark.parametrize("whose", ["theirs", "ours"])
def test_a_repair_is_refused_when_a_side_has_changed_since(
    bought: int, recon: Recon, stripe_world: StripeWorld, shop: Shop, as_owner: AsOwner, whose: str
) -> None:
    stripe_id = held(shop).stripe_subscription_id
    stripe_world.api("POST", f"subscriptions/{stripe_id}", cancel_at_period_end="true")
    wanted = order(f"subscription:{bought}", "sync_from_stripe")
    shown = repairing.preview(wanted, recon.asking, recon.syncing)
    if whose == "theirs":
        stripe_world.api("POST", f"subscriptions/{stripe_id}", cancel_at_period_end="false")
    else:
        as_owner("UPDATE subscriptions SET quantity = 9")
    with pytest.raises(ChangedMeanwhile):
        repairing.apply(wanted, shown.source_hash, recon.asking, recon.syncing)
    assert recon.actions() == []


def test_a_change_in_the_very_moment_takes_everything_back(
    bought: int, recon: Recon, stripe_world: StripeWorld, shop: Shop
) -> None:
    """Between the last look and the act the provider changes once more: effect and trace are undone together."""
    stripe_id = held(shop).stripe_subscription_id
    stripe_world.api("POST", f"subscriptions/{stripe_id}", cancel_at_period_end="true")
    shown = repairing.preview(order(f"subscription:{bought}", "sync_from_stripe"), recon.asking, recon.syncing)
    assert shown.plan is not None
    stripe_world.api("DELETE", f"subscriptions/{stripe_id}")
    with pytest.raises(ChangedMeanwhile):
        shown.plan.act(lambda session: repairing._note(session, shown, "key"))
    assert held(shop).status == "active"
    assert recon.actions() == []


def test_a_repair_needs_a_reason_and_a_thing(bought: int, recon: Recon) -> None:
    with pytest.raises(NotPossible) as refused:
        repairing.apply(
            Order(f"subscription:{bought}", "sync_from_stripe", "user:1", " "), "x", recon.asking, recon.syncing
        )
    assert refused.value.why == "no_reason"
    for subject in ("subscription:999", "subscription:abc", "key:1"):
        action: Repair = "refuse_key" if subject.startswith("key") else "sync_from_stripe"
        with pytest.raises(UnknownRecord):
            repairing.preview(order(subject, action), recon.asking, recon.syncing)
    with pytest.raises(NotPossible):
        repairing.preview(order(f"subscription:{bought}", "recompute_usage"), recon.asking, recon.syncing)


def test_nothing_is_reset_while_the_provider_shows_it_alive(
    bought: int, recon: Recon, shop: Shop, clock: ManualClock
) -> None:
    subject = f"subscription:{bought}"
    with pytest.raises(NotPossible) as refused:
        repairing.preview(order(subject, "reset_to_free"), recon.asking, recon.syncing)
    assert refused.value.why == "live_at_provider"
    shown = repairing.preview(order(subject, "reset_to_free", force=True), recon.asking, recon.syncing)
    assert shown.warnings == ("live_at_provider",)
    done = mend(recon, order(subject, "reset_to_free", force=True))
    assert done.outcome == "differs", "the provider goes on, and the page goes on saying so"
    assert (held(shop).status, rights(shop, clock)) == ("canceled", 0)
    (mismatch,) = recon.open()
    assert (mismatch.cause, mismatch.repairs) == ("ended_here", [])


def test_what_the_provider_has_forgotten_is_reset_without_force(
    bought: int, recon: Recon, shop: Shop, stripe_world: StripeWorld, clock: ManualClock
) -> None:
    stripe_world.control("reset")
    recon.run()
    missing = next(one for one in recon.open() if one.reason_code == "SUB_MISSING_REMOTE")
    done = mend(recon, order(missing.subject, "reset_to_free"))
    assert done.outcome == "agrees"
    assert rights(shop, clock) == 0


def test_a_free_subscription_can_be_reset(app: Flask, recon: Recon, shop: Shop, clock: ManualClock) -> None:
    free = make_subscription(shop.account, *shop.free, clock.now())
    with pytest.raises(NotPossible) as refused:
        repairing.preview(order(f"subscription:{free.id}", "sync_from_stripe"), recon.asking, recon.syncing)
    assert refused.value.why == "is_free"
    assert mend(recon, order(f"subscription:{free.id}", "reset_to_free")).outcome == "agrees"
    assert held(shop).status == "canceled"


def test_a_subscription_we_never_heard_of_is_brought_in(
    bought: int, recon: Recon, shop: Shop, as_owner: AsOwner, clock: ManualClock
) -> None:
    as_owner("DELETE FROM subscription_discounts; DELETE FROM entitlements; UPDATE purchases SET subscription_id = NULL;"
             " DELETE FROM subscriptions")  # fmt: skip
    recon.run()
    missing = next(one for one in recon.open() if one.reason_code == "SUB_MISSING_LOCAL")
    assert mend(recon, order(missing.subject, "sync_from_stripe", mismatch_id=missing.id)).outcome == "agrees"
    assert (held(shop).status, rights(shop, clock)) == ("active", 1)
    assert "SUB_MISSING_LOCAL" not in recon.codes()


def test_an_invoice_is_mirrored_again(bought: int, recon: Recon, shop: Shop, as_owner: AsOwner) -> None:
    recon.run()
    missing = next(one for one in recon.open() if one.reason_code == "INV_MISSING")
    assert mend(recon, order(missing.subject, "sync_from_stripe")).outcome == "agrees"
    with scoped(SYSTEM) as session:
        assert session.scalars(select(StripeInvoice.total)).one() == 2900


def test_sums_are_made_again_from_the_log(bought: int, recon: Recon, shop: Shop, as_owner: AsOwner) -> None:
    hour = (recon.syncing.clock.now() - timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    as_owner(STRAY_HOUR, bought, hour, shop.account.id)
    done = mend(recon, order(f"usage:{bought}:{hour.isoformat()}", "recompute_usage"))
    assert (done.preview.before["calls"], done.preview.after["calls"], done.outcome) == (5, 0, "agrees")


def test_the_provider_is_told_again_whom_it_bills(
    bought: int, recon: Recon, shop: Shop, stripe_world: StripeWorld, as_owner: AsOwner
) -> None:
    as_owner("UPDATE accounts SET email = 'cleo@example.com'")
    customer = stripe_world.api("GET", f"subscriptions/{held(shop).stripe_subscription_id}")["customer"]
    stripe_world.api("POST", f"customers/{customer}", email="elsewhere@example.com")
    done = mend(recon, order(f"customer:{customer}", "tell_billing"))
    assert done.outcome == "agrees"
    assert stripe_world.api("GET", f"customers/{customer}")["email"] == "cleo@example.com"


def test_a_run_mends_by_itself_what_only_follows(cancelled: str, recon: Recon, shop: Shop) -> None:
    run = recon.run(may_repair=True)
    assert (run.mismatched, run.repaired, run.left_over) == (1, 1, 0)
    assert held(shop).status == "canceled"
    applied = recon.actions()[0]
    assert (applied.actor, applied.run_id) == ("system:reconciliation", run.id)


def test_a_mass_of_drift_stops_the_repairs(app: Flask, recon: Recon, shop: Shop, clock: ManualClock) -> None:
    for _number in range(12):
        make_subscription(make_account(make_organisation()), *shop.free, clock.now())
    run = recon.run(may_repair=True)
    assert (run.mismatched, run.repaired, run.left_over) == (12, 1, 11)


def test_what_was_bought_twice_or_is_gone_there_waits_for_people(
    bought: int, recon: Recon, shop: Shop, stripe_world: StripeWorld
) -> None:
    stripe_world.control("reset")
    run = recon.run(may_repair=True)
    assert (run.repaired, held(shop).status) == (0, "active")


def test_the_trail_of_acts_cannot_be_changed(cancelled: str, recon: Recon) -> None:
    mend(recon, order(cancelled, "sync_from_stripe"))
    for statement in ("UPDATE recon_actions SET reason = 'x'", "DELETE FROM recon_actions"):
        with pytest.raises((IntegrityError, ProgrammingError)), transaction(SYSTEM) as session:
            session.execute(text(statement))


def test_leaving_something_out_of_the_list(cancelled: str, recon: Recon, clock: ManualClock) -> None:
    recon.run()
    (mismatch,) = recon.open()
    until = clock.now() + timedelta(days=7)
    with transaction(SYSTEM):
        repairing.suppress(mismatch.id, until, actor="user:1", reason="agreed with the customer", now=clock.now())
    assert recon.run(may_repair=True).repaired == 0, "nor is it repaired by itself"
    assert recon.open()[0].suppressed_until == until
    assert recon.actions()[0].action == "suppress"
    with pytest.raises(UnknownRecord), transaction(SYSTEM):
        repairing.suppress(999, until, actor="user:1", reason="x", now=clock.now())


def test_subscriptions_of_others_stay_untouched(cancelled: str, recon: Recon, shop: Shop, clock: ManualClock) -> None:
    other = make_subscription(make_account(make_organisation()), *shop.free, clock.now())
    mend(recon, order(cancelled, "sync_from_stripe"))
    with scoped(SYSTEM) as session:
        assert session.get_one(Subscription, other.id).status == "active"
