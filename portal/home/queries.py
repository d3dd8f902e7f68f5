"""Reads of the start pages; home stands above the features it looks at."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text

from portal.catalog.labels import ProductLabel, labels
from portal.db import db
from portal.gateway.queries import list_keys
from portal.home.types import Featured, Held
from portal.metering.queries import first_call_at, usage_of_period
from portal.pricing.queries import get_offer_of_price
from portal.subscriptions.queries import list_for_account
from portal.subscriptions.types import SubscriptionView

SHOWN = 6
_NEWEST = text("""
    SELECT a.name, a.slug, o.name AS organisation, o.slug AS organisation_slug, a.summary, a.product_id
    FROM apis a JOIN organisations o ON o.id = a.organisation_id
    WHERE a.state = 'published'
    ORDER BY a.published_at DESC, a.id DESC
    LIMIT :shown
""")


def list_newest(shown: int = SHOWN) -> list[Featured]:
    """Return what was published last, newest first."""
    return [Featured(*row) for row in db.session.execute(_NEWEST, {"shown": shown})]


def list_held(account_id: int | None, now: datetime) -> tuple[list[Held], int]:
    """Return the account's newest live subscriptions with where each stands, and how many there are in all."""
    live = list_for_account(account_id, live_only=True) if account_id else []
    names = labels([one.product_id for one in live[:SHOWN]])
    return [_held(one, names.get(one.product_id), now) for one in live[:SHOWN]], len(live)


def _held(subscription: SubscriptionView, label: ProductLabel | None, now: datetime) -> Held:
    keys = list_keys(subscription.account_id, subscription.id, now)
    return Held(
        subscription=subscription,
        offer=get_offer_of_price(subscription.price_id),
        label=label,
        calls=usage_of_period(subscription.account_id, subscription.id, subscription.period).billable_calls,
        has_key=any(key.state == "live" for key in keys),
        was_called=first_call_at(subscription.id) is not None,
    )
