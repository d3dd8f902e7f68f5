"""Subscriptions: a mirror of the provider's, or a free start of our own."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class Subscription(Base):
    """An account's hold on a plan. Periods are half-open, UTC.

    `source_fetched_at` is when the read that produced this row started; an older read never overwrites a newer
    one (a trigger drops it). A terminal status never changes (a trigger refuses it).

    `spending_limit` is the buyer's own, minor units of the price's currency per period; `spending_calls` is what it
    stands for on `price_id`, written with it (`spending.py`).
    """

    __tablename__ = "subscriptions"
    __table_args__ = (
        CheckConstraint(
            "status IN ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'unpaid',"
            " 'paused', 'canceled')",
            name="subscriptions_status",
        ),
        CheckConstraint("current_period_end > current_period_start", name="subscriptions_period"),
        CheckConstraint("(status = 'past_due') <= (past_due_since IS NOT NULL)", name="subscriptions_past_due"),
        CheckConstraint(
            "(status IN ('canceled', 'incomplete_expired')) = (ended_at IS NOT NULL)", name="subscriptions_ended"
        ),
        CheckConstraint("quantity >= 0", name="subscriptions_quantity"),
        CheckConstraint(
            "(spending_limit IS NULL) = (spending_calls IS NULL) AND spending_limit >= 0 AND spending_calls >= 0",
            name="subscriptions_spending",
        ),
        CheckConstraint("hold IN ('disputed', 'refunded')", name="subscriptions_hold"),
        Index("subscriptions_limited", "id", postgresql_where=text("spending_limit IS NOT NULL")),
        Index(
            "subscriptions_one_live",
            "account_id",
            "product_id",
            "livemode",
            unique=True,
            postgresql_where=text("status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"), index=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"))
    price_id: Mapped[int] = mapped_column(ForeignKey("prices.id"))
    livemode: Mapped[bool] = mapped_column(server_default=text("false"))
    stripe_subscription_id: Mapped[str | None] = mapped_column(unique=True)
    status: Mapped[str]
    quantity: Mapped[int] = mapped_column(server_default=text("1"))
    current_period_start: Mapped[datetime]
    current_period_end: Mapped[datetime]
    anchor_at: Mapped[datetime]
    trial_end: Mapped[datetime | None]
    cancel_at: Mapped[datetime | None]
    cancel_at_period_end: Mapped[bool] = mapped_column(server_default=text("false"))
    canceled_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    past_due_since: Mapped[datetime | None]
    grace_until: Mapped[datetime | None]
    hold: Mapped[str | None]
    spending_limit: Mapped[int | None]
    spending_calls: Mapped[int | None]
    source_fetched_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    updated_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
