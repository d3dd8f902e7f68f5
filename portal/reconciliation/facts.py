"""Reading our side of a comparison: subscriptions with everything that hangs on them. Joins tables of many features."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Row, bindparam, text

from portal.db import db
from portal.entitlements.types import Grant
from portal.kit.money import Money
from portal.reconciliation.types import EventFact, Ours
from portal.subscriptions.queries import view_of

# What is compared: whatever may still give access or cost money, and what ended since `since`. What was read a moment
# ago, or has a delivery on its way through the inbox, is not judged yet.
_IDS = text("""
    SELECT s.id, s.source_fetched_at > clock_timestamp() - :age OR EXISTS (
        SELECT FROM webhook_events w WHERE w.object_type = 'subscription' AND w.object_id = s.stripe_subscription_id
        AND w.state IN ('pending', 'retry') AND w.received_at > :now - :age) AS is_fresh
    FROM subscriptions s
    WHERE s.id > :after AND (
        s.status NOT IN ('canceled', 'incomplete_expired') OR s.ended_at >= :since
        OR EXISTS (SELECT FROM entitlements e WHERE e.account_id = s.account_id AND e.source_id = s.id
                   AND e.source IN ('subscription', 'trial', 'grace') AND e.revoked_at IS NULL
                   AND (e.valid_to IS NULL OR e.valid_to > :now)))
    ORDER BY s.id LIMIT :limit
""")
_COUNT = text("""
    SELECT (SELECT count(*) FROM subscriptions WHERE status NOT IN ('canceled', 'incomplete_expired') OR ended_at >= :since)
        + (SELECT count(*) FROM stripe_customers)
        + (SELECT count(*) FROM stripe_invoices WHERE invoiced_at >= :since AND status <> 'draft')
        + (SELECT count(*) FROM payments WHERE begun_at >= :since)
        + (SELECT count(*) FROM prices WHERE stripe_price_id IS NOT NULL)
""")
_OURS = text("""
    SELECT s.*, a.organisation_id, a.external_id, a.email, coalesce(o.name, a.name, a.external_id) AS account_name,
        c.stripe_customer_id, pl.code AS plan_code, pl.name AS plan_name, p.name AS product_name, p.feature_id,
        pr.stripe_price_id, pr.amount, pr.currency, e.state AS event_state, e.received_at AS event_received_at
    FROM subscriptions s
    JOIN accounts a ON a.id = s.account_id
    LEFT JOIN organisations o ON o.id = a.organisation_id
    LEFT JOIN stripe_customers c ON c.account_id = a.id AND c.livemode = s.livemode
    JOIN plans pl ON pl.id = s.plan_id
    JOIN products p ON p.id = s.product_id
    JOIN prices pr ON pr.id = s.price_id
    LEFT JOIN LATERAL (
        SELECT w.state, w.received_at FROM webhook_events w
        WHERE w.object_type = 'subscription' AND w.object_id = s.stripe_subscription_id
        ORDER BY w.received_at DESC, w.id DESC LIMIT 1
    ) e ON true
    WHERE s.id IN :ids ORDER BY s.id
""").bindparams(bindparam("ids", expanding=True))
_GRANTS = text("""
    SELECT * FROM entitlements
    WHERE source_id IN :ids AND source IN ('subscription', 'trial', 'grace') AND revoked_at IS NULL ORDER BY id
""").bindparams(bindparam("ids", expanding=True))
_FEATURES = text("SELECT plan_id, feature_id, quantity FROM plan_features WHERE plan_id IN :ids").bindparams(
    bindparam("ids", expanding=True)
)
_PRICES = text("""
    SELECT pr.stripe_price_id, pl.name FROM prices pr JOIN plans pl ON pl.id = pr.plan_id
    WHERE pr.stripe_price_id IN :ids
""").bindparams(bindparam("ids", expanding=True))
_LATEST = text("""
    SELECT DISTINCT ON (s.account_id, s.product_id) s.id FROM subscriptions s
    ORDER BY s.account_id, s.product_id,
        (s.status IN ('trialing', 'active', 'past_due', 'unpaid', 'paused')) DESC, s.id DESC
""")


def list_due(after: int, limit: int, *, since: datetime, age: timedelta, now: datetime) -> list[tuple[int, bool]]:
    """Return the next subscriptions to compare, each with whether it was read too recently to be judged."""
    rows = db.session.execute(_IDS, {"after": after, "limit": limit, "since": since, "age": age, "now": now})
    return [(row.id, row.is_fresh) for row in rows]


def count_due(since: datetime) -> int:
    """Return about how many records a run will compare."""
    return int(db.session.scalar(_COUNT, {"since": since}) or 0)


def list_entitlement_records(after: int, limit: int) -> tuple[list[int], int]:
    """Return the subscriptions that speak for an account and a product, and how many there are in all.

    One for each pair: the live one, else the newest.
    """
    ids = sorted(db.session.scalars(_LATEST))
    return [one for one in ids if one > after][:limit], len(ids)


def list_ours(ids: Collection[int]) -> list[Ours]:
    """Return subscriptions with all that hangs on them, by their ids."""
    if not ids:
        return []
    rows = db.session.execute(_OURS, {"ids": list(ids)}).all()
    grants, given = _grants(ids), _features({row.plan_id for row in rows})
    return [_ours(row, grants.get((row.account_id, row.id), ()), given.get(row.plan_id, {})) for row in rows]


def find_ours(subscription_id: int) -> Ours | None:
    """Return one subscription with all that hangs on it."""
    return next(iter(list_ours([subscription_id])), None)


def name_prices(stripe_price_ids: Collection[str]) -> dict[str, str]:
    """Return the plan that each of the provider's prices belongs to; prices that are not ours are left out."""
    if not stripe_price_ids:
        return {}
    return {row.stripe_price_id: row.name for row in db.session.execute(_PRICES, {"ids": list(stripe_price_ids)})}


def _grants(ids: Collection[int]) -> dict[tuple[int, int], Sequence[Grant]]:
    found: dict[tuple[int, int], list[Grant]] = {}
    for row in db.session.execute(_GRANTS, {"ids": list(ids)}):
        grant = Grant(row.id, row.feature_id, row.source, row.source_id, row.valid_from, row.valid_to, row.quantity)
        found.setdefault((row.account_id, row.source_id), []).append(grant)
    return dict(found)


def _features(plan_ids: Collection[int]) -> dict[int, dict[int, Decimal | None]]:
    """Return what plans give beside the feature of their product, with how much of it for one unit."""
    found: dict[int, dict[int, Decimal | None]] = {}
    for row in db.session.execute(_FEATURES, {"ids": list(plan_ids)}) if plan_ids else ():
        found.setdefault(row.plan_id, {})[row.feature_id] = row.quantity
    return found


def _ours(row: Row[tuple[object, ...]], grants: Sequence[Grant], given: dict[int, Decimal | None]) -> Ours:
    features = given if row.feature_id is None else {row.feature_id: None, **given}
    return Ours(
        held=view_of(row),
        organisation_id=row.organisation_id,
        external_id=row.external_id,
        email=row.email,
        account_name=row.account_name,
        customer_id=row.stripe_customer_id,
        plan_code=row.plan_code,
        plan_name=row.plan_name,
        product_name=row.product_name,
        stripe_price_id=row.stripe_price_id,
        price=Money(row.amount, row.currency),
        features=features,
        grants=tuple(grants),
        event=EventFact(row.event_state, row.event_received_at) if row.event_state else None,
        price_names={row.stripe_price_id: row.plan_name} if row.stripe_price_id else {},
    )
