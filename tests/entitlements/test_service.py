"""Deriving rights over real tables: versions, announcements, races, and what a reader sees."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from portal.db import SYSTEM, Scope, scoped, transaction
from portal.entitlements.models import Entitlement
from portal.entitlements.queries import explain, has_feature, list_live
from portal.entitlements.service import derive
from portal.kit.clock import ManualClock
from portal.outbox.models import OutboxMessage
from portal.pricing.models import Product
from portal.subscriptions.errors import UnknownSubscription
from tests.entitlements.conftest import Customer
from tests.factories import make_account, make_organisation

Subscribe = Callable[..., Customer]
DAY = timedelta(days=1)


def announced() -> list[dict[str, Any]]:
    query = select(OutboxMessage.payload).where(OutboxMessage.topic == "entitlements.changed")
    with scoped(SYSTEM) as session:
        return list(session.scalars(query.order_by(OutboxMessage.id)))


def test_a_new_subscription_gives_its_feature_and_says_so_once(subscribe: Subscribe, clock: ManualClock) -> None:
    customer = subscribe()
    now = clock.now()
    derived = customer.derive(now)
    assert (derived.changed, derived.version, derived.reason) == (True, 1, "active")
    assert not customer.derive(now).changed
    [right] = list_live(customer.account_id, now)
    assert (right.feature_id, right.name, right.sources) == (customer.feature_id, "Rates", ("subscription",))
    assert right.until == now + 31 * DAY + timedelta(hours=1)
    assert announced() == [
        {"account_id": customer.account_id, "version": 1, "subscription_id": customer.subscription_id}
    ]


def test_a_free_subscription_lasts_until_it_is_ended(subscribe: Subscribe, clock: ManualClock) -> None:
    customer = subscribe(stripe_subscription_id=None)
    customer.derive(clock.now())
    assert [window[2] for window in customer.windows()] == [None]
    later = clock.advance(400 * DAY)
    assert not customer.derive(later).changed
    customer.hears(status="canceled", ended_at=later)
    customer.derive(later)
    assert not has_feature(customer.account_id, customer.feature_id, later)
    assert has_feature(customer.account_id, customer.feature_id, later - timedelta(microseconds=1))


def test_a_right_that_never_began_to_count_is_revoked_with_its_reason(subscribe: Subscribe, clock: ManualClock) -> None:
    customer = subscribe()
    customer.derive(clock.now())
    customer.hears(status="canceled", ended_at=clock.now())
    customer.derive(clock.now())
    with scoped(SYSTEM) as session:
        [row] = session.scalars(select(Entitlement)).all()
    assert (row.revoked_at, row.revoke_reason) == (clock.now(), "subscription: cancelled")
    assert not has_feature(customer.account_id, customer.feature_id, clock.now())


def test_nobody_reads_yes_after_the_loss_was_committed(app: Flask, subscribe: Subscribe, clock: ManualClock) -> None:
    """Four readers with connections of their own ask before and after; nothing between them and the rows is stale."""
    customer = subscribe()
    customer.derive(clock.now())
    now = clock.advance(DAY)
    asked, lost = Barrier(5), Barrier(5)

    def read(_n: int) -> tuple[bool, bool]:
        with app.app_context():
            with scoped(SYSTEM):
                before = has_feature(customer.account_id, customer.feature_id, now)
            asked.wait(10)
            lost.wait(10)
            with scoped(SYSTEM):
                return before, has_feature(customer.account_id, customer.feature_id, now)

    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(read, n) for n in range(4)]
        asked.wait(10)
        customer.hears(status="unpaid")
        customer.derive(now)
        lost.wait(10)
        assert {answer.result() for answer in answers} == {(True, False)}


def test_deriving_at_once_from_everywhere_writes_one_row_and_one_version(
    app: Flask, subscribe: Subscribe, clock: ManualClock
) -> None:
    customer = subscribe()
    start = Barrier(6)

    def one(n: int) -> bool:
        with app.app_context():
            start.wait(10)
            with transaction(SYSTEM):
                # Six machines, six clocks a few milliseconds apart.
                return derive(customer.subscription_id, now=clock.now() + timedelta(milliseconds=n)).changed

    with ThreadPoolExecutor(6) as pool:
        changed = list(pool.map(one, range(6)))
    assert changed.count(True) == 1
    assert len(customer.windows()) == 1
    assert [fact["version"] for fact in announced()] == [1]


def test_what_was_rolled_back_was_never_announced(subscribe: Subscribe, clock: ManualClock) -> None:
    customer = subscribe()
    with pytest.raises(RuntimeError), transaction(SYSTEM):
        derive(customer.subscription_id, now=clock.now())
        raise RuntimeError("the caller failed afterwards")
    assert customer.windows() == []
    assert announced() == []
    assert customer.derive(clock.now()).version == 1


def test_a_product_that_changes_its_feature_moves_the_right(subscribe: Subscribe, clock: ManualClock) -> None:
    customer, other = subscribe(), subscribe()
    customer.derive(clock.now())
    with transaction(SYSTEM) as session:
        session.execute(update(Product).where(Product.id == customer.product_id).values(feature_id=other.feature_id))
    now = clock.advance(DAY)
    customer.derive(now)
    assert [right.feature_id for right in list_live(customer.account_id, now)] == [other.feature_id]


def test_a_product_without_a_feature_gives_nothing(subscribe: Subscribe, clock: ManualClock) -> None:
    customer = subscribe()
    with transaction(SYSTEM) as session:
        session.execute(update(Product).where(Product.id == customer.product_id).values(feature_id=None))
    assert not customer.derive(clock.now()).changed


def test_an_unknown_subscription_is_said_to_be_unknown(app: Flask, clock: ManualClock) -> None:
    with pytest.raises(UnknownSubscription), transaction(SYSTEM):
        derive(404, now=clock.now())


def test_an_outsider_sees_and_changes_nothing(subscribe: Subscribe, clock: ManualClock) -> None:
    customer = subscribe()
    customer.derive(clock.now())
    dan = make_account(make_organisation("Dan's"))
    scope = Scope(organisation_id=dan.organisation_id, account_id=dan.id)
    with scoped(scope):
        assert list_live(customer.account_id, clock.now()) == []
        assert not has_feature(customer.account_id, customer.feature_id, clock.now())
    with pytest.raises(UnknownSubscription), transaction(scope):
        derive(customer.subscription_id, now=clock.now())


def test_a_customer_derives_her_own_rights_in_her_own_scope(subscribe: Subscribe, clock: ManualClock) -> None:
    customer = subscribe()
    scope = Scope(organisation_id=customer.organisation_id, account_id=customer.account_id)
    with transaction(scope):
        assert derive(customer.subscription_id, now=clock.now()).changed


def test_why_names_the_row_and_the_subscription_behind_it(subscribe: Subscribe, clock: ManualClock) -> None:
    customer = subscribe()
    customer.derive(clock.now())
    found = explain(customer.account_id, customer.feature_id, clock.now())
    assert found.allowed
    [proof] = found.proofs
    assert proof.state == "live"
    assert proof.cause is not None
    assert (proof.cause.subscription_id, proof.cause.status) == (customer.subscription_id, "active")
    assert proof.cause.stripe_subscription_id == customer.stripe_subscription_id
    assert proof.cause.read_at == clock.now()


def test_why_not_names_what_stands_in_the_way(subscribe: Subscribe, clock: ManualClock) -> None:
    customer = subscribe()
    customer.derive(clock.now())
    now = clock.advance(DAY)
    customer.hears(status="past_due", past_due_since=now, grace_until=now + 7 * DAY)
    customer.derive(now)
    now = clock.advance(8 * DAY)
    found = explain(customer.account_id, customer.feature_id, now)
    assert not found.allowed
    assert [(proof.grant.source, proof.state) for proof in found.proofs] == [
        ("grace", "ended"),
        ("subscription", "ended"),
    ]
    assert [cause.reason for cause in found.causes] == ["grace_over"]
    never = explain(make_account(make_organisation()).id, customer.feature_id, now)
    assert (never.allowed, never.proofs, never.causes) == (False, (), ())
