"""Reads of the start pages; home stands above the features it looks at."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text

from portal.catalog.finding.counting import count_shelf
from portal.catalog.labels import ProductLabel, labels
from portal.db import db
from portal.gateway.queries import list_with_live_key
from portal.home.rules import by_day
from portal.home.types import Featured, Held, Offered, Platform, Shelf
from portal.kit.periods import Period, day_of
from portal.metering.queries import calls_by_bucket, list_called, usage_of_periods
from portal.payments.queries import list_planned_changes
from portal.pricing.queries import list_offers_of_prices
from portal.subscriptions.queries import list_for_account

SHOWN = 6
CHART_DAYS = 30
MOST_ADDRESSES = 50_000 - 2  # of the sitemap protocol, less the pages that are always there
MOST_PROVIDERS = 5_000
_NEWEST = text("""
    SELECT a.name, a.slug, o.name AS organisation, o.slug AS organisation_slug, a.summary, a.product_id,
        COALESCE(a.logo, o.logo) AS logo
    FROM apis a JOIN organisations o ON o.id = a.organisation_id
    WHERE a.state = 'published'
    ORDER BY a.published_at DESC, a.id DESC
    LIMIT :shown
""")


def list_newest(shown: int = SHOWN) -> list[Featured]:
    """Return what was published last, newest first."""
    return [Featured(*row) for row in db.session.execute(_NEWEST, {"shown": shown})]


def list_shelves() -> list[Shelf]:
    """Return the categories that hold something, the fullest first."""
    counted = count_shelf({}).marks.items()
    full = [Shelf(mark.removeprefix("category:"), n) for mark, n in counted if mark.startswith("category:") and n]
    return sorted(full, key=lambda shelf: (-shelf.apis, shelf.category))


def list_held(account_id: int | None, now: datetime) -> tuple[list[Held], int]:
    """Return the account's newest live subscriptions with where each stands, and how many there are in all.

    Those whose API is blocked come first: they are paid for and cannot be called.
    """
    live = list_for_account(account_id, live_only=True) if account_id else []
    if not account_id or not live:
        return [], len(live)
    names = labels([one.product_id for one in live])
    shown = sorted(live, key=lambda one: not _is_blocked(names.get(one.product_id)))[:SHOWN]
    ids, today = [one.id for one in shown], day_of(now)
    span = Period(today.start - timedelta(days=CHART_DAYS - 1), today.end)
    bars = calls_by_bucket(account_id, span, step="day", subscription_ids=ids)
    planned, with_key = list_planned_changes(account_id), list_with_live_key(account_id, ids, now)
    prices = {one.price_id for one in shown} | {change.to_price_id for change in planned.values()}
    offers = list_offers_of_prices(prices)
    used = usage_of_periods(account_id, {one.id: one.period for one in shown})
    called = {bar.subscription_id for bar in bars} | {one for one in ids if used[one].calls}
    called |= list_called(set(ids) - called)
    held = [
        Held(
            subscription=one,
            offer=offers[one.price_id],
            label=names.get(one.product_id),
            calls=used[one.id].billable_calls,
            daily=by_day(bars, one.id, span),
            has_key=one.id in with_key,
            was_called=one.id in called,
            planned=offers[planned[one.id].to_price_id].name if one.id in planned else None,
        )
        for one in shown
    ]
    return held, len(live)


def _is_blocked(label: ProductLabel | None) -> bool:
    return label is not None and label.is_blocked


_ADDRESSES = text("""
    SELECT o.slug AS organisation_slug, a.slug, a.updated_at FROM apis a JOIN organisations o ON o.id = a.organisation_id
    WHERE a.state IN ('published', 'deprecated') ORDER BY a.published_at DESC, a.id DESC LIMIT :shown
""")
_PROVIDERS = text("""
    SELECT o.slug FROM catalog_counts c JOIN organisations o ON o.id = c.organisation_id
    WHERE c.category = '' AND c.price = '' AND c.listed > 0 ORDER BY c.listed DESC, c.organisation_id LIMIT :shown
""")
_OFFERED = text("""
    SELECT a.id, a.name, a.state,
        (SELECT count(*) FROM subscriptions s WHERE s.product_id = a.product_id
            AND s.status IN ('trialing', 'active', 'past_due')) AS subscribers,
        COALESCE(f.calls_30d, 0) AS calls
    FROM apis a LEFT JOIN api_facts f ON f.api_id = a.id
    WHERE a.organisation_id = :organisation ORDER BY calls DESC, lower(a.name), a.id LIMIT :shown
""")
_PLATFORM = text("""
    SELECT (SELECT count(*) FROM users WHERE disabled_at IS NULL),
        (SELECT count(*) FROM organisations),
        (SELECT count(*) FROM subscriptions WHERE status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused')),
        (SELECT count(*) FROM subscriptions WHERE status IN ('past_due', 'unpaid')),
        (SELECT count(*) FROM webhook_events WHERE state IN ('pending', 'retry')),
        (SELECT count(*) FROM webhook_events WHERE state = 'dead'),
        (SELECT min(received_at) FROM webhook_events WHERE state IN ('pending', 'retry')),
        (SELECT count(*) FROM schedule_slots WHERE error IS NOT NULL AND slot > :since)
""")


def list_offered(organisation_id: int, shown: int = SHOWN) -> list[Offered]:
    """Return the organisation's own APIs, the most called first. Counts subscribers of all accounts: run as the system."""
    return [Offered(*row) for row in db.session.execute(_OFFERED, {"organisation": organisation_id, "shown": shown})]


def list_addresses(shown: int = MOST_ADDRESSES) -> list[Row[Any]]:
    """Return `organisation_slug`, `slug` and `updated_at` of listed APIs, newest first."""
    return list(db.session.execute(_ADDRESSES, {"shown": shown}))


def list_providers(shown: int = MOST_PROVIDERS) -> list[str]:
    """Return the slugs of organisations with something in the market, those with most of it first."""
    return list(db.session.scalars(_PROVIDERS, {"shown": shown}))


def platform(now: datetime) -> Platform:
    """Return how the platform stands, failed jobs of the last day included. Every tenant's rows: run as the system."""
    return Platform(*db.session.execute(_PLATFORM, {"since": now - timedelta(days=1)}).one())
