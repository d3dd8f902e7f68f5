"""Reading our side of payments: what we mirrored, what it pays for, and which deserve another look."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import bindparam, text

from portal.db import db
from portal.kit.money import Money
from portal.payments.holding import list_paid
from portal.ports.billing import PaymentSnapshot
from portal.reconciliation.other_facts import Named
from portal.reconciliation.paying import OurPayment, Standing
from portal.reconciliation.types import EventFact
from portal.subscriptions.queries import get_subscription
from portal.subscriptions.types import LIVE

_PAYMENTS = text("""
    SELECT pay.*, coalesce(o.name, a.name, a.external_id) AS whose, p.name AS product_name, pl.name AS plan_name,
        coalesce((SELECT jsonb_object_agg(r.stripe_refund_id, r.status) FROM refunds r WHERE r.payment_id = pay.id),
                 '{}') AS refunds,
        coalesce((SELECT jsonb_object_agg(d.stripe_dispute_id, d.status) FROM disputes d WHERE d.payment_id = pay.id),
                 '{}') AS disputes
    FROM payments pay
    JOIN accounts a ON a.id = pay.account_id
    LEFT JOIN organisations o ON o.id = a.organisation_id
    LEFT JOIN subscriptions s ON s.id = pay.subscription_id
    LEFT JOIN purchases bought ON bought.id = pay.purchase_id
    LEFT JOIN plans pl ON pl.id = coalesce(s.plan_id, bought.plan_id)
    LEFT JOIN products p ON p.id = pl.product_id
    WHERE pay.stripe_payment_id IN :ids
""").bindparams(bindparam("ids", expanding=True))
# The provider lists what began; what goes on longer, or stands in nobody's way only by a row of ours, is known here.
_DUE = text("""
    SELECT pay.id, pay.stripe_payment_id FROM payments pay
    WHERE pay.id > :after AND pay.livemode = :livemode AND (
        pay.begun_at >= :since
        OR EXISTS (SELECT FROM refunds r WHERE r.payment_id = pay.id
                   AND (r.refunded_at >= :since OR r.status IN ('pending', 'requires_action')))
        OR EXISTS (SELECT FROM disputes d WHERE d.payment_id = pay.id
                   AND (d.opened_at >= :since OR d.status NOT IN ('won', 'lost', 'warning_closed')))
        OR EXISTS (SELECT FROM subscriptions s WHERE s.id = pay.subscription_id AND s.hold IS NOT NULL
                   AND pay.invoiced_at >= s.current_period_start))
    ORDER BY pay.id LIMIT :limit
""")
_EVENTS = text("""
    SELECT DISTINCT ON (object_id) object_id, state, received_at FROM webhook_events
    WHERE object_type IN ('payment_intent', 'refund', 'dispute') AND object_id IN :ids
    ORDER BY object_id, received_at DESC, id DESC
""").bindparams(bindparam("ids", expanding=True))


def list_payments(ids: Collection[str]) -> dict[str, tuple[OurPayment, Named]]:
    """Return our mirrors of some of the provider's payments, and what each pays for."""
    rows = db.session.execute(_PAYMENTS, {"ids": list(ids)}).all() if ids else ()
    return {
        row.stripe_payment_id: (
            OurPayment(
                row.account_id,
                row.status,
                Money(row.amount, row.currency),
                row.amount_received,
                row.amount_refunded,
                row.source_fetched_at,
                row.refunds,
                row.disputes,
                find_standing(row.subscription_id, row.invoiced_at, but=row.stripe_payment_id),
            ),
            Named(
                row.account_id,
                f"{row.product_name} · {row.plan_name}" if row.product_name else row.stripe_payment_id,
                row.whose,
                row.subscription_id,
            ),
        )
        for row in rows
    }


def find_standing(subscription_id: int | None, invoiced_at: datetime | None, *, but: str) -> Standing | None:
    """Return what a hold follows from beside the payment `but`; None when that one pays no current period."""
    if subscription_id is None or invoiced_at is None:
        return None
    held = get_subscription(subscription_id)
    if held.status not in LIVE or invoiced_at < held.period.start:
        return None
    rest = list_paid(db.session(), held)
    return Standing(held.hold, tuple(paid for key, paid in rest.items() if key != but))


def list_due(after: int, limit: int, *, since: datetime, livemode: bool) -> list[tuple[int, str]]:
    """Return the next payments of ours that are young, not settled, or that a hold rests on, each with its number."""
    rows = db.session.execute(_DUE, {"after": after, "limit": limit, "since": since, "livemode": livemode})
    return [(row.id, row.stripe_payment_id) for row in rows]


def list_events(payments: Collection[PaymentSnapshot]) -> dict[str, EventFact]:
    """Return the newest delivery about each payment, its refunds and its disputes."""
    about = {one.id: one.id for one in payments}
    about |= {back.id: one.id for one in payments for back in one.refunds}
    about |= {back.id: one.id for one in payments for back in one.disputes}
    rows = db.session.execute(_EVENTS, {"ids": list(about)}).all() if about else ()
    newest_last = sorted(rows, key=lambda row: row.received_at)
    return {about[row.object_id]: EventFact(row.state, row.received_at) for row in newest_last}
