"""A free plan renews itself, ends when cancelled, and a late read never undoes a newer one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from portal.db import SYSTEM, scoped, transaction
from portal.kit.clock import ManualClock
from portal.pricing.queries import get_offer
from portal.pricing.types import Offer
from portal.subscriptions import service
from portal.subscriptions.errors import AlreadySubscribed, UnknownSubscription
from portal.subscriptions.models import Subscription
from tests.factories import make_account, make_api, make_organisation, make_plan, make_subscription

pytestmark = pytest.mark.usefixtures("app")


def free_offer() -> tuple[int, Offer]:
    account = make_account(make_organisation())
    plan, _price = make_plan(make_api(make_organisation()), "free", amount=0, included_quantity=100)
    with scoped(SYSTEM):
        offer = get_offer(plan.id)
    assert offer is not None
    return account.id, offer


def start(account_id: int, offer: Offer, now: datetime) -> int:
    with transaction(SYSTEM):
        return service.start_free(account_id, offer, now=now)


def row(subscription_id: int) -> Subscription:
    with scoped(SYSTEM) as session:
        return session.scalars(select(Subscription).where(Subscription.id == subscription_id)).one()


def roll(now: datetime) -> list[int]:
    with transaction(SYSTEM):
        return service.roll_free_periods(now=now)


def test_periods_follow_the_day_it_started_through_short_months(clock: ManualClock) -> None:
    clock.set(datetime(2026, 1, 31, 10, 0, tzinfo=UTC))
    held = start(*free_offer(), clock.now())
    ends = [row(held).current_period_end]
    for _month in range(3):
        roll(ends[-1])
        ends.append(row(held).current_period_end)
    assert [end.date().isoformat() for end in ends] == ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]


def test_rolling_twice_changes_nothing_the_second_time(clock: ManualClock) -> None:
    held = start(*free_offer(), clock.now())
    later = clock.advance(timedelta(days=40))
    assert roll(later) == [held]
    assert roll(later) == []


def test_a_second_start_is_refused(clock: ManualClock) -> None:
    account_id, offer = free_offer()
    held = start(account_id, offer, clock.now())
    with pytest.raises(AlreadySubscribed) as refusal:
        start(account_id, offer, clock.now())
    assert refusal.value.subscription_id == held


def test_a_cancelled_one_ends_with_its_period_and_can_be_taken_back_before(clock: ManualClock) -> None:
    account_id, offer = free_offer()
    held = start(account_id, offer, clock.now())
    for wish in (True, False, True):
        with transaction(SYSTEM):
            service.set_free_cancellation(account_id, held, wish, now=clock.now())
        assert row(held).cancel_at_period_end is wish
    end = row(held).current_period_end
    roll(end)
    assert (row(held).status, row(held).ended_at) == ("canceled", end)
    with pytest.raises(UnknownSubscription), transaction(SYSTEM):
        service.set_free_cancellation(account_id, held, False, now=clock.now())


def test_somebody_else_s_subscription_is_not_there(clock: ManualClock) -> None:
    account_id, offer = free_offer()
    held = start(account_id, offer, clock.now())
    stranger = make_account(make_organisation())
    with pytest.raises(UnknownSubscription), transaction(SYSTEM):
        service.set_free_cancellation(stranger.id, held, True, now=clock.now())


def test_the_database_drops_a_read_that_started_earlier_and_keeps_the_end_final(app: Flask, clock: ManualClock) -> None:
    assert app is not None
    account = make_account(make_organisation())
    plan, price = make_plan(make_api(make_organisation()))
    held = make_subscription(account, plan, price, clock.now(), stripe_subscription_id="sub_1")
    with transaction(SYSTEM) as session:
        found = session.get(Subscription, held.id)
        assert found is not None
        changed = session.execute(
            Subscription.__table__.update()
            .where(Subscription.id == held.id)
            .values(status="paused", source_fetched_at=clock.now() - timedelta(seconds=1))
        )
        assert changed.rowcount == 0  # type: ignore[attr-defined]
    assert row(held.id).status == "active"
    with transaction(SYSTEM) as session:
        session.execute(
            Subscription.__table__.update()
            .where(Subscription.id == held.id)
            .values(status="canceled", ended_at=clock.now(), source_fetched_at=clock.now())
        )
    with pytest.raises(DBAPIError, match="has ended"), transaction(SYSTEM) as session:
        session.execute(
            Subscription.__table__.update().where(Subscription.id == held.id).values(status="active", ended_at=None)
        )
