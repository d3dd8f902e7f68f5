"""Mirroring a payment with what came back of it, and what follows: rights, holds, the purchase that it settles.

Everything here is one unit of work of a caller that has read the provider before.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.entitlements.service import derive, derive_purchase
from portal.kit.money import Money
from portal.payments.holding import disputes_of, refresh_hold
from portal.payments.models import Dispute, Payment, Purchase, Refund
from portal.payments.rules import bought_window
from portal.payments.suspects import note_refusal
from portal.payments.types import Paid
from portal.ports.billing import InvoiceSnapshot, PaymentSnapshot
from portal.pricing.queries import get_offer_of_price, list_features_of
from portal.projects.queries import find_account_by_customer
from portal.subscriptions.queries import find_by_stripe_id
from portal.subscriptions.service import lock_account


def mirror_payment(
    session: Session, payment: PaymentSnapshot, invoice: InvoiceSnapshot | None, *, fetched_at: datetime, now: datetime
) -> None:
    """Make our rows say what the provider said, unless a later read is there already, and derive what follows.

    Whose payment it is follows from the customer that we mapped ourselves; one of nobody we know is none of ours.
    """
    account_id = find_account_by_customer(payment.customer_id) if payment.customer_id else None
    if account_id is None:
        return
    lock_account(account_id)
    purchase = _purchase_of(session, account_id, payment)
    row = _write(session, account_id, payment, invoice, purchase, fetched_at)
    if row is not None:
        _write_back(session, account_id, row.id, payment, fetched_at)
    _follow(session, account_id, payment.id, now)
    note_refusal(
        session,
        account_id,
        payment.id,
        None if payment.pays_invoice else payment.refusal,
        began_at=payment.created_at,
        named=purchase,
        fits=lambda one: _asks_for(one, payment),
        now=now,
    )


def _write(
    session: Session,
    account_id: int,
    payment: PaymentSnapshot,
    invoice: InvoiceSnapshot | None,
    purchase: Purchase | None,
    fetched_at: datetime,
) -> Any:
    """Write the payment; return its id, or None when the row was written by a later read."""
    held = find_by_stripe_id(invoice.subscription_id) if invoice and invoice.subscription_id else None
    values = {
        "subscription_id": held.id if held and held.account_id == account_id else None,
        "purchase_id": purchase.id if purchase else None,
        "stripe_invoice_id": invoice.id if invoice else None,
        "invoiced_at": invoice.created_at if invoice else None,
        "status": payment.status,
        "currency": payment.amount.currency,
        "amount": payment.amount.amount,
        "amount_received": payment.amount_received,
        "amount_refunded": payment.amount_refunded,
        "refusal": payment.refusal,
        "paid_at": payment.paid_at,
        "begun_at": payment.created_at,
        "source_fetched_at": fetched_at,
    }
    statement = insert(Payment).values(
        account_id=account_id, livemode=payment.livemode, stripe_payment_id=payment.id, **values
    )
    return session.execute(
        statement.on_conflict_do_update(
            index_elements=["stripe_payment_id"],
            set_=values,
            where=(Payment.source_fetched_at <= fetched_at) & (Payment.account_id == account_id),
        ).returning(Payment.id)
    ).one_or_none()


def _write_back(
    session: Session, account_id: int, payment_id: int, payment: PaymentSnapshot, fetched_at: datetime
) -> None:
    for refund in payment.refunds:
        _upsert(
            session,
            Refund,
            "stripe_refund_id",
            refund.id,
            {"account_id": account_id, "payment_id": payment_id, "currency": payment.amount.currency}
            | {"amount": refund.amount, "refunded_at": refund.created_at},
            {"status": refund.status, "reason": refund.reason, "source_fetched_at": fetched_at},
        )
    for dispute in payment.disputes:
        _upsert(
            session,
            Dispute,
            "stripe_dispute_id",
            dispute.id,
            {"account_id": account_id, "payment_id": payment_id, "currency": payment.amount.currency}
            | {"opened_at": dispute.created_at},
            {"amount": dispute.amount, "status": dispute.status, "reason": dispute.reason}
            | {"source_fetched_at": fetched_at},
        )


def _upsert(
    session: Session,
    table: type[Refund] | type[Dispute],
    name: str,
    external_id: str,
    fixed: dict[str, Any],
    state: dict[str, Any],
) -> None:
    statement = insert(table).values({name: external_id, **fixed, **state})
    session.execute(statement.on_conflict_do_update(index_elements=[name], set_=state))


def _follow(session: Session, account_id: int, stripe_payment_id: str, now: datetime) -> None:
    """Let rights follow from the row as it stands now, whichever read wrote it."""
    row = session.scalars(
        select(Payment).where(Payment.stripe_payment_id == stripe_payment_id, Payment.account_id == account_id),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if row is None:
        return
    if row.subscription_id is not None:
        refresh_hold(session, row.subscription_id)
        derive(row.subscription_id, now=now)
    if row.purchase_id is not None:
        _settle_purchase(session, row, now)


def _settle_purchase(session: Session, payment: Payment, now: datetime) -> None:
    purchase = session.get_one(Purchase, payment.purchase_id, populate_existing=True)
    if payment.status == "succeeded" and purchase.status != "complete":
        purchase.status, purchase.failure, purchase.next_check_at, purchase.updated_at = "complete", None, None, now
    offer = get_offer_of_price(purchase.price_id)
    paid = Paid(
        payment.status,
        payment.amount_received,
        payment.amount_refunded,
        disputes_of(session, [payment.id]).get(payment.id, ()),
    )
    window = bought_window(paid, payment.paid_at, offer.terms.access_days)
    given = list_features_of(purchase.product_id, purchase.plan_id)
    session.flush()  # the next statements lock and read
    derive_purchase(payment.account_id, purchase.id, given, window, because=payment.status, now=now)


def _purchase_of(session: Session, account_id: int, payment: PaymentSnapshot) -> Purchase | None:
    """Return the purchase that the payment's metadata names, if it is this account's own and was to be paid once."""
    named = None
    with suppress(ValueError):
        named = uuid.UUID(payment.metadata.get("purchase", ""))
    if named is None:
        return None
    return session.scalars(
        select(Purchase).where(Purchase.public_id == named, Purchase.account_id == account_id, Purchase.one_time)
    ).one_or_none()


def _asks_for(purchase: Purchase, payment: PaymentSnapshot) -> bool:
    terms = get_offer_of_price(purchase.price_id).terms
    amount = terms.amount if purchase.first_amount is None else purchase.first_amount
    return not purchase.trial_days and Money(amount, terms.currency) == payment.amount
