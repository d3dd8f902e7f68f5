"""Reading purchases, and what a page of money needs to know about the thing bought."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on

from portal.catalog.labels import find_label, labels
from portal.db import db
from portal.entitlements.queries import has_feature
from portal.payments.errors import PurchaseNotFound
from portal.payments.holding import disputes_of
from portal.payments.models import Payment, PlanChange, Purchase, StripeInvoice
from portal.payments.types import PlannedChange, PurchaseView, Unfinished
from portal.pricing.queries import get_offer_of_price


def get_purchase(account_id: int, public_id: uuid.UUID, *, at: datetime) -> PurchaseView:
    """Return a purchase of the account with the facts its page ticks off. Raises PurchaseNotFound."""
    row = db.session.scalars(
        select(Purchase).where(Purchase.account_id == account_id, Purchase.public_id == public_id)
    ).one_or_none()
    if row is None:
        raise PurchaseNotFound(str(public_id))
    label = find_label(row.product_id)
    feature_id = label.feature_id if label else None
    return _view(row, has_access=feature_id is not None and has_feature(account_id, feature_id, at))


def find_open_purchase(account_id: int, product_id: int) -> PurchaseView | None:
    """Return the purchase of a product that was begun and is not settled, if there is one."""
    row = db.session.scalars(
        select(Purchase).where(
            Purchase.account_id == account_id,
            Purchase.product_id == product_id,
            Purchase.status.in_(("started", "open")),
        )
    ).one_or_none()
    return None if row is None else _view(row, has_access=False)


def list_unfinished(account_id: int, *, since: datetime) -> list[Unfinished]:
    """Return what the account set out to buy and has not paid, newest first: the last try at each API since then."""
    last = (
        select(Purchase)
        .ext(distinct_on(Purchase.product_id))
        .where(Purchase.account_id == account_id, Purchase.created_at >= since)
        .order_by(Purchase.product_id, Purchase.id.desc())
    )
    rows = [row for row in db.session.scalars(last) if row.status != "complete"]
    names = labels([row.product_id for row in rows])
    found = [
        Unfinished(_view(row, has_access=False), names.get(row.product_id), get_offer_of_price(row.price_id))
        for row in rows
    ]
    return sorted(found, key=lambda one: one.purchase.id, reverse=True)


def _view(row: Purchase, *, has_access: bool) -> PurchaseView:
    return PurchaseView(
        id=row.id,
        public_id=row.public_id,
        account_id=row.account_id,
        product_id=row.product_id,
        plan_id=row.plan_id,
        status=row.status,  # type: ignore[arg-type]  # the database's CHECK holds the same list
        trial_days=row.trial_days,
        checkout_url=row.checkout_url,
        checkout_expires_at=row.checkout_expires_at,
        subscription_id=row.subscription_id,
        failure=row.failure,
        doubted_attempt=row.doubted_attempt,
        seen=row.seen,  # type: ignore[arg-type]  # the database's CHECK holds the same list
        key_issued_at=row.key_issued_at,
        key_name=row.key_name,
        promotion_code=row.promotion_code,
        first_amount=row.first_amount,
        created_at=row.created_at,
        has_access=has_access,
    )


def list_invoices(account_id: int, subscription_id: int | None = None, *, limit: int = 50) -> list[StripeInvoice]:
    """Return the account's mirrored invoices, newest first, drafts left out."""
    query = select(StripeInvoice).where(StripeInvoice.account_id == account_id, StripeInvoice.status != "draft")
    if subscription_id is not None:
        query = query.where(StripeInvoice.subscription_id == subscription_id)
    return list(
        db.session.scalars(query.order_by(StripeInvoice.invoiced_at.desc(), StripeInvoice.id.desc()).limit(limit))
    )


def find_planned_change(account_id: int, subscription_id: int) -> PlannedChange | None:
    """Return the change of plan that waits for the end of a subscription's period, if there is one."""
    waiting = select(PlanChange).where(
        PlanChange.account_id == account_id,
        PlanChange.subscription_id == subscription_id,
        PlanChange.state == "scheduled",
    )
    row = db.session.scalars(waiting).one_or_none()
    return _planned(row) if row is not None else None


def list_planned_changes(account_id: int) -> dict[int, PlannedChange]:
    """Return the changes of plan that wait, by subscription."""
    waiting = select(PlanChange).where(PlanChange.account_id == account_id, PlanChange.state == "scheduled")
    return {row.subscription_id: _planned(row) for row in db.session.scalars(waiting)}


def _planned(row: PlanChange) -> PlannedChange:
    return PlannedChange(
        id=row.id,
        subscription_id=row.subscription_id,
        to_plan_id=row.to_plan_id,
        to_price_id=row.to_price_id,
        kind=row.kind,  # type: ignore[arg-type]  # the database's CHECK holds the same list
        effective_at=row.effective_at,
        planned_at=row.updated_at,
        stripe_schedule_id=row.stripe_schedule_id,
    )


def find_invoice(invoice_id: int) -> StripeInvoice | None:
    """Return a mirrored invoice by its number here. For system work only."""
    return db.session.get(StripeInvoice, invoice_id, populate_existing=True)


@dataclass(frozen=True, slots=True)
class PaidFor:
    """A payment, what it was for, and how it stands. Amounts are minor units."""

    id: int
    subscription_id: int | None
    purchase_id: int | None
    status: str
    currency: str
    received: int
    refunded: int
    disputes: tuple[str, ...]
    stripe_payment_id: str
    stripe_invoice_id: str | None
    stripe_checkout_id: str | None
    read_at: datetime


def list_paid_for(account_id: int, *, limit: int = 50) -> list[PaidFor]:
    """Return the account's payments, the newest first."""
    rows = db.session.execute(
        select(Payment, Purchase.stripe_checkout_id)
        .outerjoin(Purchase, Purchase.id == Payment.purchase_id)
        .where(Payment.account_id == account_id)
        .order_by(Payment.begun_at.desc(), Payment.id.desc())
        .limit(limit)
    ).all()
    disputes = disputes_of(db.session(), [row.Payment.id for row in rows])
    return [
        PaidFor(
            id=row.Payment.id,
            subscription_id=row.Payment.subscription_id,
            purchase_id=row.Payment.purchase_id,
            status=row.Payment.status,
            currency=row.Payment.currency,
            received=row.Payment.amount_received,
            refunded=row.Payment.amount_refunded,
            disputes=disputes.get(row.Payment.id, ()),
            stripe_payment_id=row.Payment.stripe_payment_id,
            stripe_invoice_id=row.Payment.stripe_invoice_id,
            stripe_checkout_id=row.stripe_checkout_id,
            read_at=row.Payment.source_fetched_at,
        )
        for row in rows
    ]


def find_due_invoice(account_id: int, subscription_id: int) -> StripeInvoice | None:
    """Return the oldest invoice of a subscription that still wants to be paid."""
    query = select(StripeInvoice).where(
        StripeInvoice.account_id == account_id,
        StripeInvoice.subscription_id == subscription_id,
        StripeInvoice.status == "open",
    )
    return db.session.scalars(query.order_by(StripeInvoice.invoiced_at, StripeInvoice.id).limit(1)).one_or_none()
