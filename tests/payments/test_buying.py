"""From the button to the right: paid once, granted once, whatever happens on the way."""

from __future__ import annotations

import itertools
import random

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, text

from jobs import drain
from portal.db import SYSTEM, scoped, transaction
from portal.entitlements.models import Entitlement
from portal.entitlements.queries import list_live
from portal.outbox.models import OutboxMessage
from portal.payments.errors import PlanNotForSale
from portal.payments.models import Purchase
from portal.payments.settling import settle_due, settle_one
from portal.payments.syncing import Syncing
from portal.subscriptions.errors import AlreadySubscribed
from portal.subscriptions.models import Subscription
from portal.webhooks.models import WebhookEvent
from tests.payments.conftest import Shop
from tests.stripe_world import StripeWorld, deliver


def subscriptions(shop: Shop) -> list[Subscription]:
    with scoped(SYSTEM) as session:
        return list(
            session.scalars(select(Subscription).where(Subscription.account_id == shop.account.id).order_by("id"))
        )


def purchase(shop: Shop) -> Purchase:
    with scoped(SYSTEM) as session:
        return session.scalars(
            select(Purchase).where(Purchase.account_id == shop.account.id).order_by(Purchase.id.desc()).limit(1)
        ).one()


def rights(shop: Shop, syncing: Syncing) -> int:
    with scoped(SYSTEM):
        return len(list_live(shop.account.id, syncing.clock.now()))


def test_a_free_plan_starts_without_the_provider(shop: Shop, syncing: Syncing) -> None:
    begun = shop.begin(shop.free, syncing)
    assert begun.checkout_url is None
    assert [one.status for one in subscriptions(shop)] == ["active"]
    assert rights(shop, syncing) == 1


@pytest.mark.parametrize("state", ["draft", "retired"])
def test_what_the_market_does_not_show_cannot_be_bought_by_guessing_its_plan(
    shop: Shop, syncing: Syncing, state: str
) -> None:
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE apis SET state = :state WHERE id = :id"), {"state": state, "id": shop.api.id})
    for plan in (shop.free, shop.pro):
        with pytest.raises(PlanNotForSale):
            shop.begin(plan, syncing)
    assert subscriptions(shop) == []


def test_a_double_click_leads_to_the_same_page(shop: Shop, syncing: Syncing) -> None:
    first, second = shop.begin(shop.pro, syncing), shop.begin(shop.pro, syncing)
    assert first == second


def test_nothing_is_granted_before_the_money_is_in(shop: Shop, syncing: Syncing) -> None:
    shop.begin(shop.pro, syncing)
    assert settle_one(purchase(shop).id, syncing)
    assert purchase(shop).status == "open"
    assert rights(shop, syncing) == 0


def test_payment_grants_even_when_no_event_ever_arrives(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld
) -> None:
    begun = shop.begin(shop.pro, syncing)
    assert begun.checkout_url is not None
    assert "/purchases/" in stripe_world.pay(begun.checkout_url)
    settle_one(purchase(shop).id, syncing)
    assert purchase(shop).status == "complete"
    assert [one.status for one in subscriptions(shop)] == ["active"]
    assert rights(shop, syncing) == 1


def test_a_declined_card_grants_nothing(shop: Shop, syncing: Syncing, stripe_world: StripeWorld) -> None:
    begun = shop.begin(shop.pro, syncing)
    assert begun.checkout_url is not None
    assert "declined" in stripe_world.pay(begun.checkout_url, "4000000000000002")
    settle_one(purchase(shop).id, syncing)
    assert rights(shop, syncing) == 0


def test_a_trial_grants_now_and_only_once_per_product(shop: Shop, syncing: Syncing, stripe_world: StripeWorld) -> None:
    begun = shop.begin(shop.trial, syncing)
    assert begun.checkout_url is not None
    stripe_world.pay(begun.checkout_url)
    settle_one(purchase(shop).id, syncing)
    (held,) = subscriptions(shop)
    assert held.status == "trialing"
    stripe_world.api("DELETE", f"subscriptions/{held.stripe_subscription_id}")
    drain_all_by_reading(syncing, held)
    shop.begin(shop.trial, syncing)
    assert purchase(shop).trial_days == 0


def drain_all_by_reading(syncing: Syncing, held: Subscription) -> None:
    from portal.payments.syncing import sync_subscription

    assert held.stripe_subscription_id is not None
    sync_subscription(held.stripe_subscription_id, syncing)


