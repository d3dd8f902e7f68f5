"""Reading our side of what stands beside subscriptions: customers, invoices, prices, deliveries, sums of usage, keys."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, bindparam, text

from portal.db import db
from portal.kit.money import Money
from portal.reconciliation.others import Delivery, HourSums, OurCustomer, OurInvoice, OurKey, OurPrice, Stranger

_LIVE = "('trialing', 'active', 'past_due', 'unpaid', 'paused')"


def _among(statement: str) -> TextClause:
    return text(statement).bindparams(bindparam("ids", expanding=True))


_HELD = _among("SELECT stripe_subscription_id FROM subscriptions WHERE stripe_subscription_id IN :ids")
_STRANGER = text(f"""
    SELECT c.account_id, pl.product_id, pr.amount, pr.currency, coalesce(o.name, a.name) AS whose, pl.name AS plan_name,
        p.name AS product_name, rival.stripe_subscription_id AS rival
    FROM (SELECT CAST(:customer AS text) AS customer, CAST(:price AS text) AS price) asked
    LEFT JOIN stripe_customers c ON c.stripe_customer_id = asked.customer
    LEFT JOIN accounts a ON a.id = c.account_id
    LEFT JOIN organisations o ON o.id = a.organisation_id
    LEFT JOIN prices pr ON pr.stripe_price_id = asked.price
    LEFT JOIN plans pl ON pl.id = pr.plan_id
    LEFT JOIN products p ON p.id = pl.product_id
    LEFT JOIN subscriptions rival ON rival.account_id = c.account_id AND rival.product_id = pl.product_id
        AND rival.status IN {_LIVE} AND rival.stripe_subscription_id IS NOT NULL
""")  # noqa: S608 - constants only
_CUSTOMER_PAGE = text("""
    SELECT account_id, stripe_customer_id FROM stripe_customers
    WHERE livemode = :livemode AND account_id > :after ORDER BY account_id LIMIT :limit
""")
_CUSTOMERS = _among(f"""
    SELECT c.account_id, c.stripe_customer_id, a.organisation_id, coalesce(o.name, a.name, a.external_id) AS whose,
        coalesce(o.billing_email, a.email) AS email,
        coalesce(c.billing_version, 0) >= coalesce(o.billing_version, 0) AS is_told,
        EXISTS (SELECT FROM subscriptions s WHERE s.account_id = a.id AND s.status IN {_LIVE}
                AND s.stripe_subscription_id IS NOT NULL) AS has_live
    FROM stripe_customers c JOIN accounts a ON a.id = c.account_id LEFT JOIN organisations o ON o.id = a.organisation_id
    WHERE c.stripe_customer_id IN :ids
""")  # noqa: S608
_INVOICES = _among("SELECT stripe_invoice_id, status, total FROM stripe_invoices WHERE stripe_invoice_id IN :ids")
_PRICE_PAGE = text("SELECT id FROM prices WHERE stripe_price_id IS NOT NULL AND id > :after ORDER BY id LIMIT :limit")
_PRICES = _among(f"""
    SELECT pr.id, pr.stripe_price_id, pr.amount, pr.currency,
        CASE WHEN NOT pr.one_time THEN pr.interval END AS interval, pr.interval_count, pl.name AS plan_name,
        p.name AS product_name, coalesce(o.name, '') AS whose,
        (pr.active AND pl.active AND p.active)
            OR EXISTS (SELECT FROM subscriptions s WHERE s.price_id = pr.id AND s.status IN {_LIVE}) AS is_used
    FROM prices pr JOIN plans pl ON pl.id = pr.plan_id JOIN products p ON p.id = pl.product_id
    LEFT JOIN organisations o ON o.id = p.organisation_id
    WHERE pr.id IN :ids
""")  # noqa: S608
_UNDONE_PAGE = text("""
    SELECT id FROM webhook_events
    WHERE id > :after AND (state = 'dead' OR (state IN ('pending', 'retry') AND received_at < :before))
    ORDER BY id LIMIT :limit
