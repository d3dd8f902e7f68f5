"""`/api/v1/metrics/project/<id>/…`: the figures for a project's own programs. Amounts are minor units, rounded once."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from portal.analytics import documents, metrics
from portal.analytics.queries import list_held
from portal.db import SYSTEM, scoped
from portal.kit.periods import Period
from portal.projects.belonging import own_project
from portal.web.bodies import Instant, QueryArgs, read_query
from portal.web.describing import described
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
@described("Metrics", query=PeriodArgs, answer=documents.SUBSCRIPTIONS)
def subscriptions(project_id: int) -> ResponseReturnValue:
    """Return how a project's subscriptions stand now, and its trials and churn of a period."""
    own_project(project_id)
    now, period = plugs().clock.now(), _period()
    with scoped(SYSTEM):  # after the app's own project was checked: sums over all its accounts
        held = list_held(project_id)
        found = metrics.subscription_metrics(project_id, now, now=now, held=held)
        tried = metrics.trial_metrics(project_id, period, now=now, held=held)
        left = metrics.churn_metrics(project_id, period, now=now, held=held)
    return jsonify(
        **documents.subscriptions_document(found),
        period=documents.span_document(period),
        trials=documents.trials_document(tried),
        churn=documents.churn_document(left),
    )


@bp.get("/<int:project_id>/revenue")
@app_required("metrics:read")
@described("Metrics", query=PeriodArgs, answer=documents.REVENUE)
def revenue(project_id: int) -> ResponseReturnValue:
    """Return what a project took in a period, by currency."""
    own_project(project_id)
    period = _period()
    with scoped(SYSTEM):
        found = metrics.revenue_metrics(project_id, period)
    return jsonify(
        project_id=project_id, period=documents.span_document(period), revenue=documents.revenue_document(found)
    )


def _period() -> Period:
    asked, now = read_query(PeriodArgs), plugs().clock.now()
    until = asked.until or now
    try:
        since = asked.since or until - _USUAL
    except OverflowError:
        raise _faulty("until", "thirty days before it lie outside the calendar; send `since` as well") from None
    if since >= until:
        raise _faulty("since", "is not before `until`")
    return Period(since, until)


def _faulty(name: str, message: str) -> Problem:
    errors = [{"field": name, "message": message}]
    return Problem(422, "invalid-query", "Some parameters need attention", f"`{name}`: {message}.", errors=errors)
