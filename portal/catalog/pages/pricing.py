"""What an API costs: plans, all they hold side by side, and what each would charge at a volume of one's own."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Response, request

from portal.catalog import price_tables, wording
from portal.catalog.frame import find_view, frame
from portal.pricing.asked import Volume, read_volume
from portal.pricing.types import Offer
from portal.pricing.volumes import best_of, best_offers, quote
from portal.web.negotiation import page_or_fragment
from portal.web.principal import public

_USUAL = 10_000


def routes(bp: Blueprint) -> None:
    """Add the route."""
    bp.get("/marketplace/<organisation>/<api>/pricing")(pricing)


@public
def pricing(organisation: str, api: str) -> Response:
    """Show the plans, compare them, and price them at the volume in the address. htmx gets the calculation alone."""
    context = frame(find_view(organisation, api), "pricing")
    offers: list[Offer] = context["offers"]
    volume = read_volume(request.args, _usual_volume(offers))
    context |= {"volume": volume, **_calculation(offers, volume)}
    context |= {
        "comparison": wording.comparison(offers),
        "steps": [(offer, price_tables.steps(offer.terms)) for offer in offers if price_tables.has_steps(offer.terms)],
    }
    status = 422 if volume.error else 200
    return page_or_fragment("catalog/pricing.html", "catalog/_calculator.html", status=status, **context)


def _usual_volume(offers: Sequence[Offer]) -> int:
    """What a plan of this API holds says more about a usual volume than any number of ours."""
    held = sorted(offer.terms.included_quantity for offer in offers if offer.terms.included_quantity)
    return held[len(held) // 2] if held else _USUAL


def _calculation(offers: Sequence[Offer], volume: Volume) -> dict[str, object]:
    if volume.calls is None or not offers:
        return {"quotes": [], "best": None, "ranges": [], "curve": None}
    quotes = [quote(offer, volume.calls) for offer in offers]
    best = best_of(quotes)
    return {
        "quotes": quotes,
        "best": best,
        "ranges": price_tables.ranges(best_offers(offers)) if len(offers) > 1 else [],
        "curve": price_tables.curve(offers, volume.calls),
    }