""")
_UNDONE = _among(
    "SELECT id, state, type, received_at, last_error, next_attempt_at FROM webhook_events WHERE id IN :ids"
)
_SAMPLED = text(f"""
    SELECT id, account_id FROM subscriptions WHERE status IN {_LIVE} ORDER BY md5(CAST(:seed AS text) || ':' || id) LIMIT :limit
""")  # noqa: S608
_SAMPLED_HOURS = text("""
    (SELECT date_trunc('hour', started_at, 'UTC') AS hour FROM api_requests_log
     WHERE subscription_id = :id AND started_at >= :since AND started_at < :instant ORDER BY started_at DESC LIMIT 1)
    UNION
    (SELECT hour FROM usage_records_hourly
     WHERE subscription_id = :id AND hour >= :since AND hour < :instant ORDER BY hour DESC LIMIT 1)
""")
_SUMS = text("""
    SELECT kept.calls AS kept_calls, kept.billable AS kept_billable, kept.errors AS kept_errors,
        counted.calls, counted.billable, counted.errors,
        EXISTS (SELECT FROM usage_dirty_hours d WHERE d.subscription_id = :id AND d.hour = :hour) AS is_waiting
    FROM (SELECT coalesce(sum(calls), 0)::bigint AS calls, coalesce(sum(billable_calls), 0)::bigint AS billable,
              coalesce(sum(errors), 0)::bigint AS errors
          FROM usage_records_hourly WHERE subscription_id = :id AND hour = :hour) kept,
         (SELECT count(*) AS calls, count(*) FILTER (WHERE billable) AS billable,
              count(*) FILTER (WHERE status >= 400) AS errors
          FROM api_requests_log
          WHERE subscription_id = :id AND started_at >= :hour AND started_at < :hour + interval '1 hour') counted
""")
# A key that was made or revoked this moment may still be on its way to the gateway.
_KEYS = text("""
    SELECT k.id, k.account_id, k.subscription_id, k.name, coalesce(o.name, a.name) AS whose,
        k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now)
            AND coalesce(g.valid_from <= :now AND (g.valid_to IS NULL OR g.valid_to > :now), false) AS opens
    FROM api_keys k JOIN accounts a ON a.id = k.account_id LEFT JOIN organisations o ON o.id = a.organisation_id
    LEFT JOIN gateway_credentials g ON g.key_id = k.id
    WHERE k.created_at <= :settled AND (k.revoked_at IS NULL OR k.revoked_at <= :settled)
        AND (CAST(:only AS bigint[]) IS NULL OR k.id = ANY (CAST(:only AS bigint[])))
        AND (k.revoked_at IS NULL OR k.id = ANY (CAST(:known AS bigint[])))
    ORDER BY k.id
""")


@dataclass(frozen=True, slots=True)
class Named:
    """Whose something is, and what to call it on a page."""

    account_id: int | None
    title: str
    whose: str
    subscription_id: int | None = None


def list_held(stripe_ids: Collection[str]) -> set[str]:
    """Return which of some of the provider's subscriptions we hold."""
    return set(db.session.scalars(_HELD, {"ids": list(stripe_ids)})) if stripe_ids else set()


def find_stranger(customer_id: str, price_id: str) -> tuple[Stranger, Named]:
    """Return what we know about a subscription that we do not hold."""
    row = db.session.execute(_STRANGER, {"customer": customer_id, "price": price_id}).first()
    assert row is not None  # the statement begins with one row and only joins outwards
    price = None if row.amount is None else Money(row.amount, row.currency)
    title = f"{row.product_name} · {row.plan_name}" if row.product_name else price_id
    named = Named(row.account_id, title, row.whose or customer_id)
    return Stranger(row.account_id, price, row.product_id, row.rival), named


def list_customer_ids(after: int, limit: int, *, livemode: bool) -> list[tuple[int, str]]:
    """Return the next accounts that the provider bills, each with its customer."""
    rows = db.session.execute(_CUSTOMER_PAGE, {"after": after, "limit": limit, "livemode": livemode})
    return [(row.account_id, row.stripe_customer_id) for row in rows]


