"""Starting, mirroring and ending subscriptions. Callers hold the unit of work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from portal.db import db
from portal.kit.periods import period_containing
from portal.outbox.service import announce
from portal.ports.billing import SubscriptionSnapshot
from portal.pricing.queries import get_offer_of_price
from portal.pricing.types import Offer
from portal.subscriptions.errors import AlreadySubscribed, NotFree, UnknownSubscription
from portal.subscriptions.models import Subscription
from portal.subscriptions.spending import calls_on
from portal.subscriptions.types import LIVE, Hold


@dataclass(frozen=True, slots=True)
class Applied:
    """What mirroring a snapshot did. `is_stale` means a later read was already there and nothing changed."""

    subscription_id: int
    status: str
    is_stale: bool
    replaced_id: int | None = None


def start_free(account_id: int, offer: Offer, *, now: datetime) -> int:
    """Start a plan that costs nothing and needs no card; its periods renew by themselves until it is ended.

    Raises AlreadySubscribed. Raises ValueError for a plan that costs something.
    """
    if not offer.is_free:
        raise ValueError("only a free plan starts without the payment provider")
    lock_account(account_id)
    live = find_live(account_id, offer.product_id)
    if live is not None:
        raise AlreadySubscribed(live.id)
    period = period_containing(now, now, offer.terms.interval, offer.terms.interval_count)
    row = Subscription(
        account_id=account_id,
        product_id=offer.product_id,
        plan_id=offer.plan_id,
        price_id=offer.price_id,
        status="active",
        anchor_at=now,
        current_period_start=period.start,
        current_period_end=period.end,
        source_fetched_at=db_now(),
    )
    db.session.add(row)
    db.session.flush()  # the id is needed by the announcement and by whoever started it
    _announce(row.id, "started", now)
    return row.id


def apply_snapshot(
    account_id: int,
    offer: Offer,
    snapshot: SubscriptionSnapshot,
    *,
    fetched_at: datetime,
    now: datetime,
    grace_days: int,
) -> Applied:
    """Make our row equal to what the provider said, if that read started after the one we hold (W5).

    A live free subscription to the same product ends in the same unit of work: somebody upgraded. `past_due_since`
    and `grace_until` are set when payment first fails and never moved by later failures (billing rule 3.5).
    """
    lock_account(account_id)
    replaced = _make_room(account_id, offer, snapshot, now)
    past_due, limit = snapshot.status == "past_due", _limit_of(snapshot.id)
    values = {
        "plan_id": offer.plan_id,
        "price_id": offer.price_id,
        "status": snapshot.status,
        "quantity": snapshot.quantity,
        "current_period_start": snapshot.current_period_start,
        "current_period_end": snapshot.current_period_end,
        "trial_end": snapshot.trial_end,
        "cancel_at": snapshot.cancel_at,
        "cancel_at_period_end": snapshot.cancel_at_period_end,
        "canceled_at": snapshot.canceled_at,
        "ended_at": _ended_at(snapshot, now),
        "past_due_since": now if past_due else None,
        "grace_until": now + timedelta(days=grace_days) if past_due else None,
        "source_fetched_at": fetched_at,
        "spending_limit": limit,
        "spending_calls": calls_on(offer.terms, limit),
    }
    statement = insert(Subscription).values(
        account_id=account_id,
        product_id=offer.product_id,
        livemode=snapshot.livemode,
        stripe_subscription_id=snapshot.id,
        anchor_at=snapshot.current_period_start,
        **values,
    )
    kept = {
        name: case(
            (Subscription.status == "past_due", getattr(Subscription, name)), else_=getattr(statement.excluded, name)
        )
        if past_due
        else None
        for name in ("past_due_since", "grace_until")
    }
    mirrored = statement.on_conflict_do_update(
        index_elements=["stripe_subscription_id"],
        set_={**{name: getattr(statement.excluded, name) for name in values}, **kept},
        where=Subscription.account_id == account_id,
    ).returning(Subscription.id)
    written = db.session.execute(mirrored, execution_options={"populate_existing": True}).scalar_one_or_none()
    found = db.session.execute(
        select(Subscription.id, Subscription.status, Subscription.account_id).where(
            Subscription.stripe_subscription_id == snapshot.id
        )
    ).one()
    if found.account_id != account_id:
        raise UnknownSubscription(f"{snapshot.id} belongs to another account")
    if written is not None:
        _announce(found.id, found.status, fetched_at)
    return Applied(found.id, found.status, is_stale=written is None, replaced_id=replaced)


def mark_missing(stripe_subscription_id: str, *, fetched_at: datetime, now: datetime) -> int | None:
    """End the mirror of a subscription that the provider no longer knows; return its id, None when we never had it."""
    found = db.session.execute(
        update(Subscription)
        .where(
            Subscription.stripe_subscription_id == stripe_subscription_id,
            Subscription.status.not_in(("canceled", "incomplete_expired")),
        )
        .values(status="canceled", ended_at=now, canceled_at=now, past_due_since=None, source_fetched_at=fetched_at)
        .returning(Subscription.id)
    ).scalar_one_or_none()
    if found is not None:
        _announce(found, "missing", fetched_at)
    return found


def set_hold(subscription_id: int, hold: Hold | None) -> bool:
    """Remember what became of the money for the current period; True when that is news.

    Raises UnknownSubscription.
    """
    row = db.session.scalars(
        select(Subscription).where(Subscription.id == subscription_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if row is None:
        raise UnknownSubscription(f"no subscription {subscription_id}")
    if row.hold == hold:
        return False
    row.hold = hold
    db.session.flush()  # whoever derives next reads it
    _announce(row.id, f"hold {hold}", db_now())
    return True


def set_free_cancellation(account_id: int, subscription_id: int, cancel: bool, *, now: datetime) -> None:
    """Let a free subscription end with its period, or take that back. Raises NotFree, UnknownSubscription."""
    row = _locked(account_id, subscription_id)
    if row.stripe_subscription_id is not None:
        raise NotFree("the payment provider manages this subscription")
    if row.status not in LIVE:
        raise UnknownSubscription("this subscription has ended")
    row.cancel_at_period_end = cancel
    row.canceled_at = now if cancel else None
    row.source_fetched_at = db_now()
    _announce(row.id, f"cancellation {cancel}", row.source_fetched_at)


def end_free(subscription_id: int, *, now: datetime) -> None:
    """End a free subscription at once (an upgrade replaced it)."""
    db.session.execute(
        update(Subscription)
        .where(
            Subscription.id == subscription_id,
            Subscription.stripe_subscription_id.is_(None),
            Subscription.status.in_(LIVE),
        )
        .values(status="canceled", ended_at=now, canceled_at=now, source_fetched_at=func.clock_timestamp())
    )
    _announce(subscription_id, "ended", now)


def roll_free_periods(*, now: datetime, limit: int = 200) -> list[int]:
    """Move free subscriptions whose period has ended into the period that holds `now`, or end the cancelled ones.

    Returns the ids that changed. Safe to run twice and beside itself.
    """
    due = (
        select(Subscription)
        .where(
            Subscription.stripe_subscription_id.is_(None),
            Subscription.status == "active",
            Subscription.current_period_end <= now,
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    changed = []
    for row in db.session.scalars(due):
        if row.cancel_at_period_end:
            row.status, row.ended_at = "canceled", row.current_period_end
        else:
            terms = get_offer_of_price(row.price_id).terms
            period = period_containing(row.anchor_at, now, terms.interval, terms.interval_count)
            row.current_period_start, row.current_period_end = period.start, period.end
        row.source_fetched_at = db_now()
        _announce(row.id, "period", row.source_fetched_at)
        changed.append(row.id)
    return changed


def find_live(account_id: int, product_id: int) -> Subscription | None:
    """Return the account's live subscription to a product; the database allows one at most."""
    return db.session.scalars(
        select(Subscription).where(
            Subscription.account_id == account_id, Subscription.product_id == product_id, Subscription.status.in_(LIVE)
        )
    ).one_or_none()


