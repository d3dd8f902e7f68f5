"""The usage page: how much, of what, how well, and each single call; the same figures as CSV."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    make_response,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFProtect

from portal.db import scoped
from portal.metering import api, market_pages, queries, readings
from portal.metering.calls import CallPage, list_calls, read_cursor
from portal.metering.charts import bar_rows, call_time, clock_time, usage_chart
from portal.metering.exports import bar_lines, call_lines
from portal.metering.forms import Wish, read_wish
from portal.metering.holdings import Holding, list_holdings, sample_path
from portal.metering.meters import Meter, meter_of
from portal.metering.report import read_report
from portal.metering.spans import Span, span_of, whole_hour_zone
from portal.metering.types import FirstCall
from portal.metering.wording import decision_words
from portal.web import health
from portal.web.nav import NavItem, contribute, link
from portal.web.negotiation import page_or_fragment, wants_fragment
from portal.web.palette import Asked, Entry, Group, offer
from portal.web.plugs import plugs
from portal.web.principal import Principal, get_principal, right_required

bp = Blueprint("metering", __name__)


def register(app: Flask, csrf: CSRFProtect) -> None:
    """Serve the usage page, the usage summary and the gateways' intake."""
    app.register_blueprint(bp)
    market_pages.register(app)
    api.register(app)
    csrf.exempt(api.bp)
    contribute(app, 40, _links)
    offer(app, _downloads)
    health.contribute(
        app, lambda: readings.read(plugs().clock.now()).warnings(), readings.Gauges(lambda: plugs().clock.now())
    )


def _links(principal: Principal | None) -> list[NavItem]:
    return [link(_("Usage"), url_for("metering.usage"))] if principal and principal.may("read") else []


def _downloads(asked: Asked) -> list[Entry]:
    account_id = asked.reader.account_id if asked.reader and asked.may("read") else None
    if account_id is None or not list_holdings(account_id):
        return []
    return [
        Entry(_("Download usage as CSV"), url_for("metering.usage_csv"), Group.ACTS, also=_("export table figures"))
    ]


@dataclass(frozen=True, slots=True)
class _Looking:
    """Who looks at what."""

    account_id: int
    holdings: list[Holding]
    chosen: list[Holding]
    wish: Wish
    span: Span
    now: datetime
    local_zone: str | None

    @property
    def ids(self) -> list[int]:
        return [held.subscription_id for held in self.chosen]


@bp.get("/usage")
@right_required("read")
def usage() -> Response:
    """Show the usage of the reader's organisation."""
    looking = _look()
    if looking is None:
        return page_or_fragment("metering/nothing.html", "metering/_nothing.html")
    first = _first_call(looking)
    if first is None:
        return page_or_fragment("metering/waiting.html", "metering/_waiting.html", **_waiting_context(looking))
    return page_or_fragment("metering/usage.html", "metering/_usage.html", **_usage_context(looking))


@bp.get("/usage/first-call")
@right_required("read")
def first_call() -> Response:
    """Answer the waiting page: still nothing (ask again a little later), or the call and the page it opens."""
    looking = _look()
    if looking is None:
        abort(404)
    first = _first_call(looking)
    if first is None:
        return make_response(render_template("metering/_listening.html", **_waiting_context(looking)))
    context = _usage_context(looking) | {"arrived": first}
    response = page_or_fragment("metering/usage.html", "metering/_usage.html", **context)
    response.headers["HX-Retarget"], response.headers["HX-Reswap"] = "#usage", "outerHTML"
    response.headers["HX-Push-Url"] = url_for("metering.usage", **looking.wish.link())
    return response


@bp.get("/subscriptions/<int:subscription_id>/usage")
@right_required("read")
def standing(subscription_id: int) -> ResponseReturnValue:
    """Tell the subscription's page how much of the period is used and how the last 30 days went."""
    if not wants_fragment():
        return redirect(url_for("metering.usage", subscription=subscription_id), 303)
    looking = _look(Wish(subscription=subscription_id, range="month"))
    if looking is None:
        abort(404)
    held = looking.chosen[0]
    report = read_report(looking.account_id, looking.ids, looking.span)
    return render_template(
        "metering/_standing.html",
        **_shared_context(looking),
        held=held,
        meters=_meters(looking, [held]),
        total=report.total,
        error_share=report.error_share,
        daily=[bar.usage.calls for bar in report.bars],
    )


