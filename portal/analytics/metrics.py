"""The figures of a project. They are sums over every account, so run these as the system."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from portal.analytics import rules
from portal.analytics.queries import list_entries, list_held, sum_open
from portal.analytics.types import Churn, Held, RevenueMetrics, SubscriptionMetrics, Trials
from portal.kit.periods import Period


def subscription_metrics(
    project_id: int, at: datetime, *, now: datetime, held: Sequence[Held] | None = None
) -> SubscriptionMetrics:
    """Return how a project's subscriptions stood just before `at`; from `now` on, how their rows say they stand."""
    known = list_held(project_id) if held is None else held
    states = rules.count_states(known, at, now)
    live = [one for one in known if rules.state_before(one, at, now) in rules.LIVE]
    return SubscriptionMetrics(
        project_id=project_id,
        at=at,
        by_status=states,
        live=len(live),
        leaving=sum(one.is_leaving for one in live),
        recurring=rules.recurring(known, at, now),
    )


def churn_metrics(project_id: int, period: Period, *, now: datetime, held: Sequence[Held] | None = None) -> Churn:
    """Return who left a project in a period and how recurring revenue moved."""
    known = list_held(project_id) if held is None else held
    return rules.churn(rules.moves(known, period, now), period)


def trial_metrics(project_id: int, period: Period, *, now: datetime, held: Sequence[Held] | None = None) -> Trials:
    """Return the trials of a project: running now, begun in a period, and what became of those that ended in it."""
    return rules.trials(list_held(project_id) if held is None else held, period, now)


def revenue_metrics(project_id: int, period: Period) -> RevenueMetrics:
    """Return what a project took in a period and what is billed and unpaid now, by currency."""
    return RevenueMetrics(project_id, period, rules.taken(list_entries(project_id, period), sum_open(project_id)))
