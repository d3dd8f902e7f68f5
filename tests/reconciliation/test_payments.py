"""Money that came in, or went back, without our hearing of it: found, looked at, mended, and the right follows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped
from portal.entitlements.queries import list_live
from portal.kit.clock import ManualClock
from portal.payments.models import Dispute, Payment, Purchase, Refund
from portal.payments.settling import settle_one
from portal.payments.syncing import Syncing, sync_payment
from portal.reconciliation import repairing
from portal.reconciliation.errors import ChangedMeanwhile, NotPossible
from portal.reconciliation.repairing import Done
from tests.payments.conftest import Shop, held
from tests.reconciliation.conftest import Recon, hear_of_money, order
from tests.stripe_world import StripeWorld, hidden_fields

AsOwner = Callable[..., None]
DISPUTED_CARD = "4000000000000259"


@pytest.fixture
def paid(bought: int, stripe_world: StripeWorld, syncing: Syncing) -> str:
    """A payment about which everybody agrees, as its subject."""
    hear_of_money(stripe_world, syncing)
    return subject_of(stripe_world)


@pytest.fixture
def disputed(shop: Shop, stripe_world: StripeWorld, syncing: Syncing, as_owner: AsOwner) -> str:
    """A payment that the cardholder objected to, of which we mirrored everything but the dispute, as its subject."""
    begun = shop.begin(shop.pro, syncing)
    assert begun.checkout_url is not None
    stripe_world.pay(begun.checkout_url, DISPUTED_CARD)
    with scoped(SYSTEM) as session:
        assert settle_one(session.scalars(select(Purchase.id)).one(), syncing)
    hear_of_money(stripe_world, syncing)
    assert held(shop).hold == "disputed"
    return subject_of(stripe_world)


def subject_of(world: StripeWorld) -> str:
    (payment,) = world.api("GET", "payment_intents")["data"]
    return f"payment:{payment['id']}"


def key_of(subject: str) -> str:
    return subject.partition(":")[2]


def refund(world: StripeWorld, subject: str, **amount: int) -> str:
    return str(world.api("POST", "refunds", payment_intent=key_of(subject), **amount)["id"])


def may(shop: Shop, clock: ManualClock) -> bool:
    with scoped(SYSTEM):
        return bool(list_live(shop.account.id, clock.now()))


def mend(recon: Recon, subject: str) -> Done:
    wanted = order(subject, "sync_from_stripe")
    shown = repairing.preview(wanted, recon.asking, recon.syncing)
    return repairing.apply(wanted, shown.source_hash, recon.asking, recon.syncing)


def row_of(table: Any, column: Any) -> Any:
    with scoped(SYSTEM) as session:
        return session.scalars(select(column).select_from(table)).one()


def test_a_payment_that_we_never_heard_of_is_credited(bought: int, recon: Recon, stripe_world: StripeWorld) -> None:
    recon.run()
    missing = next(one for one in recon.open() if one.reason_code == "PAY_UNCREDITED")
    assert (missing.subject, missing.at_risk, missing.whose) == (subject_of(stripe_world), 2900, "Tidewater Labs")
    assert mend(recon, missing.subject).outcome == "agrees"
    with scoped(SYSTEM) as session:
        row = session.scalars(select(Payment)).one()
    assert (row.subscription_id, row.status, row.amount_received) == (bought, "succeeded", 2900)
    assert "PAY_UNCREDITED" not in recon.codes()


def test_a_refund_that_nobody_delivered_takes_its_right_once_mended(
    paid: str, recon: Recon, stripe_world: StripeWorld, shop: Shop, clock: ManualClock
) -> None:
    refund(stripe_world, paid)
    recon.run()
    (found,) = recon.open()
    assert (found.reason_code, found.at_risk, found.currency) == ("REFUND_NOT_APPLIED", 2900, "eur")
    assert {one["field"] for one in found.differences} == {"refunded", "hold"}
    shown = repairing.preview(order(paid, "sync_from_stripe"), recon.asking, recon.syncing)
    assert (shown.before["refunded"], shown.after["refunded"]) == (0, 2900)
    assert (shown.before["hold"], shown.after["hold"]) == (None, "refunded")
    assert held(shop).hold is None, "looking changes nothing"
    assert mend(recon, paid).outcome == "agrees"
    assert (held(shop).hold, may(shop, clock), row_of(Refund, Refund.amount)) == ("refunded", False, 2900)
    with scoped(SYSTEM) as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.subject == paid)).one()
    assert (entry.action, entry.reason) == ("reconciliation.sync_from_stripe", "ticket 12")
    assert recon.run().mismatched == 0, "a right that rests is none that is missing"


def test_a_refund_that_failed_unheard_gives_the_right_back(
    paid: str, recon: Recon, stripe_world: StripeWorld, shop: Shop, clock: ManualClock
) -> None:
    back = refund(stripe_world, paid)
    sync_payment(key_of(paid), recon.syncing)
    assert not may(shop, clock)
    stripe_world.control(f"refunds/{back}/fail")
    recon.run()
    assert recon.codes() == ["REFUND_OVERAPPLIED"]
    assert mend(recon, paid).outcome == "agrees"
    assert (held(shop).hold, may(shop, clock), row_of(Refund, Refund.status)) == (None, True, "failed")


def test_a_dispute_that_nobody_delivered_rests_the_right(
    paid: str, recon: Recon, stripe_world: StripeWorld, shop: Shop, clock: ManualClock
) -> None:
    charge = stripe_world.api("GET", f"payment_intents/{key_of(paid)}")["latest_charge"]
    stripe_world.control(f"charges/{charge}/dispute")
    recon.run()
    (found,) = recon.open()
    assert (found.reason_code, found.cause) == ("DISPUTE_NOT_APPLIED", "event_lost")
    assert mend(recon, paid).outcome == "agrees"
    assert (held(shop).hold, may(shop, clock), row_of(Dispute, Dispute.status)) == (
        "disputed", False, "needs_response",
    )  # fmt: skip


def test_a_dispute_that_was_won_unheard_gives_the_right_back(
    disputed: str, recon: Recon, stripe_world: StripeWorld, shop: Shop, clock: ManualClock
) -> None:
    dispute = stripe_world.api("GET", "disputes")["data"][0]["id"]
    assert recon.run().mismatched == 0
    stripe_world.control(f"disputes/{dispute}/close", verdict="won")
    recon.run()
    assert recon.codes() == ["DISPUTE_WON_NOT_RESTORED"]
    assert not may(shop, clock)
    assert mend(recon, disputed).outcome == "agrees"
    assert (held(shop).hold, may(shop, clock)) == (None, True)


def test_a_run_mends_by_itself_what_only_follows(
    disputed: str, recon: Recon, stripe_world: StripeWorld, shop: Shop, clock: ManualClock
) -> None:
    stripe_world.control(f"disputes/{stripe_world.api('GET', 'disputes')['data'][0]['id']}/close", verdict="won")
    run = recon.run(may_repair=True)
    assert (run.mismatched, run.repaired, run.left_over) == (1, 1, 0)
    assert may(shop, clock)


def test_a_hold_that_was_changed_behind_our_back_is_found(
    paid: str, recon: Recon, shop: Shop, as_owner: AsOwner
) -> None:
    as_owner("UPDATE subscriptions SET hold = 'disputed'")
    recon.run()
    assert [(one.reason_code, one.cause) for one in recon.open() if one.record == paid] == [
        ("DISPUTE_WON_NOT_RESTORED", "hold_not_derived")
    ]
    assert mend(recon, paid).outcome == "agrees"
    assert held(shop).hold is None


def test_an_amount_that_is_another_waits_for_people(paid: str, recon: Recon, as_owner: AsOwner) -> None:
    as_owner("UPDATE payments SET amount_received = 2000")
    run = recon.run(may_repair=True)
    assert (recon.codes(), run.repaired) == (["PAY_AMOUNT_DIFF"], 0)
    assert recon.open()[0].at_risk == 900
    assert mend(recon, paid).outcome == "agrees"
    assert row_of(Payment, Payment.amount_received) == 2900


def test_an_old_payment_is_led_to_by_its_dispute_and_judged_once(
    paid: str, recon: Recon, stripe_world: StripeWorld, shop: Shop, clock: ManualClock
) -> None:
    stripe_world.control("clock", advance=int(timedelta(days=20).total_seconds()))
    clock.advance(timedelta(days=20))
    charge = stripe_world.api("GET", f"payment_intents/{key_of(paid)}")["latest_charge"]
    refund(stripe_world, paid, amount=100)
    stripe_world.control(f"charges/{charge}/dispute")
    run = recon.run()
    assert sorted(recon.codes()) == ["DISPUTE_NOT_APPLIED", "REFUND_NOT_APPLIED"]
    assert run.by_code == {"DISPUTE_NOT_APPLIED": 1, "REFUND_NOT_APPLIED": 1}


def test_what_has_a_delivery_on_its_way_is_left_for_the_next_run(
    disputed: str, recon: Recon, stripe_world: StripeWorld, as_owner: AsOwner, clock: ManualClock
) -> None:
    dispute = stripe_world.api("GET", "disputes")["data"][0]["id"]
    stripe_world.control(f"disputes/{dispute}/close", verdict="won")
    clock.advance(timedelta(minutes=30))
    as_owner(
        "INSERT INTO webhook_events (provider, endpoint, external_id, type, object_type, object_id, livemode,"
        " event_created_at, received_at, raw, raw_sha256, next_attempt_at) VALUES ('stripe', '/', 'evt_1',"
        " 'charge.dispute.closed', 'dispute', %s, false, now(), %s, '', '', now())",
        dispute,
        clock.now() - timedelta(minutes=3),
    )
    recon.run(age=timedelta(minutes=10))
    assert recon.codes() == []
    clock.advance(timedelta(minutes=30))
    recon.run(age=timedelta(minutes=10))
    assert [(one.reason_code, one.cause) for one in recon.open()] == [("DISPUTE_WON_NOT_RESTORED", "event_waiting")]


@pytest.mark.parametrize("whose", ["theirs", "ours"])
def test_a_repair_is_refused_when_a_side_has_changed_since(
    paid: str, recon: Recon, stripe_world: StripeWorld, as_owner: AsOwner, whose: str
) -> None:
    refund(stripe_world, paid, amount=900)
    wanted = order(paid, "sync_from_stripe")
    shown = repairing.preview(wanted, recon.asking, recon.syncing)
    if whose == "theirs":
        refund(stripe_world, paid, amount=100)
    else:
        as_owner("UPDATE payments SET amount_refunded = 5")
    with pytest.raises(ChangedMeanwhile):
        repairing.apply(wanted, shown.source_hash, recon.asking, recon.syncing)
    assert recon.actions() == []


def test_a_change_in_the_very_moment_takes_everything_back(
    paid: str, recon: Recon, stripe_world: StripeWorld, shop: Shop
) -> None:
    refund(stripe_world, paid, amount=900)
    shown = repairing.preview(order(paid, "sync_from_stripe"), recon.asking, recon.syncing)
    assert shown.plan is not None
    refund(stripe_world, paid)
    with pytest.raises(ChangedMeanwhile):
        shown.plan.act(lambda session: repairing._note(session, shown, "key"))
    assert (held(shop).hold, row_of(Payment, Payment.amount_refunded), recon.actions()) == (None, 0, [])


def test_there_is_no_repair_for_what_agrees_is_gone_or_is_nobody_s(
    paid: str, recon: Recon, stripe_world: StripeWorld, as_owner: AsOwner
) -> None:
    def why(subject: str) -> str:
        with pytest.raises(NotPossible) as refused:
            repairing.preview(order(subject, "sync_from_stripe"), recon.asking, recon.syncing)
        return refused.value.why

    assert why(paid) == "agrees_already"
    assert why("payment:pi_nothing") == "gone_there"
    as_owner("DELETE FROM payments; DELETE FROM stripe_customers")
    assert why(paid) == "unknown_customer"
    assert "PAY_UNCREDITED" not in (recon.run(), recon.codes())[1], "the money of somebody we do not know"


def test_without_an_answer_nothing_is_said_about_money(paid: str, recon: Recon, stripe_world: StripeWorld) -> None:
    refund(stripe_world, paid)
    path = f"/v1/payment_intents/{key_of(paid)}"
    stripe_world.control("faults", api=[{"kind": "error", "status": 500, "path": path, "count": 1000}])
    run = recon.run()
    stripe_world.control("faults", method="DELETE")
    assert (run.status, run.unknown, recon.codes()) == ("failed", 1, [])


def test_the_page_shows_money_as_money_and_states_in_words(
    disputed: str, recon: Recon, stripe_world: StripeWorld, olive: FlaskClient
) -> None:
    stripe_world.control(f"disputes/{stripe_world.api('GET', 'disputes')['data'][0]['id']}/close", verdict="won")
    recon.run()
    (found,) = recon.open()
    address = f"/admin/billing/mismatches/{found.id}"
    shown = olive.get(f"{address}?repair=sync_from_stripe").text
    for words in ("A dispute is over, and access is still paused", "waits for our answer", "won", "€29.00"):
        assert words in shown, words
    done = olive.post(f"{address}/repair", data={**hidden_fields(shown), "reason": "won"}, follow_redirects=True).text
    assert "everything agrees" in done