@bp.get("/usage.csv")
@right_required("read")
def usage_csv() -> Response:
    """Download the bars of the page, or with `table=calls` the calls behind them."""
    looking = _look()
    if looking is None:
        abort(404)
    wants_calls = request.args.get("table") == "calls"
    reading = (looking.account_id, looking.chosen, looking.span)
    lines = call_lines(*reading, status_class=looking.wish.status) if wants_calls else bar_lines(*reading)
    name = f"{'calls' if wants_calls else 'usage'}-{looking.span.period.start:%Y-%m-%d}.csv"
    return Response(
        stream_with_context(_in_scope_of(get_principal(), lines)),
        content_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _in_scope_of(principal: Principal, lines: Iterator[str]) -> Iterator[str]:
    """Read while streaming as who asked: the request's own scope has ended when the server pulls the first line."""
    with scoped(principal.scope):
        yield from lines


def _look(wish: Wish | None = None) -> _Looking | None:
    """Return what is wished for, by the address if not told; None without any subscription.

    Another's subscription is not found.
    """
    principal, now, wish = get_principal(), plugs().clock.now(), wish or read_wish(request.args)
    holdings = list_holdings(principal.account_id) if principal.account_id is not None else []
    chosen = [held for held in holdings if wish.subscription in (None, held.subscription_id)]
    if not chosen and wish.subscription is not None:
        abort(404)
    if not chosen or principal.account_id is None:
        return None
    local = whole_hour_zone(principal.time_zone, now)
    zone = local if local and wish.local else "UTC"
    billing = chosen[0].period if len(chosen) == 1 else None
    span = span_of(wish.range, now, zone, billing)
    return _Looking(principal.account_id, holdings, chosen, wish, span, now, local)


def _first_call(looking: _Looking) -> FirstCall | None:
    return next(filter(None, (queries.find_first_call(held.subscription_id) for held in looking.chosen)), None)


def _usage_context(looking: _Looking) -> dict[str, Any]:
    report = read_report(looking.account_id, looking.ids, looking.span)
    until = queries.data_until(looking.account_id, looking.now)
    return {
        **_shared_context(looking),
        "arrived": None,
        "report": report,
        "chart": usage_chart(report, looking.chosen),
        "bar_rows": bar_rows,
        "meters": _meters(looking, looking.chosen),
        "log": _log(looking),
        "call_time": call_time,
        "decision_words": decision_words,
        "clock_time": clock_time,
        "data_until": until,
        "is_behind": (looking.now - until).total_seconds() > 1,
        "tries": _tries() + 1,
    }


def _waiting_context(looking: _Looking) -> dict[str, Any]:
    held = looking.chosen[0]
    address = f"{plugs().settings.gateway_url}/{held.api_path or ''}{sample_path(held.api_id)}"
    tries = _tries()
    return {
        **_shared_context(looking),
        "held": held,
        "curl": f"curl {shlex.quote(address)} \\\n  -H 'X-API-Key: {_('YOUR KEY')}'",
        "tries": tries + 1,
        "seconds": min(5.0, 2 + tries * 0.25),
    }


def _shared_context(looking: _Looking) -> dict[str, Any]:
    return {
        "holdings": looking.holdings,
        "chosen": looking.chosen,
        "wish": looking.wish,
        "may_buy": get_principal().may("buy"),
        "span": looking.span,
        "local_zone": looking.local_zone,
        "names": {held.subscription_id: held.name for held in looking.holdings},
        "bases": {held.subscription_id: f"/{held.api_path}" for held in looking.holdings},
    }


def _meters(looking: _Looking, holdings: Sequence[Holding]) -> list[tuple[Holding, Meter]]:
    """Return how much of its running period each subscription has used; one that has ended has none."""
    running = [held for held in holdings if not held.is_over]
    used = queries.usage_of_periods(looking.account_id, {held.subscription_id: held.period for held in running})
    return [(held, _meter(held, used[held.subscription_id].billable_calls)) for held in running]


def _meter(held: Holding, calls: int) -> Meter:
    # A gateway that cannot stop at a number of calls does not keep the limit, so the meter must not promise it.
    allowance = held.allowance if plugs().holds_limits else replace(held.allowance, stops_at=None)
    return meter_of(allowance, calls)


def _log(looking: _Looking) -> CallPage:
    wish = looking.wish
    at = read_cursor(wish.after, "newer") or read_cursor(wish.before, "older")
    return list_calls(looking.account_id, looking.ids, looking.span.period, status_class=wish.status, at=at)


def _tries() -> int:
    given = request.args.get("tries", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 6 else 0
