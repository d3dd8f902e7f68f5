"""Making our rows equal to the provider's. Every event type ends in one of these functions, and so does reconciliation.

Each fetches the object with no transaction open, then writes everything in one unit of work: the mirror, the
entitlements that follow from it, the announcements, and whatever the caller adds through `also` (the inbox row that
asked for it). Order, repetition and loss of events therefore change nothing but the delay.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.db import SYSTEM, in_transaction, scoped
from portal.entitlements.service import derive
from portal.gateway.service import move_keys
from portal.kit.clock import Clock
from portal.payments.errors import UnknownCustomer, UnknownPrice
from portal.payments.held_discounts import mirror_discount
from portal.payments.holding import refresh_hold
from portal.payments.models import Purchase, StripeInvoice
from portal.payments.paid import mirror_payment
from portal.payments.planned import settle, start_what_follows
from portal.ports.payments import (
    Checkout,
    InvoiceSnapshot,
    NotAtProvider,
    Payments,
    SubscriptionSnapshot,
)
from portal.pricing.queries import find_offer_by_stripe_price
from portal.projects.queries import find_account_by_customer, find_organisation_of
from portal.subscriptions.queries import find_by_stripe_id
from portal.subscriptions.service import apply_snapshot, db_now, mark_missing
from portal.subscriptions.spending import begin_limit

Also = Callable[[Session], None]


@dataclass(frozen=True, slots=True)
class Syncing:
    """What the sync functions need from outside. `livemode` is this deployment's mode."""

    payments: Payments
    clock: Clock
    grace_days: int
    livemode: bool


def add_nothing(_session: Session) -> None:
    """Add nothing to the unit of work."""


def sync_subscription(stripe_subscription_id: str, syncing: Syncing, also: Also = add_nothing) -> int | None:
    """Mirror one subscription and derive its entitlements; return our id, None when it is not ours.

    Raises PaymentsUnavailable; UnknownCustomer and UnknownPrice while a mapping that may still appear is missing.
    """
    fetched_at = _read_order()
    try:
        snapshot = syncing.payments.fetch_subscription(stripe_subscription_id)
    except NotAtProvider:
        return in_transaction(
            lambda session: _end_missing(session, stripe_subscription_id, fetched_at, syncing, also), scope=SYSTEM
        )
    return in_transaction(lambda session: _mirror(session, snapshot, fetched_at, syncing, also), scope=SYSTEM)


def sync_checkout(stripe_checkout_id: str, syncing: Syncing, also: Also = add_nothing) -> None:
    """Bring a purchase up to date with its hosted page, and its subscription when the page is complete."""
    fetched_at = _read_order()
    try:
        checkout = syncing.payments.fetch_checkout(stripe_checkout_id)
    except NotAtProvider:
        in_transaction(lambda session: _close(session, stripe_checkout_id, "failed", syncing, also), scope=SYSTEM)
        return
    if checkout.status == "complete" and checkout.subscription_id and checkout.payment_status != "unpaid":
        subscription = syncing.payments.fetch_subscription(checkout.subscription_id)
        in_transaction(
            lambda session: _complete(session, checkout, subscription, fetched_at, syncing, also), scope=SYSTEM
        )
    elif checkout.status == "complete" and checkout.payment_id:
        sync_payment(checkout.payment_id, syncing, also)
    elif checkout.status == "expired":
        in_transaction(lambda session: _close(session, stripe_checkout_id, "expired", syncing, also), scope=SYSTEM)
    elif checkout.status == "complete" and checkout.subscription_id and _has_failed(checkout.subscription_id, syncing):
        in_transaction(lambda session: _close(session, stripe_checkout_id, "failed", syncing, also), scope=SYSTEM)
    else:
        in_transaction(lambda session: _note(session, checkout, also), scope=SYSTEM)


def sync_invoice(stripe_invoice_id: str, syncing: Syncing, also: Also = add_nothing) -> None:
    """Mirror one invoice, and the subscription it bills: a payment that failed or succeeded shows in both."""
    fetched_at = _read_order()
    try:
        invoice = syncing.payments.fetch_invoice(stripe_invoice_id)
    except NotAtProvider:
        in_transaction(also, scope=SYSTEM)
        return
    if invoice.subscription_id is not None:
        sync_subscription(invoice.subscription_id, syncing)
    in_transaction(lambda session: _mirror_invoice(session, invoice, fetched_at, also), scope=SYSTEM)


