"""Writing what the provider said into our rows, with what follows from it. The caller has fetched it and commits it."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import ColumnElement, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.entitlements.service import derive
from portal.gateway.service import move_keys
from portal.payments.errors import UnknownCustomer, UnknownPrice
from portal.payments.held_discounts import mirror_discount
from portal.payments.holding import refresh_hold
from portal.payments.models import Purchase, StripeInvoice
from portal.payments.planned import settle, start_what_follows
from portal.ports.billing import Checkout, InvoiceSnapshot, SubscriptionSnapshot
from portal.pricing.queries import find_offer_by_stripe_price
from portal.projects.queries import find_account_by_customer, find_organisation_of
from portal.subscriptions.queries import find_by_stripe_id
from portal.subscriptions.service import apply_snapshot, mark_missing
from portal.subscriptions.spending import begin_limit


def mirror_subscription(
    session: Session, snapshot: SubscriptionSnapshot, fetched_at: datetime, *, now: datetime, grace_days: int
) -> int:
    """Write a subscription, the rights that follow from it and the purchase it settles; return our id.

    Raises UnknownCustomer and UnknownPrice while a mapping that may still appear is missing.
    """
    account_id = _account_of(snapshot.customer_id)
    offer = find_offer_by_stripe_price(snapshot.price_id)
    if offer is None:
        raise UnknownPrice(snapshot.price_id)
    applied = apply_snapshot(account_id, offer, snapshot, fetched_at=fetched_at, now=now, grace_days=grace_days)
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
    return applied.subscription_id


def complete_purchase(
    session: Session,
    checkout: Checkout,
    snapshot: SubscriptionSnapshot,
    fetched_at: datetime,
    *,
    now: datetime,
    grace_days: int,
) -> None:
    """Write the subscription that a hosted page led to, and note on its purchase that it is complete."""
    subscription_id = mirror_subscription(session, snapshot, fetched_at, now=now, grace_days=grace_days)
    named = Purchase.stripe_checkout_id == checkout.id
    _settle_purchase(session, named, _account_of(snapshot.customer_id), subscription_id, now)


def end_missing(stripe_subscription_id: str, fetched_at: datetime, *, now: datetime) -> int | None:
    """End a subscription that the provider does not know (any more), and its rights; return our id if it was ours."""
    ended = mark_missing(stripe_subscription_id, fetched_at=fetched_at, now=now)
    if ended is not None:
        derive(ended, now=now)
    return ended


def note_page(session: Session, checkout: Checkout) -> None:
    """Remember what the provider says of a page that is not settled yet, for whoever looks at the purchase."""
    session.execute(
        update(Purchase)
        .where(Purchase.stripe_checkout_id == checkout.id, Purchase.status == "open")
        .values(seen="processing" if checkout.status == "complete" else "open")
    )


def close_page(session: Session, stripe_checkout_id: str, status: str, *, now: datetime) -> None:
    """Note on a purchase that its page is over: `expired` or `failed`."""
    session.execute(
        update(Purchase)
        .where(Purchase.stripe_checkout_id == stripe_checkout_id, Purchase.status == "open")
        .values(status=status, next_check_at=None, updated_at=now)
    )


def mirror_invoice(session: Session, invoice: InvoiceSnapshot, fetched_at: datetime) -> None:
    """Write an invoice, unless a later reading of it is written already. Raises UnknownCustomer."""
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


def _account_of(customer_id: str) -> int:
    account_id = find_account_by_customer(customer_id)
    if account_id is None:
        raise UnknownCustomer(customer_id)
    return account_id


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None
