"""`/api/v1/metrics/project/<id>/…`: the figures for a project's own programs. Amounts are minor units, rounded once."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from portal.analytics import metrics
from portal.analytics.queries import list_held
from portal.analytics.types import Churn, RevenueMetrics, SubscriptionMetrics, Trials
from portal.db import SYSTEM, scoped
from portal.kit.clock import isoformat_z
from portal.kit.money import round_half_up
from portal.kit.periods import Period
from portal.projects.belonging import own_project
from portal.web.bodies import Instant, QueryArgs, read_query
from portal.web.plugs import plugs
from portal.web.principal import app_required
from portal.web.problems import Problem

bp = Blueprint("metrics_api", __name__, url_prefix="/api/v1/metrics/project")
_USUAL = timedelta(days=30)


class PeriodArgs(QueryArgs):
    """The period `[since, until)`; the last thirty days unless said."""

    since: Instant | None = None
    until: Instant | None = None


@bp.get("/<int:project_id>/subscriptions")
@app_required("metrics:read")
def subscriptions(project_id: int) -> ResponseReturnValue:
    """Return how a project's subscriptions stand now, and its trials and churn of a period."""
    own_project(project_id)
    now, period = plugs().clock.now(), _period()
    with scoped(SYSTEM):  # after the app's own project was checked: sums over all its accounts
        held = list_held(project_id)
        found = metrics.subscription_metrics(project_id, now, now=now, held=held)
        tried = metrics.trial_metrics(project_id, period, now=now, held=held)
        left = metrics.churn_metrics(project_id, period, now=now, held=held)
    return jsonify(**_subscriptions(found), period=_span(period), trials=_trials(tried), churn=_churn(left))


@bp.get("/<int:project_id>/revenue")
@app_required("metrics:read")
def revenue(project_id: int) -> ResponseReturnValue:
    """Return what a project took in a period, by currency."""
    own_project(project_id)
    period = _period()
    with scoped(SYSTEM):
        found = metrics.revenue_metrics(project_id, period)
    return jsonify(project_id=project_id, period=_span(period), revenue=_taken(found))


def _period() -> Period:
    asked, now = read_query(PeriodArgs), plugs().clock.now()
    until = asked.until or now
    since = asked.since or until - _USUAL
    if since >= until:
        raise Problem(
            422,
            "invalid-query",
            "Some parameters need attention",
            "`since` must be before `until`.",
            errors=[{"field": "since", "message": "is not before `until`"}],
        )
    return Period(since, until)


def _subscriptions(found: SubscriptionMetrics) -> dict[str, Any]:
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


def _trials(found: Trials) -> dict[str, int]:
    return {
        "running": found.running,
        "started": found.started,
        "converted": found.converted,
        "lost": found.lost,
        "undecided": found.undecided,
    }


def _churn(found: Churn) -> dict[str, Any]:
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


def _taken(found: RevenueMetrics) -> list[dict[str, Any]]:
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


def _span(period: Period) -> dict[str, str]:
    return {"since": isoformat_z(period.start), "until": isoformat_z(period.end)}


def _share(value: Fraction | None) -> str | None:
    """Write a share of one with four decimals, halves up."""
    return None if value is None else f"{round_half_up(value * 10_000) / 10_000:.4f}"
