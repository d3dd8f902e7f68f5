"""The rows behind the figures, of one project. They are every account's, so run these as the system."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from portal.analytics.types import Entry, Held, Named, Rate, Reduction
from portal.db import db
from portal.kit.periods import Period
from portal.payments.discounts import product_reference

_HELD = text("""
    SELECT s.id, s.account_id, s.product_id, s.plan_id, s.status, s.anchor_at, s.quantity, s.trial_end, s.ended_at,
        s.past_due_since, s.cancel_at_period_end OR s.cancel_at IS NOT NULL AS is_leaving,
        p.amount, p.currency, p.interval, p.interval_count,
        d.percent_off, d.amount_off, d.currency AS off_currency, d.ends_at, d.is_once, d.products,
        EXISTS (SELECT FROM payments m WHERE m.subscription_id = s.id AND m.status = 'succeeded' AND m.amount_received > 0)
            OR EXISTS (SELECT FROM stripe_invoices i WHERE i.subscription_id = s.id AND i.amount_paid > 0) AS has_paid
    FROM subscriptions s
    JOIN products o ON o.id = s.product_id
    JOIN prices p ON p.id = s.price_id
    LEFT JOIN subscription_discounts d ON d.subscription_id = s.id
    WHERE o.project_id = :project AND (s.ended_at IS NULL OR s.ended_at >= CAST(:since AS timestamptz)
        OR CAST(:since AS timestamptz) IS NULL)
    ORDER BY s.id
""")
_CHANGES = text("""
    SELECT c.subscription_id, c.effective_at, p.amount, p.currency, p.interval, p.interval_count
    FROM plan_changes c
    JOIN subscriptions s ON s.id = c.subscription_id
    JOIN products o ON o.id = s.product_id
    JOIN prices p ON p.id = c.from_price_id
    WHERE o.project_id = :project AND c.state = 'done' AND c.kind <> 'free_later'
    ORDER BY c.effective_at, c.id
""")
_NAMES = text("""
    SELECT s.id, COALESCE(a.name, a.external_id) AS account, o.name AS product, n.name AS plan
    FROM subscriptions s JOIN accounts a ON a.id = s.account_id JOIN products o ON o.id = s.product_id
    JOIN plans n ON n.id = s.plan_id WHERE s.id = ANY(:ids)
""")
# Paid invoices whose payment is not mirrored count by themselves, so that no money is missing and none counted twice.
_ENTRIES = text("""
    SELECT * FROM (
        SELECT m.paid_at AS at, 'payment' AS kind, m.stripe_payment_id AS reference, m.account_id, m.currency,
            m.amount_received AS amount
        FROM payments m WHERE m.status = 'succeeded' AND m.amount_received > 0
        UNION ALL
        SELECT i.invoiced_at, 'invoice', COALESCE(i.number, i.stripe_invoice_id), i.account_id, i.currency, i.amount_paid
        FROM stripe_invoices i WHERE i.status = 'paid' AND i.amount_paid > 0 AND NOT EXISTS (
            SELECT FROM payments m WHERE m.stripe_invoice_id = i.stripe_invoice_id AND m.status = 'succeeded')
        UNION ALL
        SELECT r.refunded_at, 'refund', r.stripe_refund_id, r.account_id, r.currency, -r.amount
        FROM refunds r WHERE r.status = 'succeeded'
    ) e
    JOIN LATERAL (SELECT COALESCE(a.name, a.external_id) AS account, a.project_id FROM accounts a WHERE a.id = e.account_id) w
        ON true
    WHERE w.project_id = :project AND e.at >= :since AND e.at < :until
    ORDER BY e.at DESC, e.kind, e.reference
""")
_OPEN = text("""
    SELECT i.currency, sum(i.amount_due - i.amount_paid)::bigint AS due, count(*) AS invoices
    FROM stripe_invoices i JOIN accounts a ON a.id = i.account_id
    WHERE a.project_id = :project AND i.status = 'open' AND i.amount_due > i.amount_paid GROUP BY i.currency
""")


def list_held(project_id: int, *, since: datetime | None = None) -> list[Held]:
    """Return a project's subscriptions, those left out that had ended before an instant."""
    changes: dict[int, list[tuple[datetime, Rate]]] = {}
    for row in db.session.execute(_CHANGES, {"project": project_id}):
        changes.setdefault(row.subscription_id, []).append((row.effective_at, _rate(row)))
    rows = db.session.execute(_HELD, {"project": project_id, "since": since})
    return [_held(row, tuple(changes.get(row.id, ()))) for row in rows]


def name_subscriptions(ids: Collection[int]) -> dict[int, Named]:
    """Return what subscriptions are called in lists."""
    return {row.id: Named(row.account, row.product, row.plan) for row in db.session.execute(_NAMES, {"ids": list(ids)})}


def list_entries(project_id: int, period: Period) -> list[Entry]:
    """Return the money that a project took and gave back in a period, newest first."""
    values = {"project": project_id, "since": period.start, "until": period.end}
    return [
        Entry(row.at, row.kind, row.reference, row.account_id, row.account, row.currency, row.amount)
        for row in db.session.execute(_ENTRIES, values)
    ]


def sum_open(project_id: int) -> Mapping[str, tuple[int, int]]:
    """Return what is billed and unpaid by currency, and how many invoices that is."""
    return {row.currency: (row.due, row.invoices) for row in db.session.execute(_OPEN, {"project": project_id})}


def list_projects() -> list[tuple[int, str]]:
    """Return every project by number and name."""
    return [(row.id, row.name) for row in db.session.execute(text("SELECT id, name FROM projects ORDER BY id"))]


def _held(row: Row[Any], changes: tuple[tuple[datetime, Rate], ...]) -> Held:
    return Held(
        id=row.id,
        account_id=row.account_id,
        product_id=row.product_id,
        status=row.status,
        started_at=row.anchor_at,
        rate=_rate(row),
        quantity=row.quantity,
        trial_end=row.trial_end,
        ended_at=row.ended_at,
        past_due_since=row.past_due_since,
        is_leaving=row.is_leaving,
        has_paid=row.has_paid,
        reduction=_reduction(row),
        changes=changes,
    )


def _rate(row: Row[Any]) -> Rate:
    return Rate(row.amount, row.currency, row.interval, row.interval_count)


def _reduction(row: Row[Any]) -> Reduction | None:
    """Return the discount if it lowers more than one charge of this plan in its currency."""
    if row.is_once is not False or (row.products is not None and product_reference(row.plan_id) not in row.products):
        return None
    if row.amount_off is not None and row.off_currency != row.currency:
        return None
    return Reduction(row.percent_off, row.amount_off, row.ends_at)
