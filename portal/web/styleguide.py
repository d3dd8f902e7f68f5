"""The style guide: every part of the interface in every state on one page. Only outside production."""

from __future__ import annotations

from flask import Blueprint, Flask, abort, render_template, request
from markupsafe import Markup

from portal.web.figures import Chart, Series, chart_data
from portal.web.formatting import number
from portal.web.nav import Nav, NavItem
from portal.web.principal import Principal, public
from portal.web.problems import Problem

bp = Blueprint("styleguide", __name__)
CASES = ("usual", "none", "extreme")
STATUSES = (400, 401, 403, 404, 405, 413, 422, 429, 500, 503)
_RISE = (3, 5, 4, 7, 9, 8, 12, 11, 14, 13, 17, 16, 21, 19, 24, 22, 20, 26, 29, 27, 31, 34, 30, 36, 39, 37, 41, 44, 40)
_WAVE = (*_RISE, 18)  # the last day is not over


def register(app: Flask) -> None:
    """Serve the guide at /styleguide."""
    app.register_blueprint(bp)


@bp.get("/styleguide")
@public
def index() -> str:
    """Show everything; `?case=` chooses usual, no or absurd data."""
    case = request.args.get("case", "usual")
    case = case if case in CASES else "usual"
    return render_template(
        "styleguide/index.html", case=case, cases=CASES, statuses=STATUSES, nav=sample_nav(case), **samples(case)
    )


@bp.get("/styleguide/errors/<int:status>")
@public
def error(status: int) -> str:
    """Answer with the error page of a status."""
    if status not in STATUSES:
        abort(404)
    raise Problem(status, "sample", "Sample", headers={"Retry-After": "30"} if status == 429 else {})


def sample_nav(case: str) -> Nav:
    """The bar as Cleo sees it; a stranger's when there is no data."""
    if case == "none":
        return Nav(items=[NavItem("APIs", "/marketplace", "/marketplace")], person=None, organisation=None)
    name = "Bureau of Extraordinarily Long Organisation Names" if case == "extreme" else "Blue Harbour"
    cleo = Principal("session", 3, "Cleo Marchetti", "cleo@blueharbour.example", 7, "blue-harbour", name, "owner")
    places = [
        ("APIs", "/marketplace"),
        ("Subscriptions", "/subscriptions"),
        ("Usage", "/usage"),
        ("Billing", "/billing"),
    ]
    items = [NavItem(label, href, href, is_current=label == "APIs") for label, href in places]
    return Nav(items=items, person=cleo, organisation=name, organisations=[(7, name), (8, "Night Ferry")])


def samples(case: str) -> dict[str, object]:
    """Data for the page. Absurd means very long and very large; none means a newcomer's empty account."""
    factor = {"usual": 137, "none": 0, "extreme": 99_999_999}[case]
    long = case == "extreme"
    return {
        "api_name": "The Complete International Exchange, Interest and Inflation Rates Archive for Everybody Since 1871"
        if long
        else "Exchange rates",
        "key": "mk_live_7Qf3Zt9KxW2bN8vLr5Yc1HdJm4Sp6Ga0_e91b",
        "calls": factor * 447,
        "spent": factor * 213,
        "values": [value * factor for value in _WAVE],
        "chart": usage_chart(factor),
        "lines": latency_chart(factor),
        "curl": Markup(
            "<span class='k'>curl</span> https://gateway.example/kestrel/rates/latest?base=EUR \\\n"
            "  -H <span class='s'>\"apikey: mk_live_7Qf3…\"</span>"
        ),
    }


def usage_chart(factor: int) -> Chart:
    """Calls per day in two series with a previous period, a mark and a day that is not over."""
    days = [f"{day} Nov" for day in range(1, len(_WAVE) + 1)]
    good = [value * factor for value in _WAVE]
    bad = [(value % 5) * factor for value in _WAVE]
    before = [value * factor * 0.8 for value in reversed(_WAVE)]
    return chart_data(
        days,
        [Series("Billed", good, 1), Series("Not billed", bad, 2), Series("Previous period", before, 8, faint=True)],
        unit="calls",
        summary=f"Calls per day in November; {number(sum(good))} billed and {number(sum(bad))} not billed so far.",
        partial=True,
        marks=[(11, "Plan changed to Pro")],
    )


def latency_chart(factor: int) -> Chart:
    """Two lines over a day."""
    hours = [f"{hour:02}:00" for hour in range(24)]
    middle = [(40 + value) * min(factor, 1000) / 137 for value in _WAVE[:24]]
    slow = [value * 3.1 for value in middle]
    return chart_data(
        hours,
        [Series("Median", middle, 3), Series("Slowest 5 %", slow, 4)],
        kind="line",
        unit="ms",
        summary="Response time by hour: median and the slowest five per cent.",
    )
