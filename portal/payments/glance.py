"""What the bar above every page says of money, asked once and in one statement: each statement would be on every page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import g
from sqlalchemy import select, text

from portal.db import db
from portal.payments.premium.types import PLANS
from portal.pricing.queries import sells_any
from portal.projects.types import MARKETPLACE
from portal.subscriptions.types import LIVE

MOST = 3  # of each kind: more lines would push the page away
_OVERDUE = text("""
    ARRAY(
        SELECT id FROM subscriptions WHERE account_id = :account AND status IN ('past_due', 'unpaid')
        ORDER BY past_due_since, id LIMIT :most
    )
""")
_STOPPED = text("""
    ARRAY(
        SELECT s.id
        FROM subscriptions s
        JOIN quota_counters c ON c.subscription_id = s.id AND c.period_start = s.current_period_start
        WHERE s.account_id = :account AND s.spending_limit IS NOT NULL AND s.status = ANY(:live)
            AND c.used >= s.spending_calls AND s.current_period_end > :now
        ORDER BY s.id LIMIT :most
    )
""")
_QUESTION = select(sells_any(MARKETPLACE, PLANS), _OVERDUE, _STOPPED)


@dataclass(frozen=True, slots=True)
class Glance:
    """How an account stands: subscriptions whose payment failed, the oldest first, and those that their limit has stopped.

    `sells_premium` is true when the premium plan is for sale, to whomever.
    """

    sells_premium: bool
    overdue: tuple[int, ...]
    stopped: tuple[int, ...]


def glance_at(account_id: int | None, now: datetime) -> Glance:
    """Return how an account stands; None owes nothing."""
    values = {"account": account_id, "live": sorted(LIVE), "now": now, "most": MOST}
    sells_premium, overdue, stopped = db.session.execute(_QUESTION, values).one()
    return Glance(sells_premium, tuple(overdue), tuple(stopped))


def glance_of_request(account_id: int | None, now: datetime) -> Glance:
    """Return the same, asked at most once while a request is answered."""
    if "glance" not in g:
        g.glance = glance_at(account_id, now)
    return cast("Glance", g.glance)
