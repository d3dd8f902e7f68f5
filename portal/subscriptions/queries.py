"""Reading subscriptions. The account comes first: nothing is found outside it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, func, or_, select

from portal.db import among, db
from portal.kit.periods import Period
from portal.subscriptions.errors import UnknownSubscription
from portal.subscriptions.models import Subscription
from portal.subscriptions.spending import spending_of
from portal.subscriptions.types import LIVE, SubscriptionView


def list_for_account(account_id: int, *, live_only: bool = False) -> list[SubscriptionView]:
    """Return the account's subscriptions, live ones first, newest first."""
    query = select(Subscription).where(Subscription.account_id == account_id)
    if live_only:
        query = query.where(Subscription.status.in_(LIVE))
    rows = db.session.scalars(query.order_by(Subscription.status.in_(LIVE).desc(), Subscription.id.desc()))
    return [view_of(row) for row in rows]


def list_wanting_attention(trial_ends_before: datetime) -> list[int]:
    """Return the subscriptions that are overdue, or whose trial ends before an instant. For system work only."""
    wanted = or_(
        Subscription.status.in_(("past_due", "unpaid")),
        and_(Subscription.status == "trialing", Subscription.trial_end < trial_ends_before),
    )
    return list(db.session.scalars(select(Subscription.id).where(wanted).order_by(Subscription.id)))


def get_for_account(account_id: int, subscription_id: int) -> SubscriptionView:
    """Return one subscription of the account. Raises UnknownSubscription."""
    row = db.session.scalars(
        select(Subscription).where(Subscription.id == subscription_id, Subscription.account_id == account_id)
    ).one_or_none()
    if row is None:
        raise UnknownSubscription(f"no subscription {subscription_id} in account {account_id}")
    return view_of(row)


def get_subscription(subscription_id: int) -> SubscriptionView:
    """Return a subscription by id, for system work only. Raises UnknownSubscription."""
    row = db.session.get(Subscription, subscription_id, populate_existing=True)
    if row is None:
        raise UnknownSubscription(f"no subscription {subscription_id}")
    return view_of(row)


def find_live_for_product(account_id: int, product_id: int) -> SubscriptionView | None:
    """Return the account's live subscription to a product, if any."""
    row = db.session.scalars(
        select(Subscription).where(
            Subscription.account_id == account_id, Subscription.product_id == product_id, Subscription.status.in_(LIVE)
        )
    ).one_or_none()
    return None if row is None else view_of(row)


def map_held_products(account_id: int, product_ids: Collection[int]) -> dict[int, int]:
    """Return which of some products the account has a live subscription to, and the subscription's id."""
    held = select(Subscription.product_id, Subscription.id).where(
        Subscription.account_id == account_id,
        among(Subscription.product_id, product_ids),
        Subscription.status.in_(LIVE),
    )
    return {row.product_id: row.id for row in db.session.execute(held)}


def find_by_stripe_id(stripe_subscription_id: str) -> SubscriptionView | None:
    """Return the mirror of a provider's subscription, if we hold one."""
    row = db.session.scalars(
        select(Subscription).where(Subscription.stripe_subscription_id == stripe_subscription_id)
    ).one_or_none()
    return None if row is None else view_of(row)


def had_trial(account_id: int, product_id: int) -> bool:
    """True when the account has used its one trial of a product (rule R14)."""
    return bool(
        db.session.scalar(
            select(func.count())
            .select_from(Subscription)
            .where(
                Subscription.account_id == account_id,
                Subscription.product_id == product_id,
                Subscription.trial_end.is_not(None),
            )
        )
    )


def view_of(row: Subscription | Row[Any]) -> SubscriptionView:
    """Return what a row says, or what a row of a wider question says that holds all columns of one."""
    return SubscriptionView(
        id=row.id,
        account_id=row.account_id,
        product_id=row.product_id,
        plan_id=row.plan_id,
        price_id=row.price_id,
        stripe_subscription_id=row.stripe_subscription_id,
        status=row.status,  # type: ignore[arg-type]  # the database's CHECK holds the same list
        quantity=row.quantity,
        period=Period(row.current_period_start, row.current_period_end),
        anchor_at=row.anchor_at,
        trial_end=row.trial_end,
        cancel_at=row.cancel_at,
        cancel_at_period_end=row.cancel_at_period_end,
        canceled_at=row.canceled_at,
        ended_at=row.ended_at,
        past_due_since=row.past_due_since,
        grace_until=row.grace_until,
        read_at=row.source_fetched_at,
        livemode=row.livemode,
        hold=row.hold,  # type: ignore[arg-type]  # the database's CHECK holds the same list
        spending=spending_of(row),
    )
