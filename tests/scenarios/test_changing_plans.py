"""Cleo grows out of Pro, finds Scale too large, and ends on the free plan. Her key works the whole time.

day 0        she buys Pro, €29.00 a month, and makes a key
day 15       up to Scale, €199.00: half a month of each is settled now, and what was previewed is what is charged
day 16       down to Pro: nothing now, Pro begins when the month ends; she takes it back and asks again
month 2      Pro begins by itself, €29.00
month 2, d 5 the free plan: Pro ends with the month it is paid for
month 3      the free plan has begun; nothing is charged any more
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from portal.db import SYSTEM, enter_scope, scoped, transaction
from portal.gateway.service import issue_key
from portal.kit.clock import ManualClock
from portal.payments import switching
from portal.payments.changing import set_cancellation
from portal.payments.errors import NotSwitchable, StalePreview
from portal.payments.models import Purchase
from portal.payments.queries import find_planned_change
from portal.payments.settling import settle_one
from portal.payments.switching import Actor
from portal.payments.syncing import Syncing, sync_subscription
from portal.payments.types import SwitchPreview
from portal.ports.payments import PaymentsRefused
from portal.subscriptions.queries import list_for_account
from portal.subscriptions.types import SubscriptionView
from tests.factories import make_plan
from tests.payments.conftest import Shop
from tests.stripe_world import StripeWorld

pytestmark = pytest.mark.scenario
SECRET_KEY = "a secret of this test"


class Cleo:
    """What she does, and what time does meanwhile."""

    def __init__(self, shop: Shop, syncing: Syncing, world: StripeWorld, clock: ManualClock) -> None:
        self.shop, self.syncing, self.world, self.clock = shop, syncing, world, clock
        self.actor = Actor("user:1", None, shop.buyer.organisation_id)
        self.held_id = 0

    def buys(self, card: str = "4242424242424242") -> None:
        begun = self.shop.begin(self.shop.pro, self.syncing)
        assert begun.checkout_url is not None
        self.world.pay(begun.checkout_url, card)
        with scoped(SYSTEM) as session:
            purchase = session.scalars(select(Purchase.id)).one()
        settle_one(purchase, self.syncing)

    @property
    def held(self) -> SubscriptionView:
        with scoped(SYSTEM):
            return list_for_account(self.shop.account.id)[0]

    def previews(self, plan_id: int) -> tuple[SwitchPreview, str]:
        with self._acting():
            shown = switching.preview(self.shop.account.id, self.held_id, plan_id, syncing=self.syncing)
        return shown, switching.token_of(shown, self.held_id, SECRET_KEY)

    def confirms(self, plan_id: int, token: str) -> SwitchPreview:
        with self._acting():
            return switching.confirm(
                self.shop.account.id,
                self.held_id,
                plan_id,
                token,
                syncing=self.syncing,
                actor=self.actor,
                secret_key=SECRET_KEY,
            )

    def switches(self, plan_id: int) -> SwitchPreview:
        _shown, token = self.previews(plan_id)
        return self.confirms(plan_id, token)

    def takes_it_back(self) -> bool:
        with self._acting():
            return switching.withdraw(self.shop.account.id, self.held_id, syncing=self.syncing, actor=self.actor)

    def waits(self, span: timedelta) -> None:
        """Days go by; what the events of these days lead to is one look at the subscription."""
        self.held_id = self.held.id
        self.clock.advance(span)
        self.world.control("clock", advance=int(span.total_seconds()))
        stripe_id = self.held.stripe_subscription_id
        if stripe_id:
            sync_subscription(stripe_id, self.syncing)
        self.held_id = self.held.id

    def waits_until_the_month_ends(self) -> None:
        self.waits(self.held.period.end - self.clock.now() + timedelta(hours=2))

    def charges(self) -> list[int]:
        """Every amount charged so far, newest first."""
        return [one["total"] for one in self.world.api("GET", "invoices", limit=100)["data"] if one["total"]]

    def door(self) -> tuple[str, int | None, int | None]:
        """What the gateway knows of her key: plan, calls a minute, calls included."""
        with scoped(SYSTEM) as session:
            row = session.execute(text("SELECT * FROM gateway_credentials WHERE valid_to IS NULL OR valid_to > now()"))
            found = row.one()
        return found.plan_code, found.requests_per_minute, found.included_quantity

    @contextmanager
    def _acting(self) -> Iterator[None]:
        enter_scope(self.shop.scope)
        try:
            yield
        finally:
            enter_scope(SYSTEM)


@pytest.fixture
def cleo(shop: Shop, syncing: Syncing, stripe_world: StripeWorld, clock: ManualClock) -> Cleo:
    found = Cleo(shop, syncing, stripe_world, clock)
    found.buys()
    found.held_id = found.held.id
    with transaction(SYSTEM):
        issue_key(shop.account.id, found.held_id, "Server", created_by=None, now=clock.now(), pepper=b"p" * 32)
    return found


def test_up_down_and_out_without_losing_the_key(cleo: Cleo, shop: Shop) -> None:
    scale = make_plan(shop.api, "large", amount=19_900, rpm=6000, included_quantity=2_000_000)[0].id
    pro, free = shop.pro[0].id, shop.free[0].id
    month = cleo.held.period.end - cleo.held.period.start
    cleo.waits(month / 2)

    shown, token = cleo.previews(scale)
    assert (shown.kind, shown.next_charge_at) == ("now", cleo.held.period.end)
    assert [line.amount < 0 for line in shown.lines] == [True, False]
    assert abs(shown.due.amount - 8_500) <= 1, "half of €199.00 less half of €29.00"
    cleo.confirms(scale, token)
    assert cleo.charges() == [shown.due.amount, 2900]
    assert cleo.door() == ("large", 6000, 2_000_000)
    with pytest.raises(NotSwitchable, match="same_plan"):
        cleo.confirms(scale, token)
    assert cleo.charges() == [shown.due.amount, 2900], "pressing the button twice charges once"

    cleo.waits(timedelta(days=1))
    planned = cleo.switches(pro)
    assert (planned.kind, planned.due.amount, planned.effective_at) == ("later", 0, cleo.held.period.end)
    assert cleo.door()[0] == "large", "what is paid for is used up first"
    assert cleo.takes_it_back()
    assert not cleo.takes_it_back()
    cleo.switches(pro)
    cleo.waits_until_the_month_ends()
    assert cleo.door() == ("pro", 600, 10_000)
    assert cleo.charges()[0] == 2900
    assert find_planned_change(shop.account.id, cleo.held_id) is None

    cleo.waits(timedelta(days=5))
    last = cleo.switches(free)
    assert (last.kind, last.next_charge) == ("free_later", None)
    with pytest.raises(NotSwitchable, match="ending"):
        cleo.previews(scale)
    charged = cleo.charges()
    cleo.waits_until_the_month_ends()
    assert cleo.held.is_free
    assert cleo.door() == ("free", 600, 1000)
    cleo.waits(timedelta(days=40))
    assert cleo.charges() == charged


def test_a_card_that_does_not_pay_changes_nothing(cleo: Cleo, shop: Shop, stripe_world: StripeWorld) -> None:
    scale = make_plan(shop.api, "large", amount=19_900)[0].id
    held = stripe_world.api("GET", f"subscriptions/{cleo.held.stripe_subscription_id}")
    stripe_world.api("POST", "payment_methods/pm_card_chargeCustomerFail/attach", customer=held["customer"])
    failing = stripe_world.api("GET", "payment_methods", customer=held["customer"])["data"][0]["id"]
    stripe_world.api("POST", f"subscriptions/{held['id']}", default_payment_method=failing)
    with pytest.raises(PaymentsRefused, match="declined"):
        cleo.switches(scale)
    assert (cleo.held.status, cleo.held.price_id) == ("active", shop.pro[1].id)
    assert cleo.charges() == [2900]


def test_figures_that_are_not_the_same_any_more_are_shown_again_first(cleo: Cleo, shop: Shop) -> None:
    scale, larger = make_plan(shop.api, "large", amount=19_900)[0].id, make_plan(shop.api, "xl", amount=49_900)[0].id
    cleo.waits(timedelta(days=3))
    _shown, token = cleo.previews(scale)
    for plan_id, sent in ((larger, token), (scale, token[:-2]), (scale, ""), (scale, "WzFd.x"), (scale, "\ud800")):
        with pytest.raises(StalePreview):
            cleo.confirms(plan_id, sent)
    cleo.waits(timedelta(minutes=16))
    with pytest.raises(StalePreview, match="too old"):
        cleo.confirms(scale, token)
    assert cleo.charges() == [2900]


def test_cancelling_drops_a_planned_change(cleo: Cleo, shop: Shop) -> None:
    small = make_plan(shop.api, "plus", amount=900)[0].id
    cleo.switches(small)
    enter_scope(shop.scope)
    set_cancellation(
        shop.account.id,
        cleo.held_id,
        True,
        syncing=cleo.syncing,
        actor="user:1",
        organisation_id=shop.buyer.organisation_id,
    )
    enter_scope(SYSTEM)
    assert find_planned_change(shop.account.id, cleo.held_id) is None
    cleo.waits_until_the_month_ends()
    assert cleo.held.status == "canceled"


def test_within_a_trial_a_change_costs_nothing_and_the_trial_goes_on(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld, clock: ManualClock
) -> None:
    cleo = Cleo(shop, syncing, stripe_world, clock)
    begun = shop.begin(shop.trial, syncing)
    assert begun.checkout_url is not None
    stripe_world.pay(begun.checkout_url)
    with scoped(SYSTEM) as session:
        settle_one(session.scalars(select(Purchase.id)).one(), syncing)
    cleo.held_id = cleo.held.id
    ends = cleo.held.trial_end
    cleo.waits(timedelta(days=4))
    shown = cleo.switches(shop.pro[0].id)
    assert (shown.kind, shown.due.amount, shown.next_charge_at) == ("trial", 0, ends)
    assert (cleo.held.status, cleo.held.trial_end) == ("trialing", ends)
    cleo.waits(timedelta(days=11))
    assert cleo.charges() == [2900]
