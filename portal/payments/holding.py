"""Whether the money for what somebody has is there: a hold follows from the payments, and from nothing else."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.payments.models import Dispute, Payment
from portal.payments.rules import hold_of
from portal.payments.types import Paid
from portal.subscriptions.queries import get_subscription
from portal.subscriptions.service import set_hold
from portal.subscriptions.types import LIVE, SubscriptionView


def refresh_hold(session: Session, subscription_id: int) -> bool:
    """Make a subscription's hold follow from the payments for its current period; True when it changed.

    Payments of a period are those whose invoice was made in it: the provider makes the invoice when the period begins,
    and others while it runs, when the plan changes.
    """
    held = get_subscription(subscription_id)
    if held.status not in LIVE:
        return False
    return set_hold(subscription_id, hold_of(list_paid(session, held).values()))


def list_paid(session: Session, held: SubscriptionView) -> dict[str, Paid]:
    """Return the payments for a subscription's current period by the provider's ids."""
    rows = session.execute(
        select(
            Payment.id, Payment.stripe_payment_id, Payment.status, Payment.amount_received, Payment.amount_refunded
        ).where(Payment.subscription_id == held.id, Payment.invoiced_at >= held.period.start)
    ).all()
    disputes = disputes_of(session, [row.id for row in rows])
    return {
        row.stripe_payment_id: Paid(row.status, row.amount_received, row.amount_refunded, disputes.get(row.id, ()))
        for row in rows
    }


def disputes_of(session: Session, payment_ids: Collection[int]) -> dict[int, tuple[str, ...]]:
    """Return the states of the disputes about each payment that has any."""
    found: dict[int, tuple[str, ...]] = {}
    for row in session.execute(
        select(Dispute.payment_id, Dispute.status).where(Dispute.payment_id.in_(payment_ids)).order_by(Dispute.id)
    ):
        found[row.payment_id] = (*found.get(row.payment_id, ()), row.status)
    return found