def sync_payment(stripe_payment_id: str, syncing: Syncing, also: Also = add_nothing) -> None:
    """Mirror one payment with its refunds and disputes, and let the right that it paid for follow."""
    fetched_at = _read_order()
    try:
        payment = syncing.payments.fetch_payment(stripe_payment_id)
        invoice = syncing.payments.fetch_invoice(payment.invoice_id) if payment.invoice_id else None
    except NotAtProvider:
        in_transaction(also, scope=SYSTEM)
        return
    if invoice is not None and invoice.subscription_id and not _is_mirrored(invoice.subscription_id):
        sync_subscription(invoice.subscription_id, syncing)
    now = syncing.clock.now()

    def write(session: Session) -> None:
        mirror_payment(session, payment, invoice, fetched_at=fetched_at, now=now)
        also(session)

    in_transaction(write, scope=SYSTEM)


def sync_charge(stripe_charge_id: str, syncing: Syncing, also: Also = add_nothing) -> None:
    """Mirror the payment that a charge belongs to."""
    _sync_payment_of("charge", stripe_charge_id, syncing, also)


def sync_refund(stripe_refund_id: str, syncing: Syncing, also: Also = add_nothing) -> None:
    """Mirror the payment that a refund gives back."""
    _sync_payment_of("refund", stripe_refund_id, syncing, also)


def sync_dispute(stripe_dispute_id: str, syncing: Syncing, also: Also = add_nothing) -> None:
    """Mirror the payment that a cardholder objects to."""
    _sync_payment_of("dispute", stripe_dispute_id, syncing, also)


def _sync_payment_of(
    kind: Literal["charge", "refund", "dispute"], object_id: str, syncing: Syncing, also: Also
) -> None:
    try:
        payment_id = syncing.payments.find_payment_of(kind, object_id)
    except NotAtProvider:
        payment_id = None
    if payment_id is None:  # a charge of long ago, from before payments had intents, is none of ours
        in_transaction(also, scope=SYSTEM)
    else:
        sync_payment(payment_id, syncing, also)


def _is_mirrored(stripe_subscription_id: str) -> bool:
    with scoped(SYSTEM):
        return find_by_stripe_id(stripe_subscription_id) is not None


def _mirror(
    session: Session, snapshot: SubscriptionSnapshot, fetched_at: datetime, syncing: Syncing, also: Also
) -> int:
    account_id = _account_of(snapshot.customer_id)
    offer = find_offer_by_stripe_price(snapshot.price_id)
    if offer is None:
        raise UnknownPrice(snapshot.price_id)
    now = syncing.clock.now()
    applied = apply_snapshot(account_id, offer, snapshot, fetched_at=fetched_at, now=now, grace_days=syncing.grace_days)
    if applied.replaced_id is not None:
        move_keys(account_id, applied.replaced_id, applied.subscription_id)
        derive(applied.replaced_id, now=now)
    refresh_hold(session, applied.subscription_id)
    derive(applied.subscription_id, now=now)
    if not applied.is_stale:
        mirror_discount(session, account_id, applied.subscription_id, snapshot.discount)
    settle(session, applied.subscription_id, offer.price_id, now)
    if applied.status == "canceled":
        start_what_follows(session, account_id, applied.subscription_id, now)
    _link_purchase(session, account_id, snapshot, applied.subscription_id, now)
    also(session)
    return applied.subscription_id


def _complete(
    session: Session,
    checkout: Checkout,
    snapshot: SubscriptionSnapshot,
    fetched_at: datetime,
    syncing: Syncing,
    also: Also,
) -> None:
    subscription_id = _mirror(session, snapshot, fetched_at, syncing, add_nothing)
    named = Purchase.stripe_checkout_id == checkout.id
    _settle_purchase(session, named, _account_of(snapshot.customer_id), subscription_id, syncing.clock.now())
    also(session)