def test_paying_replaces_the_free_plan_in_one_step(shop: Shop, syncing: Syncing, stripe_world: StripeWorld) -> None:
    shop.begin(shop.free, syncing)
    begun = shop.begin(shop.pro, syncing)
    assert begun.checkout_url is not None
    stripe_world.pay(begun.checkout_url)
    settle_one(purchase(shop).id, syncing)
    assert [(one.status, one.stripe_subscription_id is None) for one in subscriptions(shop)] == [
        ("canceled", True),
        ("active", False),
    ]
    assert rights(shop, syncing) == 1


def test_a_second_paid_subscription_is_refused(shop: Shop, syncing: Syncing, stripe_world: StripeWorld) -> None:
    begun = shop.begin(shop.pro, syncing)
    assert begun.checkout_url is not None
    stripe_world.pay(begun.checkout_url)
    settle_one(purchase(shop).id, syncing)
    with pytest.raises(AlreadySubscribed):
        shop.begin(shop.trial, syncing)


def test_choosing_another_plan_closes_the_first_page(shop: Shop, syncing: Syncing, stripe_world: StripeWorld) -> None:
    first = shop.begin(shop.pro, syncing)
    shop.begin(shop.trial, syncing)
    with scoped(SYSTEM) as session:
        old = session.scalars(select(Purchase).where(Purchase.public_id == first.public_id)).one()
    assert old.status == "canceled"
    assert stripe_world.api("GET", f"checkout/sessions/{old.stripe_checkout_id}")["status"] == "expired"


def test_a_replaced_page_is_closed_even_when_the_provider_is_away_at_first(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld
) -> None:
    shop.begin(shop.pro, syncing)
    first = purchase(shop).stripe_checkout_id
    stripe_world.control(
        "faults", api=[{"kind": "error", "path": f"/v1/checkout/sessions/{first}/expire", "count": 2, "stored": False}]
    )
    shop.begin(shop.trial, syncing)
    assert stripe_world.api("GET", f"checkout/sessions/{first}")["status"] == "open"
    stripe_world.control("faults", method="DELETE")
    drain.outbox()
    assert stripe_world.api("GET", f"checkout/sessions/{first}")["status"] == "expired"


def test_open_purchases_are_looked_after_less_and_less_often(shop: Shop, syncing: Syncing, clock) -> None:  # type: ignore[no-untyped-def]
    from datetime import timedelta

    shop.begin(shop.pro, syncing)
    assert settle_due(syncing) == 0
    clock.advance(timedelta(seconds=6))
    assert settle_due(syncing) == 1
    assert settle_due(syncing) == 0
    clock.advance(timedelta(minutes=10))
    assert settle_due(syncing) == 1
    assert purchase(shop).next_check_at - clock.now() > timedelta(minutes=4)


@pytest.mark.parametrize("seed", range(6))
def test_any_order_and_any_repetition_of_events_ends_the_same(
    shop: Shop, syncing: Syncing, stripe_world: StripeWorld, client: FlaskClient, seed: int
) -> None:
    """W1 and W2: shuffled, delivered one to three times, worked in between at random; one subscription, one right."""
    chance = random.Random(seed)
    began = int(syncing.clock.now().timestamp())
    begun = shop.begin(shop.pro, syncing)
    assert begun.checkout_url is not None
    stripe_world.pay(begun.checkout_url)
    ours = [event for event in stripe_world.events(began) if _concerns(event, shop)]
    deliveries = list(itertools.chain.from_iterable([event] * chance.randint(1, 3) for event in ours))
    chance.shuffle(deliveries)
    for event in deliveries:
        assert deliver(client, event, syncing.clock.now().timestamp()).status_code == 200
        if chance.random() < 0.4:
            drain.inbox()
    drain.inbox()
    with scoped(SYSTEM) as session:
        states = dict(session.execute(select(WebhookEvent.state, func.count()).group_by(WebhookEvent.state)).all())
        granted = session.scalar(select(func.count()).select_from(Entitlement))
        changes = session.scalar(select(func.count()).select_from(OutboxMessage).where(OutboxMessage.state == "dead"))
    assert set(states) <= {"done", "ignored"}
    assert [one.status for one in subscriptions(shop)] == ["active"]
    assert (granted, changes) == (1, 0)
    assert purchase(shop).status == "complete"


def _concerns(event: dict, shop: Shop) -> bool:  # type: ignore[type-arg]
    thing = event["data"]["object"]
    return thing.get("customer") is not None or thing.get("metadata", {}).get("account") == str(shop.account.id)
