"""Money that goes back takes its right along, and brings it back when it comes back: refunds and disputes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from jobs import drain
from portal.db import SYSTEM, scoped
from portal.entitlements.queries import list_live
from portal.kit.clock import ManualClock, from_timestamp
from portal.payments.models import Dispute, Payment, Refund
from portal.payments.rules import bought_window, hold_of
from portal.payments.syncing import Syncing
from portal.payments.types import Paid
from tests.payments.conftest import Shop, held
from tests.stripe_world import StripeWorld, deliver

DISPUTED_CARD = "4000000000000259"


class Story:
    """Cleo's subscription and what her bank and Stripe do about it."""

    def __init__(self, app: Flask, shop: Shop, syncing: Syncing, world: StripeWorld, clock: ManualClock) -> None:
        self.client, self.shop, self.syncing, self.world, self.clock = app.test_client(), shop, syncing, world, clock

    def buys(self, card: str = "4242424242424242") -> None:
        begun = self.shop.begin(self.shop.pro, self.syncing)
        assert begun.checkout_url is not None
        self.world.pay(begun.checkout_url, card)
        self.hears()

    def hears(self, *, backwards: bool = False) -> None:
        """Every event so far is delivered, in order or the other way round."""
        events = self.world.events()
        for event in reversed(events) if backwards else events:
            deliver(self.client, event, self.clock.now().timestamp())
        drain.inbox()

    def may(self) -> bool:
        with scoped(SYSTEM):
            return bool(list_live(self.shop.account.id, self.clock.now()))

    def payment(self) -> str:
        return str(self.world.api("GET", "payment_intents")["data"][0]["id"])

    def dispute(self) -> dict[str, Any]:
        return dict(self.world.api("GET", "disputes")["data"][0])


@pytest.fixture
def story(app: Flask, shop: Shop, syncing: Syncing, stripe_world: StripeWorld, clock: ManualClock) -> Story:
    return Story(app, shop, syncing, stripe_world, clock)


@pytest.mark.parametrize("backwards", [False, True])
def test_a_dispute_pauses_the_right_and_winning_it_brings_it_back(story: Story, backwards: bool) -> None:
    story.buys(DISPUTED_CARD)
    story.hears(backwards=backwards)
    assert held(story.shop).status == "active"
    assert held(story.shop).hold == "disputed"
    assert not story.may()
    story.world.control(f"disputes/{story.dispute()['id']}/close", verdict="won")
    story.hears(backwards=backwards)
    assert held(story.shop).hold is None
    assert story.may()


def test_a_dispute_that_is_lost_leaves_the_right_gone_until_the_next_payment(story: Story) -> None:
    story.buys(DISPUTED_CARD)
    story.world.control(f"disputes/{story.dispute()['id']}/close", verdict="lost")
    story.hears()
    assert (held(story.shop).hold, story.may()) == ("disputed", False)
    customer = story.world.api("GET", f"subscriptions/{held(story.shop).stripe_subscription_id}")["customer"]
    story.world.api("POST", "payment_methods/pm_card_visa/attach", customer=customer)
    method = story.world.api("GET", "payment_methods", customer=customer)["data"][0]["id"]
    story.world.api("POST", f"subscriptions/{held(story.shop).stripe_subscription_id}", default_payment_method=method)
    month = timedelta(days=31, hours=3)
    story.clock.advance(month)
    story.world.control("clock", advance=int(month.total_seconds()))
    story.hears()
    assert (held(story.shop).hold, story.may()) == (None, True)


def test_parts_given_back_change_nothing_the_last_one_does(story: Story) -> None:
    story.buys()
    for amount, may in ((900, True), (1000, True), (1000, False)):
        story.world.api("POST", "refunds", payment_intent=story.payment(), amount=amount)
        story.hears()
        assert story.may() is may
    with scoped(SYSTEM) as session:
        payment = session.scalars(select(Payment)).one()
        assert (payment.amount_received, payment.amount_refunded) == (2900, 2900)
        assert len(session.scalars(select(Refund)).all()) == 3


def test_a_refund_that_the_bank_sends_back_brings_the_right_back(story: Story) -> None:
    story.buys()
    refund = story.world.api("POST", "refunds", payment_intent=story.payment())
    story.hears()
    assert not story.may()
    story.world.control(f"refunds/{refund['id']}/fail")
    story.hears()
    assert story.may()
    with scoped(SYSTEM) as session:
        assert session.scalars(select(Refund.status)).one() == "failed"


def test_hearing_everything_again_changes_nothing(story: Story) -> None:
    story.buys(DISPUTED_CARD)
    story.hears()
    with scoped(SYSTEM) as session:
        before = session.execute(select(Payment.id, Payment.status, Dispute.status).join(Dispute)).all()
    story.hears(backwards=True)
    with scoped(SYSTEM) as session:
        assert session.execute(select(Payment.id, Payment.status, Dispute.status).join(Dispute)).all() == before
    assert not story.may()


def test_the_page_says_why_and_what_comes_next(story: Story, owner: FlaskClient) -> None:
    story.buys(DISPUTED_CARD)
    page = owner.get(f"/subscriptions/{held(story.shop).id}").text
    assert "Payment disputed" in page
    assert "paused until the bank has decided" in page


PAID = st.builds(
    Paid,
    st.sampled_from(["succeeded", "requires_payment_method", "canceled"]),
    st.integers(0, 5000),
    st.just(0),
    st.lists(st.sampled_from(["needs_response", "won", "lost", "warning_needs_response", "warning_closed"])).map(tuple),
)


@given(st.lists(PAID, max_size=4))
def test_only_money_that_came_in_can_be_taken_back(payments: list[Paid]) -> None:
    if not any(one.status == "succeeded" for one in payments):
        assert hold_of(payments) is None
    if hold_of(payments) == "refunded":
        assert sum(one.received for one in payments if one.status == "succeeded") > 0


def test_the_window_of_what_is_paid_once() -> None:
    at = from_timestamp(1_767_225_600)
    paid = Paid("succeeded", 9900, 0)
    assert bought_window(paid, at, 30) == (at, at + timedelta(days=30))
    assert bought_window(paid, at, None) == (at, None)
    assert bought_window(Paid("succeeded", 9900, 9899), at, None) == (at, None)
    assert bought_window(Paid("succeeded", 9900, 9900), at, None) is None
    assert bought_window(Paid("succeeded", 9900, 0, ("needs_response",)), at, None) is None
    assert bought_window(Paid("succeeded", 9900, 0, ("won",)), at, None) == (at, None)
    assert bought_window(Paid("processing", 0, 0), None, None) is None
