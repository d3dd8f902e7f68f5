"""What metering adds to an API's page in the market: how reliable it is, and what the reader's own calls say.

The tab and the parts are served here because the catalog, which is below, knows no calls (docs/adr/0015).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Flask, Response, abort, make_response, render_template, request
from flask_babel import gettext as _

from portal.catalog import frame as listing
from portal.catalog import neighbours
from portal.catalog.comparing import Comparison, compare_versions, pair_of
from portal.catalog.matching import count_by_operation
from portal.catalog.queries import list_versions
from portal.catalog.types import ApiView
from portal.db import SYSTEM, scoped
from portal.kit.periods import Period
from portal.metering import quality_words, queries
from portal.metering.availability import SMALLEST_DAY, SMALLEST_SAMPLE
from portal.metering.charts import bar_label, reliability_charts
from portal.metering.holdings import list_holdings
from portal.metering.reliability import DAYS, Reliability, reliability_of
from portal.pricing.queries import list_offers
from portal.pricing.volumes import best_of, quote
from portal.web.negotiation import page_or_fragment
from portal.web.plugs import plugs
from portal.web.principal import get_principal, public, right_required

bp = Blueprint("metering_market", __name__)
LOOKING_BACK = timedelta(days=90)
REPLAYED = timedelta(days=30)
_HERE = "/marketplace/<organisation>/<api>"


def register(app: Flask) -> None:
    """Serve the tab and the parts."""
    app.register_blueprint(bp)
    listing.contribute_tab(app, 50, "reliability", lambda: _("Reliability"), "metering_market.reliability")


@bp.get(f"{_HERE}/reliability")
@public
def reliability(organisation: str, api: str) -> Response:
    """Show 90 days of how the provider answered: available or not, how fast, from how many calls."""
    view = listing.find_view(organisation, api)
    report = _report(view.id, plugs().clock.now())
    context = listing.frame(view, "reliability") | {
        "report": report,
        "charts_of": reliability_charts,
        "label": lambda start: bar_label(start, "day", "UTC", long=True),
        "words": quality_words,
        "smallest": SMALLEST_SAMPLE,
        "smallest_day": SMALLEST_DAY,
    }
    return make_response(render_template("metering/reliability.html", **context))


def _report(api_id: int, now: datetime) -> Reliability:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=DAYS - 1)
    with scoped(SYSTEM):  # sums over every subscriber; no account can be told from them
        days = queries.api_days(api_id, Period(first, today + timedelta(days=1)))
    return reliability_of(days, first)


@bp.get(f"{_HERE}/pricing/ours")
@right_required("read")
def replay(organisation: str, api: str) -> Response:
    """Price the calls of the reader's last 30 days on every plan."""
    view = listing.find_view(organisation, api)
    now = plugs().clock.now()
    calls = _billable_calls(view, Period(now - REPLAYED, now))
    offers = list_offers(view.product_id) if view.product_id is not None else []
    quotes = [quote(offer, calls) for offer in offers]
    context = listing.frame(view, "pricing") | {
        "calls": calls,
        "quotes": quotes,
        "best": best_of(quotes),
        "held_plans": [held.plan_name for held in _holdings(view) if not held.is_over],
        "since": now - REPLAYED,
        "until": now,
    }
    return page_or_fragment("metering/replay.html", "metering/_replay.html", **context)


def _holdings(view: ApiView) -> list[Any]:
    account_id = get_principal().account_id
    return [held for held in list_holdings(account_id) if held.api_id == view.id] if account_id is not None else []


def _billable_calls(view: ApiView, period: Period) -> int:
    account_id = get_principal().account_id
    if account_id is None:
        return 0
    found = queries.usage_of_periods(account_id, {held.subscription_id: period for held in _holdings(view)})
    return sum(usage.billable_calls for usage in found.values())


@bp.get(f"{_HERE}/versions/ours")
@right_required("read")
def affected(organisation: str, api: str) -> Response:
    """Say which changes between two versions are in operations that the reader called in the last 90 days."""
    view = listing.find_view(organisation, api)
    versions = list_versions(view.id, with_drafts=listing.is_own(view))
    pair = pair_of(versions, request.args.get("from"), request.args.get("to"))
    if pair is None:
        abort(404)
    comparison = compare_versions(*pair)
    context = listing.frame(view, "changes") | {
        "comparison": comparison,
        "hits": _hits(view, comparison),
        "is_part": request.headers.get("HX-Request") == "true",
    }
    return page_or_fragment("metering/affected.html", "metering/_affected.html", **context)


def _hits(view: ApiView, comparison: Comparison) -> list[tuple[Any, int]]:
    """The changed operations that were called, each with how often; those that break first, then the most called."""
    account_id, now = get_principal().account_id, plugs().clock.now()
    if account_id is None:
        return []
    called = queries.paths_called(account_id, view.id, Period(now - LOOKING_BACK, now))
    prefix = f"/{view.organisation}/{view.slug}"
    counts: dict[str, int] = {}
    for version in (comparison.old, comparison.new):  # a removed operation is known to the old version alone
        counts = count_by_operation(neighbours.list_every_operation(version.id), called, prefix) | counts
    hits = [(change, counts[change.operation.slug]) for change in comparison.operations
            if change.operation.slug in counts]  # fmt: skip
    return sorted(hits, key=lambda hit: (not hit[0].breaks, -hit[1]))
