"""For operators: the figures of a project, and behind each the rows that make it, as pages and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from flask import Blueprint, Flask, Response, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.exceptions import NotFound

from portal.analytics import exports, metrics, queries, reading, rules
from portal.analytics.api import bp as api
from portal.analytics.charts import money_chart, month_name, recurring_chart, shown
from portal.analytics.forms import Wish, period_of, read_wish
from portal.analytics.wording import kind_words, range_words, state_words
from portal.db import SYSTEM, scoped
from portal.projects.types import MARKETPLACE
from portal.web import duties
from portal.web.duties import Duty, Fact
from portal.web.formatting import number
from portal.web.plugs import plugs
from portal.web.principal import operator_required

bp = Blueprint("analytics", __name__, url_prefix="/admin/metrics")
MOST_SHOWN = 200  # rows of a list on a page; the CSV has all


def register(app: Flask) -> None:
    """Serve the figures to operators and to programs."""
    app.register_blueprint(bp)
    app.register_blueprint(api)
    duties.contribute(app, 10, _duty)


@bp.get("")
@operator_required
def index() -> str:
    """Show the figures of a project."""
    wish, now = _wish(), plugs().clock.now()
    with scoped(SYSTEM):
        figures = reading.read_figures(wish, now)
        projects = queries.list_projects()
    return render_template(
        "analytics/index.html",
        **_words(wish),
        figures=figures,
        projects=projects,
        recurring_chart=recurring_chart(figures.months, figures.currency),
        money_chart=money_chart(figures.months, figures.currency),
        month_name=month_name,
    )


@bp.get("/subscriptions")
@operator_required
def subscriptions() -> str:
    """List the subscriptions behind a figure, and their sum."""
    wish, now = _wish(), plugs().clock.now()
    with scoped(SYSTEM):
        rows = reading.list_rows(wish, now)
    values = {row.held.id: rules.value_before(row.held, now) for row in rows}
    sums: dict[str, Fraction] = {}
    for row in rows:
        sums[row.held.rate.currency] = sums.get(row.held.rate.currency, Fraction(0)) + values[row.held.id]
    return render_template(
        "analytics/subscriptions.html",
        **_words(wish),
        rows=rows[:MOST_SHOWN],
        total=len(rows),
        values=values,
        sums=sums,
    )


@bp.get("/moves")
@operator_required
def moves() -> str:
    """List who came, went, or changed what they pay per month."""
    wish, now = _wish(), plugs().clock.now()
    with scoped(SYSTEM):
        found = reading.list_moves(wish, now)
    sums: dict[str, Fraction] = {}
    for move, _named in found:
        sums[move.currency] = sums.get(move.currency, Fraction(0)) + move.after - move.before
    return render_template(
        "analytics/moves.html",
        **_words(wish),
        moves=found[:MOST_SHOWN],
        total=len(found),
        sums=sums,
        period=period_of(wish.range, now),
    )


@bp.get("/money")
@operator_required
def money() -> str:
    """List the payments and refunds behind the revenue."""
    wish, now = _wish(), plugs().clock.now()
    with scoped(SYSTEM):
        entries = reading.list_money(wish, now)
    return render_template(
        "analytics/money.html",
        **_words(wish),
        entries=entries[:MOST_SHOWN],
        total=len(entries),
        taken=rules.taken(entries, {}),
        period=period_of(wish.range, now),
    )


@bp.get("/subscriptions.csv")
@operator_required
def subscriptions_csv() -> Response:
    """Download the subscriptions behind a figure."""
    wish, now = _wish(), plugs().clock.now()
    with scoped(SYSTEM):
        rows = reading.list_rows(wish, now)
    values = {row.held.id: str(rules.value_before(row.held, now)) for row in rows}
    return _csv("subscriptions", exports.subscription_lines(rows, values))


@bp.get("/moves.csv")
@operator_required
def moves_csv() -> Response:
    """Download the moves of a period."""
    with scoped(SYSTEM):
        found = reading.list_moves(_wish(), plugs().clock.now())
    return _csv("moves", exports.move_lines(found))


@bp.get("/money.csv")
@operator_required
def money_csv() -> Response:
    """Download the payments and refunds of a period."""
    with scoped(SYSTEM):
        entries = reading.list_money(_wish(), plugs().clock.now())
    return _csv("money", exports.money_lines(entries))


def _wish() -> Wish:
    """Return what is wished for. Raises NotFound for a project that does not exist."""
    wish = read_wish(request.args)
    if wish.project != MARKETPLACE:
        with scoped(SYSTEM):
            known = {number for number, _name in queries.list_projects()}
        if wish.project not in known:
            raise NotFound
    return wish


def _words(wish: Wish) -> dict[str, Any]:
    return {
        "wish": wish,
        "shown_amount": shown,
        "range_words": range_words(),
        "state_words": state_words(),
        "kind_words": kind_words(),
        "most_shown": MOST_SHOWN,
    }


def _csv(name: str, lines: Iterator[str]) -> Response:
    today = f"{plugs().clock.now():%Y-%m-%d}"
    return Response(
        lines,
        content_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="{name}-{today}.csv"'},
    )


def _duty() -> Duty:
    about = _("Subscriptions, recurring revenue, churn, trials and money, from rows.")
    also = _("MRR churn revenue figures analytics statistics")
    return Duty(_("Metrics"), url_for("analytics.index"), about, _how_it_stands, also=also)


def _how_it_stands() -> list[Fact]:
    now = plugs().clock.now()
    found = metrics.subscription_metrics(MARKETPLACE, now, now=now)
    facts = [
        Fact(
            ngettext(
                "%(shown)s live subscription", "%(shown)s live subscriptions", found.live, shown=number(found.live)
            )
        )
    ]
    facts += [Fact(_("%(amount)s a month", amount=shown(one.active, one.currency))) for one in found.recurring]
    return facts
