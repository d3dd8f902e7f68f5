"""Cancelling, resuming, and the provider's own page. The provider changes first; our rows follow through the sync."""

from __future__ import annotations

from sqlalchemy.orm import Session

from portal.audit.service import record
from portal.db import transaction
from portal.entitlements.service import derive
from portal.kit.clock import Clock
from portal.payments.planned import finish
from portal.payments.queries import find_planned_change
from portal.payments.syncing import Syncing, sync_subscription
from portal.ports.payments import NotAtProvider, Payments
from portal.projects.queries import find_customer
from portal.settings import Settings
from portal.subscriptions.queries import get_for_account
from portal.subscriptions.service import set_free_cancellation
from portal.subscriptions.types import SubscriptionView


def syncing_from(payments: Payments, clock: Clock, settings: Settings) -> Syncing:
    """Return what the sync functions need, from an edge's ports."""
    return Syncing(payments=payments, clock=clock, grace_days=settings.grace_days, livemode=settings.livemode)


def set_cancellation(
    account_id: int,
    subscription_id: int,
    cancel: bool,
    *,
    syncing: Syncing,
    actor: str,
    organisation_id: int | None,
) -> SubscriptionView:
    """Let a subscription end with its period, or take that back; nothing is refunded and nothing more is charged.

    The act goes into the trail of `organisation_id`, for whom `actor` acts.
    Raises UnknownSubscription, PaymentsUnavailable and PaymentsRefused; after each of them calling again is safe.
    """
    held = get_for_account(account_id, subscription_id)
    if held.stripe_subscription_id is None:
        with transaction():
            set_free_cancellation(account_id, subscription_id, cancel, now=syncing.clock.now())
            derive(subscription_id, now=syncing.clock.now())
            _record(subscription_id, cancel, actor, organisation_id)
    elif held.cancel_at_period_end != cancel or held.cancel_at is not None:
        # The second makes the key: a double click is one act, cancelling again tomorrow is another.
        stamp = int(syncing.clock.now().timestamp())
        key = f"cancel:{held.stripe_subscription_id}:{cancel}:{stamp}"
        syncing.payments.set_cancel_at_period_end(held.stripe_subscription_id, cancel, key=key)

        waiting = find_planned_change(account_id, subscription_id)

        def also(session: Session) -> None:
            if waiting is not None:
                finish(session, waiting.id, "withdrawn", syncing.clock.now())
            _record(subscription_id, cancel, actor, organisation_id)

        sync_subscription(held.stripe_subscription_id, syncing, also)
    return get_for_account(account_id, subscription_id)


def open_portal(account_id: int, *, payments: Payments, livemode: bool, return_url: str) -> str:
    """Return the address of the provider's page for this account. Raises NotAtProvider when it never paid."""
    customer_id = find_customer(account_id, livemode=livemode)
    if customer_id is None:
        raise NotAtProvider("customer not found")
    return payments.open_portal(customer_id, return_url=return_url)


def _record(subscription_id: int, cancel: bool, actor: str, organisation_id: int | None) -> None:
    action = "subscription.cancel_at_period_end" if cancel else "subscription.resume"
    record(action, f"subscription:{subscription_id}", actor=actor, organisation_id=organisation_id)
