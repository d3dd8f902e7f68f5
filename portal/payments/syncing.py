"""Making our rows equal to the provider's. Every event type ends in one of these functions, and so does reconciliation.

Each fetches the object with no transaction open, then writes everything in one unit of work: the mirror, the
entitlements that follow from it, the announcements, and whatever the caller adds through `also` (the inbox row that
asked for it). Order, repetition and loss of events therefore change nothing but the delay.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeVar

from sqlalchemy.orm import Session

from portal.db import SYSTEM, in_transaction, scoped
from portal.kit.clock import Clock
from portal.payments.mirroring import (
    close_page,
    complete_purchase,
    end_missing,
    mirror_invoice,
    mirror_subscription,
    note_page,
)
from portal.payments.paid import mirror_payment
from portal.ports.payments import NotAtProvider, Payments
from portal.subscriptions.queries import find_by_stripe_id
from portal.subscriptions.service import db_now

Written = TypeVar("Written")
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
    fetched_at, now = _read_order(), syncing.clock.now
    try:
        snapshot = syncing.payments.fetch_subscription(stripe_subscription_id)
    except NotAtProvider:
        return _write(lambda _session: end_missing(stripe_subscription_id, fetched_at, now=now()), also)
    grace = syncing.grace_days
    return _write(lambda session: mirror_subscription(session, snapshot, fetched_at, now=now(), grace_days=grace), also)


def sync_checkout(stripe_checkout_id: str, syncing: Syncing, also: Also = add_nothing) -> None:
    """Bring a purchase up to date with its hosted page, and its subscription when the page is complete."""
    fetched_at, now = _read_order(), syncing.clock.now
    try:
        checkout = syncing.payments.fetch_checkout(stripe_checkout_id)
    except NotAtProvider:
        _write(lambda session: close_page(session, stripe_checkout_id, "failed", now=now()), also)
        return
    if checkout.status == "complete" and checkout.subscription_id and checkout.payment_status != "unpaid":
        bought, grace = syncing.payments.fetch_subscription(checkout.subscription_id), syncing.grace_days
        _write(
            lambda session: complete_purchase(session, checkout, bought, fetched_at, now=now(), grace_days=grace), also
        )
    elif checkout.status == "complete" and checkout.payment_id:
        sync_payment(checkout.payment_id, syncing, also)
    elif checkout.status == "expired":
        _write(lambda session: close_page(session, stripe_checkout_id, "expired", now=now()), also)
    elif checkout.status == "complete" and checkout.subscription_id and _has_failed(checkout.subscription_id, syncing):
        _write(lambda session: close_page(session, stripe_checkout_id, "failed", now=now()), also)
    else:
        _write(lambda session: note_page(session, checkout), also)


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
    _write(lambda session: mirror_invoice(session, invoice, fetched_at), also)


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
    _write(lambda session: mirror_payment(session, payment, invoice, fetched_at=fetched_at, now=now), also)


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


def _has_failed(stripe_subscription_id: str, syncing: Syncing) -> bool:
    """True when a payment that was on its way never arrived: what it was for is over before it began."""
    return syncing.payments.fetch_subscription(stripe_subscription_id).status in ("incomplete_expired", "canceled")


def _read_order() -> datetime:
    """Return the instant this read starts, by the database's clock, without keeping a transaction open."""
    with scoped(SYSTEM):
        return db_now()


def _write(act: Callable[[Session], Written], also: Also) -> Written:
    """Do everything in one unit of work, the caller's part last."""

    def together(session: Session) -> Written:
        written = act(session)
        also(session)
        return written

    return in_transaction(together, scope=SYSTEM)