def list_customers(ids: Collection[str]) -> dict[str, tuple[OurCustomer, Named]]:
    """Return whom we map to some customers of the provider."""
    rows = db.session.execute(_CUSTOMERS, {"ids": list(ids)}) if ids else ()
    return {
        row.stripe_customer_id: (
            OurCustomer(
                row.account_id,
                row.stripe_customer_id,
                row.email,
                row.is_told,
                row.has_live,
                row.organisation_id is not None,
            ),
            Named(row.account_id, row.stripe_customer_id, row.whose),
        )
        for row in rows
    }


def list_invoices(ids: Collection[str]) -> dict[str, OurInvoice]:
    """Return our mirrors of some of the provider's invoices."""
    rows = db.session.execute(_INVOICES, {"ids": list(ids)}) if ids else ()
    return {row.stripe_invoice_id: OurInvoice(row.stripe_invoice_id, row.status, row.total) for row in rows}


def list_price_ids(after: int, limit: int) -> list[int]:
    """Return the next of our prices that the provider knows."""
    return list(db.session.scalars(_PRICE_PAGE, {"after": after, "limit": limit}))


def list_prices(ids: Collection[int]) -> dict[int, tuple[OurPrice, Named]]:
    """Return some of our prices, and what they are prices of."""
    rows = db.session.execute(_PRICES, {"ids": list(ids)}) if ids else ()
    return {
        row.id: (
            OurPrice(
                row.id,
                row.stripe_price_id,
                Money(row.amount, row.currency),
                row.interval,
                row.interval_count,
                row.is_used,
            ),
            Named(None, f"{row.product_name} · {row.plan_name}", row.whose),
        )
        for row in rows
    }


def list_undone_ids(after: int, limit: int, *, before: datetime) -> list[int]:
    """Return the next deliveries that were given up, or that wait since before an instant."""
    return list(db.session.scalars(_UNDONE_PAGE, {"after": after, "limit": limit, "before": before}))


def list_deliveries(ids: Collection[int]) -> dict[int, Delivery]:
    """Return some deliveries of the inbox."""
    rows = db.session.execute(_UNDONE, {"ids": list(ids)}) if ids else ()
    return {
        row.id: Delivery(row.id, row.state, row.type, row.received_at, row.last_error, row.next_attempt_at)
        for row in rows
    }


def sample_hours(seed: int, limit: int, *, since: datetime, instant: datetime) -> list[tuple[int, datetime]]:
    """Return hours with calls of some subscriptions, another choice for every seed: the last before `instant`."""
    chosen = db.session.execute(_SAMPLED, {"seed": seed, "limit": limit}).all()
    found: list[tuple[int, datetime]] = []
    for row in chosen:
        hours = db.session.scalars(_SAMPLED_HOURS, {"id": row.id, "since": since, "instant": instant})
        found += [(row.id, hour) for hour in hours]
    return found


def find_sums(subscription_id: int, hour: datetime) -> tuple[HourSums, HourSums] | None:
    """Return the kept sums of an hour and those counted from the log now; None while it waits to be summed."""
    row = db.session.execute(_SUMS, {"id": subscription_id, "hour": hour}).one()
    if row.is_waiting:
        return None
    kept = HourSums(row.kept_calls, row.kept_billable, row.kept_errors)
    return kept, HourSums(row.calls, row.billable, row.errors)


def list_keys(
    known: Sequence[int], *, now: datetime, settled: timedelta, only: Sequence[int] | None = None
) -> list[tuple[OurKey, Named]]:
    """Return keys that are not revoked and those that are but the gateway still holds, settled since some time."""
    values: dict[str, Any] = {"known": list(known), "now": now, "settled": now - settled, "only": only}
    rows = db.session.execute(_KEYS, values)
    return [
        (OurKey(row.id, row.opens), Named(row.account_id, row.name, row.whose, row.subscription_id)) for row in rows
    ]
