"""Purchases: what a person set out to buy, written before anybody outside is asked."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class Purchase(Base):
    """The intent to subscribe. Its public id names it in URLs and at the provider; closing a tab loses nothing.

    `status`: started (row written), open (a checkout page exists), complete, canceled (given up), expired, failed.
    `failure` is why the bank refused the card that was tried last, in the provider's code.
    """

    __tablename__ = "purchases"
    __table_args__ = (
        CheckConstraint(
            "status IN ('started', 'open', 'complete', 'canceled', 'expired', 'failed')", name="purchases_status"
        ),
        Index(
            "purchases_one_open",
            "account_id",
            "product_id",
            unique=True,
            postgresql_where=text("status IN ('started', 'open')"),
        ),
        Index("purchases_unsettled", "next_check_at", postgresql_where=text("status = 'open'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    public_id: Mapped[uuid.UUID] = mapped_column(unique=True, server_default=text("gen_random_uuid()"))
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"))
    price_id: Mapped[int] = mapped_column(ForeignKey("prices.id"))
    trial_days: Mapped[int] = mapped_column(server_default=text("0"))
    status: Mapped[str] = mapped_column(server_default=text("'started'"))
    stripe_checkout_id: Mapped[str | None] = mapped_column(unique=True)
    checkout_url: Mapped[str | None]
    checkout_expires_at: Mapped[datetime | None]
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id"))
    failure: Mapped[str | None]
    key_issued_at: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(server_default=text("1"))
    next_check_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class PlanChange(Base):
    """A move of a subscription to another plan, written before the provider is asked.

    `kind`: now (the difference is charged), trial (nothing is charged), later and free_later (at `effective_at`).
    `state`: started, scheduled (waits for `effective_at`), done, withdrawn.
    """

    __tablename__ = "plan_changes"
    __table_args__ = (
        CheckConstraint("kind IN ('now', 'trial', 'later', 'free_later')", name="plan_changes_kind"),
        CheckConstraint("state IN ('started', 'scheduled', 'done', 'withdrawn')", name="plan_changes_state"),
        Index(
            "plan_changes_one_open",
            "subscription_id",
            unique=True,
            postgresql_where=text("state IN ('started', 'scheduled')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id"), index=True)
    from_price_id: Mapped[int] = mapped_column(ForeignKey("prices.id"))
    to_price_id: Mapped[int] = mapped_column(ForeignKey("prices.id"))
    to_plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"))
    kind: Mapped[str]
    state: Mapped[str]
    effective_at: Mapped[datetime]
    amount_due: Mapped[int | None]
    stripe_schedule_id: Mapped[str | None]
    requested_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class StripeInvoice(Base):
    """The provider's invoice for a subscription period, mirrored for reading; the provider owns it."""

    __tablename__ = "stripe_invoices"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id"), index=True)
    stripe_invoice_id: Mapped[str] = mapped_column(unique=True)
    number: Mapped[str | None]
    status: Mapped[str]
    currency: Mapped[str]
    total: Mapped[int]
    amount_due: Mapped[int]
    amount_paid: Mapped[int]
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    hosted_url: Mapped[str | None]
    next_attempt_at: Mapped[datetime | None]
    invoiced_at: Mapped[datetime]
    source_fetched_at: Mapped[datetime]
