"""Where everything stands: the last run, what is open, how it went lately."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date
from flask_babel import gettext as _

from portal.audit.service import record
from portal.db import SYSTEM, scoped, transaction
from portal.kit.csv_lines import Cell, csv_lines
from portal.reconciliation import queries, running
from portal.reconciliation.forms import MOST_AT_ONCE, read_page, read_wanted
from portal.reconciliation.pages.blueprint import bp, request_id
from portal.reconciliation.queries import Wanted
from portal.reconciliation.rules import alerts_of
from portal.reconciliation.views import MismatchView, RunView
from portal.web.figures import Chart, Series, chart_data
from portal.web.formatting import date_pattern, number
from portal.web.plugs import plugs
from portal.web.principal import get_principal, operator_required

MOST_ROWS = 5_000


@bp.get("/admin/billing")
@operator_required
def index() -> ResponseReturnValue:
    """Show the last run, what is open, and how it went lately."""
    wanted, page, now = read_wanted(request.args), read_page(request.args), plugs().clock.now()
    with scoped(SYSTEM):
        found, total = queries.list_mismatches(wanted, now, page=page)
        runs = queries.list_runs()
        context = {"overview": queries.overview(now), **_state()}
    pages = max(1, -(-total // queries.PAGE))
    return render_template(
        "reconciliation/index.html",
        wanted=wanted,
        found=found,
        total=total,
        page=min(page, pages),
        pages=pages,
        address=partial(_address, wanted),
        page_url=lambda number: _address(wanted, page=number),
        runs=runs,
        trend=_trend(runs),
        now=now,
        most=MOST_AT_ONCE,
        **context,
    )


@bp.get("/admin/billing/state")
@operator_required
def state() -> ResponseReturnValue:
    """Show how far the run is; when it has ended, have the page around it loaded anew."""
    with scoped(SYSTEM):
        context = _state()
    answer = make_response(render_template("reconciliation/_state.html", now=plugs().clock.now(), **context))
    if request.headers.get("HX-Request") and not context["is_running"]:
        answer.headers["HX-Refresh"] = "true"
    return answer


@bp.post("/admin/billing/runs")
@operator_required
def begin() -> ResponseReturnValue:
    """Begin a run; workers work it off."""
    ports = plugs()
    rules = running.rules_of(ports.settings)
    age = timedelta(0) if request.form.get("all") else rules.age
    with transaction(SYSTEM):
        actor = get_principal().actor
        begun = running.start("operator", actor=actor, now=ports.clock.now(), days_back=rules.days_back, age=age)
        if begun is not None:
            record("reconciliation.begin", f"recon_run:{begun}", actor=actor, request_id=request_id())
    if begun is None:
        flash(_("A comparison is running already. Here it is."), "info")
    return redirect(url_for("reconciliation.index"), 303)


@bp.get("/admin/billing/mismatches.csv")
@operator_required
def export() -> Response:
    """Hand out the list as CSV, under the same filters."""
    now = plugs().clock.now()
    with scoped(SYSTEM):
        found, _total = queries.list_mismatches(read_wanted(request.args), now, limit=MOST_ROWS)
    answer = Response(csv_lines(_HEADER, _rows(found)), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="reconciliation-{now:%Y-%m-%d}.csv"'
    return answer


_HEADER = (
    "id", "code", "severity", "whose", "what", "subject", "field", "ours", "theirs", "cause", "at risk", "currency",
    "first seen", "last seen", "left out until", "resolved",
)  # fmt: skip


def _rows(found: list[MismatchView]) -> Iterator[tuple[Cell, ...]]:
    for one in found:
        for difference in one.differences:
            yield (
                one.id, one.code, one.severity, one.whose, one.title, one.subject, difference.field,
                _cell(difference.ours), _cell(difference.theirs), one.cause,
                one.at_risk.amount if one.at_risk else None, one.at_risk.currency if one.at_risk else None,
                one.first_seen_at, one.last_seen_at, one.suppressed_until, one.resolved_at,
            )  # fmt: skip


def _cell(value: object) -> Cell:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if value is None or isinstance(value, int) else str(value)


def _state() -> dict[str, object]:
    """Return what the part about the last run shows."""
    ports = plugs()
    last, finished = queries.find_latest_run(), queries.find_latest_run(finished=True)
    enabled = ports.settings.reconciliation_enabled
    return {
        "last": last,
        "finished": finished,
        "is_running": last is not None and last.is_running,
        "alerts": alerts_of(last, finished, enabled=enabled, now=ports.clock.now()),
        "enabled": enabled,
        "hour": ports.settings.reconciliation_schedule_hour,
        "min_age": ports.settings.reconciliation_min_age_minutes,
        "keeps_copy": bool(ports.gateway and ports.gateway.needs_key_text),
    }


def _address(wanted: Wanted, **changed: Any) -> str:
    """Return the address of this list with some of its filters changed."""
    kept: dict[str, Any] = {
        "state": None if wanted.state == "open" else wanted.state,
        "severity": wanted.severity,
        "code": wanted.code,
        "q": wanted.words or None,
    }
    endpoint = str(changed.pop("endpoint", "reconciliation.index"))
    return url_for(endpoint, **{**kept, **changed})


def _trend(runs: list[RunView]) -> Chart:
    """Return how many records disagreed in each of the last runs, oldest first."""
    shown = [one for one in reversed(runs) if not one.is_running]
    return chart_data(
        [str(format_date(one.started_at, date_pattern("d MMM"))) for one in shown],
        [
            Series(_("Disagree"), [one.mismatched for one in shown], slot=2),
            Series(_("Unknown"), [one.unknown for one in shown], slot=3),
            Series(_("Healed by itself"), [one.healed for one in shown], slot=1),
        ],
        unit=_("records"),
        summary=_("Records that did not agree in the last %(n)s runs.", n=number(len(shown))),
        show=number,
    )
