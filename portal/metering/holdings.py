"""What an organisation may look at: its subscriptions with the names and the allowance that usage is shown against.

Subscriptions are a sibling of metering, so their tables are read by name and nothing of theirs is imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text

from portal.db import db
from portal.kit.periods import Period
from portal.pricing.rules import MAX_QUANTITY


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the plan includes per period and what happens beyond it; amounts are minor units of `currency`.

    `stops_at` is the number of calls that the buyer's own `spending_limit` pays for; None when nothing stops there.
    """

    included: int | None
    usage_model: str | None
    unit_amount: Decimal | None
    package_size: int | None
    currency: str
    spending_limit: int | None = None
    stops_at: int | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """One subscription: which API, by which plan, in which period. `blocked_at` is since when operators keep the API shut."""

    subscription_id: int
    api_id: int | None
    api_name: str
    api_path: str | None
    plan_name: str
    period: Period
    ends: bool
    ended_at: datetime | None
    allowance: Allowance
    has_key: bool
    is_free: bool = False
    blocked_at: datetime | None = None

    @property
    def name(self) -> str:
        """How people tell it from the others."""
        return f"{self.api_name} · {self.plan_name}"

    @property
    def is_over(self) -> bool:
        """True once the subscription has ended for good."""
        return self.ended_at is not None

    @property
    def is_blocked(self) -> bool:
        """True while it runs and its API is shut."""
        return self.blocked_at is not None and not self.is_over


_LIST = text("""
    SELECT s.id, a.id AS api_id, coalesce(a.name, p.name) AS api_name, o.slug || '/' || a.slug AS api_path,
        plan.name AS plan_name, s.current_period_start, s.current_period_end,
        s.cancel_at_period_end OR s.cancel_at IS NOT NULL AS ends, s.ended_at,
        s.stripe_subscription_id IS NULL AS is_free, a.blocked_at,
        price.included_quantity, price.usage_model, price.unit_amount, price.package_size, price.currency,
        s.spending_limit, NULLIF(s.spending_calls, :unreached) AS stops_at,
        EXISTS (SELECT 1 FROM api_keys k WHERE k.subscription_id = s.id AND k.revoked_at IS NULL) AS has_key
    FROM subscriptions s
    JOIN products p ON p.id = s.product_id
    JOIN plans plan ON plan.id = s.plan_id
    JOIN prices price ON price.id = s.price_id
    LEFT JOIN apis a ON a.product_id = p.id
    LEFT JOIN organisations o ON o.id = a.organisation_id
    WHERE s.account_id = :account_id AND s.status NOT IN ('incomplete', 'incomplete_expired')
    ORDER BY s.ended_at IS NOT NULL, lower(coalesce(a.name, p.name)), s.id DESC
""")

_SAMPLE = text("""
    SELECT op.path FROM api_operations op JOIN api_versions v ON v.id = op.version_id
    WHERE v.api_id = :api_id AND v.is_default AND lower(op.method) = 'get' AND op.path NOT LIKE '%{%'
    ORDER BY op.deprecated, op.ordinal LIMIT 1
""")


def list_holdings(account_id: int) -> list[Holding]:
    """Return an account's subscriptions by name, the ended ones last."""
    found = db.session.execute(_LIST, {"account_id": account_id, "unreached": MAX_QUANTITY})
    return [
        Holding(
            subscription_id=row.id,
            api_id=row.api_id,
            api_name=row.api_name,
            api_path=row.api_path,
            plan_name=row.plan_name,
            period=Period(row.current_period_start, row.current_period_end),
            ends=row.ends,
            ended_at=row.ended_at,
            allowance=Allowance(
                row.included_quantity,
                row.usage_model,
                row.unit_amount,
                row.package_size,
                row.currency,
                row.spending_limit,
                row.stops_at,
            ),
            has_key=row.has_key,
            is_free=row.is_free,
            blocked_at=row.blocked_at,
        )
        for row in found
    ]


def sample_path(api_id: int | None) -> str:
    """Return the path of an operation that can be called as it stands, or nothing when the API names none."""
    return db.session.execute(_SAMPLE, {"api_id": api_id}).scalar_one_or_none() or "/"
