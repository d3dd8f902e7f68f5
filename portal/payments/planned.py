"""The rows of changes of plan. Callers hold the unit of work."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.db import db
from portal.entitlements.service import derive
from portal.gateway.service import move_keys
from portal.payments.models import PlanChange
from portal.payments.types import SwitchPreview
from portal.pricing.queries import get_offer
from portal.subscriptions.errors import AlreadySubscribed
from portal.subscriptions.service import start_free
from portal.subscriptions.types import SubscriptionView

OPEN = ("started", "scheduled")


def intend(held: SubscriptionView, shown: SwitchPreview, *, requested_by: int | None) -> int:
    """Write a change down before the provider hears of it; an open one of the same subscription is rewritten."""
    wanted: dict[str, Any] = {
        "to_price_id": shown.wanted.price_id,
        "to_plan_id": shown.wanted.plan_id,
        "kind": shown.kind,
        "effective_at": shown.effective_at,
        "amount_due": shown.due.amount,
        "requested_by": requested_by,
        "updated_at": shown.at,
    }
    statement = insert(PlanChange).values(
        account_id=held.account_id,
        subscription_id=held.id,
        from_price_id=held.price_id,
        state="started",
        created_at=shown.at,
        **wanted,
    )
    return int(
        db.session.execute(
            statement.on_conflict_do_update(
                index_elements=["subscription_id"], index_where=PlanChange.state.in_(OPEN), set_=wanted
            ).returning(PlanChange.id)
        ).scalar_one()
    )


def schedule(session: Session, change_id: int, stripe_schedule_id: str | None, now: datetime) -> None:
    """Note that the provider knows of a change that waits."""
    session.execute(
        update(PlanChange)
        .where(PlanChange.id == change_id)
        .values(state="scheduled", stripe_schedule_id=stripe_schedule_id, updated_at=now)
    )


def finish(session: Session, change_id: int, state: str, now: datetime) -> None:
    """End a change as done or withdrawn."""
    session.execute(update(PlanChange).where(PlanChange.id == change_id).values(state=state, updated_at=now))


def settle(session: Session, subscription_id: int, price_id: int, now: datetime) -> None:
    """Call open changes done once the mirror holds the price they lead to, whoever noticed first."""
    session.execute(
        update(PlanChange)
        .where(
            PlanChange.subscription_id == subscription_id,
            PlanChange.to_price_id == price_id,
            PlanChange.state.in_(OPEN),
        )
        .values(state="done", updated_at=now)
    )


def start_what_follows(session: Session, account_id: int, subscription_id: int, now: datetime) -> int | None:
    """Start the free plan that was asked to follow a subscription that has ended; its keys go on working.

    Returns the new subscription, None when nothing was planned or the account has the API again by now.
    """
    planned = session.scalars(
        select(PlanChange).where(
            PlanChange.subscription_id == subscription_id,
            PlanChange.kind == "free_later",
            PlanChange.state == "scheduled",
        )
    ).one_or_none()
    if planned is None:
        return None
    planned.state, planned.updated_at = "done", now
    offer = get_offer(planned.to_plan_id)
    if offer is None or not offer.is_free:
        return None
    try:
        follower = start_free(account_id, offer, now=now)
    except AlreadySubscribed:
        return None
    move_keys(account_id, subscription_id, follower)
    derive(follower, now=now)
    return follower
