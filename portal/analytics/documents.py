"""The figures as JSON, and an example of each answer. Amounts are minor units, rounded once; shares have four decimals."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from portal.analytics.types import Churn, RevenueMetrics, SubscriptionMetrics, Trials
from portal.kit.clock import isoformat_z
from portal.kit.money import round_half_up
from portal.kit.periods import Period

SPAN = {"since": "2026-02-08T09:00:00Z", "until": "2026-03-10T09:00:00Z"}
SUBSCRIPTIONS = {
    "project_id": 2,
    "at": "2026-03-10T09:00:00Z",
    "subscriptions": {
        "live": 12,
        "leaving": 1,
        "by_status": {
            "trialing": 2,
            "active": 9,
            "past_due": 1,
            "unpaid": 0,
            "paused": 0,
            "incomplete": 0,
            "canceled": 4,
            "incomplete_expired": 0,
        },
    },
    "mrr": [{"currency": "usd", "amount": 13491, "trialing": 2998, "past_due": 1499}],
    "period": SPAN,
    "trials": {"running": 2, "started": 3, "converted": 1, "lost": 1, "undecided": 0},
    "churn": {
        "customers": {"before": 10, "lost": 1, "rate": "0.1000"},
        "revenue": [
            {
                "currency": "usd",
                "before": 14990,
                "new": 1499,
                "more": 0,
                "less": 0,
                "lost": 1499,
                "after": 14990,
                "rate": "0.1000",
            }
        ],
    },
}
REVENUE = {
    "project_id": 2,
    "period": SPAN,
    "revenue": [
        {
            "currency": "usd",
            "received": 13491,
            "payments": 9,
            "refunded": 1499,
            "refunds": 1,
            "net": 11992,
            "open": 1499,
            "open_invoices": 1,
        }
    ],
}


def subscriptions_document(found: SubscriptionMetrics) -> dict[str, Any]:
    """How subscriptions stand."""
    return {
        "project_id": found.project_id,
        "at": isoformat_z(found.at),
        "subscriptions": {"live": found.live, "leaving": found.leaving, "by_status": dict(found.by_status)},
        "mrr": [
            {
                "currency": one.currency,
                "amount": round_half_up(one.active),
                "trialing": round_half_up(one.trialing),
                "past_due": round_half_up(one.past_due),
            }
            for one in found.recurring
        ],
    }


def trials_document(found: Trials) -> dict[str, int]:
    """What became of trials."""
    return {
        "running": found.running,
        "started": found.started,
        "converted": found.converted,
        "lost": found.lost,
        "undecided": found.undecided,
    }


def churn_document(found: Churn) -> dict[str, Any]:
    """Who left, and how revenue moved."""
    names = ("before", "new", "more", "less", "lost", "after")
    revenue = [
        {
            "currency": flow.currency,
            **{name: round_half_up(getattr(flow, name)) for name in names},
            "rate": _share(flow.rate),
        }
        for flow in found.flows
    ]
    customers = {"before": found.customers, "lost": found.lost_customers, "rate": _share(found.rate)}
    return {"customers": customers, "revenue": revenue}


def revenue_document(found: RevenueMetrics) -> list[dict[str, Any]]:
    """What came in and went back, by currency."""
    return [
        {
            "currency": one.currency,
            "received": one.received,
            "payments": one.payments,
            "refunded": one.refunded,
            "refunds": one.refunds,
            "net": one.net,
            "open": one.open,
            "open_invoices": one.open_invoices,
        }
        for one in found.taken
    ]


def span_document(period: Period) -> dict[str, str]:
    """A period, half-open."""
    return {"since": isoformat_z(period.start), "until": isoformat_z(period.end)}


def _share(value: Fraction | None) -> str | None:
    """Write a share of one with four decimals, halves up."""
    return None if value is None else f"{round_half_up(value * 10_000) / 10_000:.4f}"
