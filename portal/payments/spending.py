"""How near subscriptions are to the limits their buyers set, and who is told. Counted where the gateway counts.

The gateway refuses by `quota_counters`, so that is what a page and a mail speak of; metering's sums follow within
seconds. A mail is announced once per subscription, period and limit: a raised limit may be neared again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from portal.db import db
from portal.kit.clock import isoformat_z
from portal.kit.money import Money
from portal.metering.queries import usage_of_period
from portal.outbox.service import announce_mail
from portal.payments.reminding import readers_of
from portal.pricing.queries import get_offer_of_price
from portal.pricing.rating import rate
from portal.subscriptions.types import LIVE, SubscriptionView

NEAR_PERCENT = 80
_USED = text("SELECT used FROM quota_counters WHERE subscription_id = :subscription AND period_start = :start")
_NEAR = text("""
    SELECT s.id, s.account_id, s.spending_limit, s.current_period_start, c.used >= s.spending_calls AS is_reached
    FROM subscriptions s
    JOIN quota_counters c ON c.subscription_id = s.id AND c.period_start = s.current_period_start
    WHERE s.spending_limit IS NOT NULL AND s.status = ANY(:live)
        AND c.used * 100 >= s.spending_calls * :percent AND s.current_period_end > :now
    ORDER BY s.id
""")


@dataclass(frozen=True, slots=True)
class Spent:
    """What a period costs so far: `calls` handed out, and what they and the plan's fee come to, net of tax."""

    calls: int
    cost: Money


def spent_by(held: SubscriptionView) -> Spent:
    """Return what the running period of a subscription costs so far."""
    calls = count_calls(held)
    return Spent(calls, rate(get_offer_of_price(held.price_id).terms, calls).total)


def count_calls(held: SubscriptionView) -> int:
    """Return the calls of the running period: what the gateway has handed out, or what was metered where that is more.

    Metering follows the gateway by seconds; it is ahead where calls came by another way than this gateway.
    """
    handed_out = db.session.scalar(_USED, {"subscription": held.id, "start": held.period.start}) or 0
    return max(handed_out, usage_of_period(held.account_id, held.id, held.period).billable_calls)


def tell_all(now: datetime) -> int:
    """Announce the mails about limits that are nearly or wholly used up; return how many are new. Safe to repeat."""
    near = db.session.execute(_NEAR, {"live": sorted(LIVE), "percent": NEAR_PERCENT, "now": now}).all()
    told = 0
    for row in near:
        kind, period = "reached" if row.is_reached else "near", isoformat_z(row.current_period_start)
        for reader in readers_of(row.account_id):
            cause = f"{row.id}:{period}:{row.spending_limit}:{reader}"
            facts = {"subscription_id": row.id, "period": period, "limit": row.spending_limit}
            told += announce_mail(f"billing.spending-{kind}", cause, user_id=reader, **facts)
    return told