def _link_purchase(
    session: Session, account_id: int, snapshot: SubscriptionSnapshot, subscription_id: int, now: datetime
) -> None:
    """Settle the purchase that the subscription's metadata names, if it is this account's own and the money is in.

    Metadata is a hint, never authority: the account comes from the customer that we mapped ourselves.
    """
    named = _uuid(snapshot.metadata.get("purchase"))
    if named is None or snapshot.status not in ("active", "trialing"):
        return
    meant = (Purchase.public_id == named) & Purchase.one_time.is_(False)
    _settle_purchase(session, meant, account_id, subscription_id, now)


def _settle_purchase(
    session: Session, named: ColumnElement[bool], account_id: int, subscription_id: int, now: datetime
) -> None:
    """Call a purchase complete, once, and give the subscription the spending limit that was wished for with it.

    A purchase is complete once, so the wish never overwrites what the buyer sets later, however often events repeat.
    """
    settled = session.execute(
        update(Purchase)
        .where(named, Purchase.account_id == account_id, Purchase.status != "complete")
        .values(status="complete", subscription_id=subscription_id, failure=None, next_check_at=None, updated_at=now)
        .returning(Purchase.spending_limit, Purchase.user_id)
    ).one_or_none()
    if settled is not None and settled.spending_limit is not None:
        begin_limit(
            account_id,
            subscription_id,
            settled.spending_limit,
            actor=f"user:{settled.user_id}" if settled.user_id else "system:purchase",
            organisation_id=find_organisation_of(account_id),
        )


def _end_missing(
    session: Session, stripe_subscription_id: str, fetched_at: datetime, syncing: Syncing, also: Also
) -> int | None:
    now = syncing.clock.now()
    ended = mark_missing(stripe_subscription_id, fetched_at=fetched_at, now=now)
    if ended is not None:
        derive(ended, now=now)
    also(session)
    return ended


def _has_failed(stripe_subscription_id: str, syncing: Syncing) -> bool:
    """True when a payment that was on its way never arrived: what it was for is over before it began."""
    return syncing.payments.fetch_subscription(stripe_subscription_id).status in ("incomplete_expired", "canceled")


def _note(session: Session, checkout: Checkout, also: Also) -> None:
    """Remember what the provider says of a page that is not settled yet, for whoever looks at the purchase."""
    session.execute(
        update(Purchase)
        .where(Purchase.stripe_checkout_id == checkout.id, Purchase.status == "open")
        .values(seen="processing" if checkout.status == "complete" else "open")
    )
    also(session)


def _close(session: Session, stripe_checkout_id: str, status: str, syncing: Syncing, also: Also) -> None:
    session.execute(
        update(Purchase)
        .where(Purchase.stripe_checkout_id == stripe_checkout_id, Purchase.status == "open")
        .values(status=status, next_check_at=None, updated_at=syncing.clock.now())
    )
    also(session)


def _mirror_invoice(session: Session, invoice: InvoiceSnapshot, fetched_at: datetime, also: Also) -> None:
    account_id = _account_of(invoice.customer_id)
    subscription = find_by_stripe_id(invoice.subscription_id) if invoice.subscription_id else None
    values = {
        "subscription_id": subscription.id if subscription and subscription.account_id == account_id else None,
        "number": invoice.number,
        "status": invoice.status,
        "currency": invoice.currency,
        "total": invoice.total,
        "discount": invoice.discount,
        "billed_to": list(invoice.billed_to),
        "amount_due": invoice.amount_due,
        "amount_paid": invoice.amount_paid,
        "period_start": invoice.period_start,
        "period_end": invoice.period_end,
        "hosted_url": invoice.hosted_url,
        "next_attempt_at": invoice.next_attempt_at,
        "invoiced_at": invoice.created_at,
        "source_fetched_at": fetched_at,
    }
    statement = insert(StripeInvoice).values(account_id=account_id, stripe_invoice_id=invoice.id, **values)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["stripe_invoice_id"],
            set_=values,
            where=(StripeInvoice.source_fetched_at <= fetched_at) & (StripeInvoice.account_id == account_id),
        )
    )
    also(session)


def _account_of(customer_id: str) -> int:
    account_id = find_account_by_customer(customer_id)
    if account_id is None:
        raise UnknownCustomer(customer_id)
    return account_id


def _read_order() -> datetime:
    """Return the instant this read starts, by the database's clock, without keeping a transaction open."""
    with scoped(SYSTEM):
        return db_now()


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None