def lock_account(account_id: int) -> None:
    """Serialise everything that gives or takes rights of one account until the unit of work ends."""
    db.session.execute(text("SELECT 1 FROM accounts WHERE id = :id FOR UPDATE"), {"id": account_id}).one()


def db_now() -> datetime:
    """Return the database's clock: the one order of reads that all processes share."""
    found: datetime = db.session.execute(select(func.clock_timestamp())).scalar_one()
    return found


def _make_room(account_id: int, offer: Offer, snapshot: SubscriptionSnapshot, now: datetime) -> int | None:
    if snapshot.status not in LIVE:
        return None
    live = find_live(account_id, offer.product_id)
    if live is None or live.stripe_subscription_id == snapshot.id:
        return None
    if live.stripe_subscription_id is not None:
        raise AlreadySubscribed(live.id)
    end_free(live.id, now=now)
    return live.id


def _limit_of(stripe_subscription_id: str) -> int | None:
    held = select(Subscription.spending_limit).where(Subscription.stripe_subscription_id == stripe_subscription_id)
    return db.session.scalar(held.with_for_update())  # it stays what it is until price and calls are written together


def _ended_at(snapshot: SubscriptionSnapshot, now: datetime) -> datetime | None:
    if snapshot.status not in ("canceled", "incomplete_expired"):
        return None
    return snapshot.ended_at or snapshot.canceled_at or now


def _locked(account_id: int, subscription_id: int) -> Subscription:
    row = db.session.scalars(
        select(Subscription)
        .where(Subscription.id == subscription_id, Subscription.account_id == account_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownSubscription(f"no subscription {subscription_id} in account {account_id}")
    return row


def _announce(subscription_id: int, what: str, at: datetime) -> None:
    announce("subscription.changed", f"{subscription_id}:{what}:{at.isoformat()}", {"subscription_id": subscription_id})
