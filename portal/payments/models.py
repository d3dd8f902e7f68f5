"""Purchases: what a person set out to buy, written before anybody outside is asked."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class Purchase(Base):
    """The intent to subscribe. Its public id names it in URLs and at the provider; closing a tab loses nothing.

    `status`: started (row written), open (a checkout page exists), complete, canceled (given up), expired, failed.
    `failure` is why the bank refused the card that was tried last, in the provider's code; `doubted_attempt` the
    provider's id of an attempt that was refused and may be of this purchase or of another.
    `seen`: what the provider said of an open one when it was last asked: open (nobody has paid), processing (the
    payment is on its way, which some methods take days for).
    `spending_limit` is the limit that the subscription begins with, minor units.
    """

    __tablename__ = "purchases"
    __table_args__ = (
        CheckConstraint(
            "status IN ('started', 'open', 'complete', 'canceled', 'expired', 'failed')", name="purchases_status"
        ),
        CheckConstraint("seen IN ('open', 'processing')", name="purchases_seen"),
        CheckConstraint("spending_limit >= 0", name="purchases_spending"),
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
    doubted_attempt: Mapped[str | None]
    seen: Mapped[str | None]
    key_issued_at: Mapped[datetime | None]
    key_name: Mapped[str | None]
    spending_limit: Mapped[int | None]
    promotion_code: Mapped[str | None]
    stripe_promotion_id: Mapped[str | None]
    first_amount: Mapped[int | None]
    attempt: Mapped[int] = mapped_column(server_default=text("1"))
    next_check_at: Mapped[datetime | None]
    app_id: Mapped[int | None] = mapped_column(ForeignKey("apps.id"))
    one_time: Mapped[bool] = mapped_column(server_default=text("false"))
    success_url: Mapped[str | None]
    cancel_url: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Payment(Base):
    """The provider's attempt to take money, mirrored for reading and for what follows from it; the provider owns it.

    It pays an invoice of a subscription (`invoiced_at` says which period), or a purchase. `status` is the provider's
    word. Amounts are minor units; `amount_refunded` is what came back of `amount_received`.
    """

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint(
            "amount >= 0 AND amount_received >= 0 AND amount_refunded BETWEEN 0 AND amount_received",
            name="payments_amounts",
        ),
        CheckConstraint("(status = 'succeeded') = (paid_at IS NOT NULL)", name="payments_paid"),
        Index("payments_paid_at", "paid_at", postgresql_where=text("status = 'succeeded'")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    livemode: Mapped[bool]
    stripe_payment_id: Mapped[str] = mapped_column(unique=True)
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id"), index=True)
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchases.id"), index=True)
    stripe_invoice_id: Mapped[str | None]
    invoiced_at: Mapped[datetime | None]
    status: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[int]
    amount_received: Mapped[int]
    amount_refunded: Mapped[int]
    refusal: Mapped[str | None]
    paid_at: Mapped[datetime | None]
    begun_at: Mapped[datetime]
    source_fetched_at: Mapped[datetime]


class Refund(Base):
    """Money given back, as the provider says it stands; one that failed gave nothing back."""

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount > 0", name="refunds_amount"),
        Index("refunds_when", "refunded_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"), index=True)
    stripe_refund_id: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[int]
    reason: Mapped[str | None]
    refunded_at: Mapped[datetime]
    source_fetched_at: Mapped[datetime]


class Dispute(Base):
    """A cardholder's objection to a payment, as the provider says it stands."""

    __tablename__ = "disputes"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    payment_id: Mapped[int] = mapped_column(ForeignKey("payments.id"), index=True)
    stripe_dispute_id: Mapped[str] = mapped_column(unique=True)
    status: Mapped[str]
    currency: Mapped[str]
    amount: Mapped[int]
    reason: Mapped[str | None]
    opened_at: Mapped[datetime]
    source_fetched_at: Mapped[datetime]


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
    """The provider's invoice for a subscription period, mirrored for reading; the provider owns it.

    `billed_to` holds the lines of its address label, `discount` what codes took off it.
    """

    __tablename__ = "stripe_invoices"

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id"), index=True)
    stripe_invoice_id: Mapped[str] = mapped_column(unique=True)
    number: Mapped[str | None]
    status: Mapped[str]
    currency: Mapped[str]
    total: Mapped[int]
    discount: Mapped[int] = mapped_column(server_default=text("0"))
    billed_to: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    amount_due: Mapped[int]
    amount_paid: Mapped[int]
    period_start: Mapped[datetime]
    period_end: Mapped[datetime]
    hosted_url: Mapped[str | None]
    next_attempt_at: Mapped[datetime | None]
    invoiced_at: Mapped[datetime]
    source_fetched_at: Mapped[datetime]


class SubscriptionDiscount(Base):
    """The discount that a subscription has at the provider, mirrored with it; no row when it has none.

    `ends_at` is exclusive. `is_once` means that the next charge uses it up. `products` limits it to plans.
    """

    __tablename__ = "subscription_discounts"
    __table_args__ = (
        CheckConstraint("(percent_off IS NULL) <> (amount_off IS NULL)", name="subscription_discounts_kind"),
    )

    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id"), primary_key=True, autoincrement=False)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    code: Mapped[str | None]
    percent_off: Mapped[Decimal | None]
    amount_off: Mapped[int | None]
    currency: Mapped[str | None]
    ends_at: Mapped[datetime | None]
    is_once: Mapped[bool]
    products: Mapped[list[str] | None] = mapped_column(ARRAY(Text))


class TermsAcceptance(Base):
    """That somebody accepted a version of the terms for their organisation; never changed, never removed."""

    __tablename__ = "terms_acceptances"
    __table_args__ = (UniqueConstraint("account_id", "version", name="terms_acceptances_once"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    version: Mapped[str]
    accepted_at: Mapped[datetime]
