"""Everything the page of figures shows, from one reading of the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.analytics import metrics, queries, rules
from portal.analytics.forms import Wish, period_of
from portal.analytics.trends import Month, months_to, trend
from portal.analytics.types import Churn, Entry, Flow, Held, Move, Named, RevenueMetrics, SubscriptionMetrics, Trials
from portal.kit.periods import Period


@dataclass(frozen=True, slots=True)
class Figures:
    """A project's figures of now and of a period, and twelve months of one currency."""

    period: Period
    subscriptions: SubscriptionMetrics
    churn: Churn
    trials: Trials
    revenue: RevenueMetrics
    currency: str
    currencies: tuple[str, ...]
    months: Sequence[Month]


@dataclass(frozen=True, slots=True)
class Row:
    """A subscription in a list, with its state and what it comes to per month."""

    held: Held
    named: Named
    state: str


def read_figures(wish: Wish, now: datetime) -> Figures:
    """Return the figures that are wished for. Run it as the system."""
    period = period_of(wish.range, now)
    year = months_to(now)
    held = queries.list_held(wish.project)
    entries = queries.list_entries(wish.project, Period(year[0].start, year[-1].end))
    subscriptions = metrics.subscription_metrics(wish.project, now, now=now, held=held)
    revenue = metrics.revenue_metrics(wish.project, period)
    moved = metrics.churn_metrics(wish.project, period, now=now, held=held)
    currencies = _currencies(subscriptions, revenue, moved.flows, entries)
    chosen = wish.currency if wish.currency in currencies else currencies[0] if currencies else "eur"
    return Figures(
        period=period,
        subscriptions=subscriptions,
        churn=moved,
        trials=metrics.trial_metrics(wish.project, period, now=now, held=held),
        revenue=revenue,
        currency=chosen,
        currencies=currencies,
        months=trend(held, entries, chosen, now),
    )


def list_rows(wish: Wish, now: datetime) -> list[Row]:
    """Return the subscriptions behind a figure of now: in a state, in a currency. Run it as the system."""
    held = [
        one
        for one in queries.list_held(wish.project)
        if wish.state in (None, one.status) and wish.currency in (None, one.rate.currency)
    ]
    names = queries.name_subscriptions([one.id for one in held])
    return [Row(one, names[one.id], rules.state_before(one, now, now) or "") for one in held]


def list_moves(wish: Wish, now: datetime) -> list[tuple[Move, Named]]:
    """Return the moves behind a figure of the period: of a kind, in a currency, the largest first."""
    found = [
        move
        for move in rules.moves(queries.list_held(wish.project), period_of(wish.range, now), now)
        if move.kind is not None and wish.kind in (None, move.kind) and wish.currency in (None, move.currency)
    ]
    names = queries.name_subscriptions([one.subscription_ids[-1] for one in found])
    found.sort(key=lambda move: (move.currency, -abs(move.after - move.before), move.account_id, move.product_id))
    return [(move, names[move.subscription_ids[-1]]) for move in found]


def list_money(wish: Wish, now: datetime) -> list[Entry]:
    """Return the money behind the revenue of the period, newest first."""
    entries = queries.list_entries(wish.project, period_of(wish.range, now))
    return [one for one in entries if wish.currency in (None, one.currency)]


def _currencies(
    subscriptions: SubscriptionMetrics, revenue: RevenueMetrics, flows: Sequence[Flow], entries: Sequence[Entry]
) -> tuple[str, ...]:
    """Return every currency that a figure is in, those with the most subscriptions first."""
    found = [
        *(one.currency for one in subscriptions.recurring),
        *(one.currency for one in revenue.taken),
        *(one.currency for one in flows),
        *sorted({one.currency for one in entries}),
    ]
    return tuple(dict.fromkeys(found))
