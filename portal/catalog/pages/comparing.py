"""Comparing APIs: an address that names up to four and a volume says everything, so it can be shared and printed."""

from __future__ import annotations

from typing import Any

from flask import Response, request, url_for

from portal.catalog.finding import side_by_side
from portal.catalog.finding.costs import USUAL_VOLUME
from portal.catalog.forms import read_number
from portal.catalog.pages.marketplace import bp
from portal.catalog.pages.shelf import card_tools
from portal.catalog.rules import SLUG
from portal.pricing.volumes import FARTHEST as MOST_CALLS
from portal.pricing.words import headline
from portal.web.negotiation import page_or_fragment
from portal.web.principal import public


@bp.get("/marketplace/compare")
@public
def compare() -> Response:
    """Show up to four APIs side by side. What is unknown or beyond the fourth is left out and said."""
    asked = [pair for each in request.args.getlist("api")[:40] if (pair := _address_of(each))]
    known = side_by_side.find_ids(asked)
    volume = read_number(request.args.get("calls", ""), USUAL_VOLUME, MOST_CALLS)
    columns = side_by_side.compare(known, volume)
    # What reads the same is equally low: a fraction of a cent is no reason to prefer one.
    costs = [column.cheapest.monthly for column in columns if column.cheapest is not None]
    lowest = min((cost.amount for cost in costs), default=None) if len({cost.currency for cost in costs}) == 1 else None
    return page_or_fragment(
        "catalog/compare.html",
        "catalog/_comparison.html",
        columns=columns,
        volume=volume,
        lowest=lowest,
        currencies=sorted(
            {plan.offer.terms.currency.upper() for one in columns for plan in one.plans if not plan.offer.is_free}
        ),
        prices=[headline([plan.offer for plan in column.plans]) for column in columns],
        addresses=[_text(column) for column in columns],
        url_without=lambda gone: _url([column for column in columns if column is not gone], volume),
        unknown=len(dict.fromkeys(asked)) - len(known),
        beyond=max(0, len(known) - side_by_side.MOST),
        most=side_by_side.MOST,
        **card_tools(),
    )


def _address_of(text: str) -> tuple[str, str] | None:
    organisation, slash, api = text.partition("/")
    return (organisation, api) if slash and SLUG.match(organisation) and SLUG.match(api) else None


def _text(column: side_by_side.Compared) -> str:
    return f"{column.card.organisation}/{column.card.slug}"


def _url(columns: list[side_by_side.Compared], volume: int) -> str:
    calls: dict[str, Any] = {"calls": volume} if volume != USUAL_VOLUME else {}
    return url_for("catalog.compare", api=[_text(column) for column in columns], **calls)
