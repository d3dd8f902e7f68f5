"""Open purchases, looked after even when no event ever arrives.

Events are the fast way; this is the sure one. Each look is one read of the provider and may be repeated freely.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import select

from portal.db import SYSTEM, scoped, transaction
from portal.payments.errors import UnknownCustomer, UnknownPrice
from portal.payments.models import Purchase
from portal.payments.syncing import Syncing, sync_checkout
from portal.ports.payments import PaymentsUnavailable

log = structlog.get_logger(__name__)
LONGEST_PAUSE = timedelta(minutes=10)


def settle_due(syncing: Syncing, *, limit: int = 20) -> int:
    """Look after every open purchase that is due; return how many."""
    due = _claim_due(syncing.clock.now(), limit)
    for _purchase_id, checkout_id in due:
        _look(checkout_id, syncing)
    return len(due)


def settle_one(purchase_id: int, syncing: Syncing) -> bool:
    """Look after one purchase now: its buyer is watching. Returns False when it is not open."""
    with scoped(SYSTEM) as session:
        checkout_id = session.scalar(
            select(Purchase.stripe_checkout_id).where(Purchase.id == purchase_id, Purchase.status == "open")
        )
    if checkout_id is None:
        return False
    _look(checkout_id, syncing)
    return True


def _look(checkout_id: str, syncing: Syncing) -> None:
    try:
        sync_checkout(checkout_id, syncing)
    except (PaymentsUnavailable, UnknownCustomer, UnknownPrice) as problem:
        log.warning("purchase not settled yet", checkout=checkout_id, error=repr(problem))


def _claim_due(now: datetime, limit: int) -> list[tuple[int, str]]:
    """Take the purchases that are due and set their next look, further away the older they are."""
    with transaction(SYSTEM) as session:
        rows = session.scalars(
            select(Purchase)
            .where(Purchase.status == "open", Purchase.next_check_at <= now)
            .order_by(Purchase.next_check_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.next_check_at = now + min(LONGEST_PAUSE, max(timedelta(seconds=5), (now - row.created_at) / 2))
        return [(row.id, row.stripe_checkout_id) for row in rows if row.stripe_checkout_id]
