"""The pictures that links to APIs and providers show elsewhere. Public words only: a draft has no picture, even for its owner."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, abort, url_for
from flask_babel import force_locale
from werkzeug.wrappers import Response

from portal.catalog import providers, queries
from portal.catalog.errors import UnknownApi
from portal.catalog.facts import find_facts
from portal.catalog.providers import UnknownProvider
from portal.catalog.types import SMALLEST_SAMPLE, ApiView, MeasuredFacts
from portal.logos.queries import find_picture
from portal.logos.types import LARGE
from portal.pricing.queries import list_offers
from portal.pricing.types import Offer
from portal.pricing.words import headline
from portal.web.formatting import number, percent
from portal.web.pictures import Words, answer, public_address
from portal.web.plugs import plugs
from portal.web.principal import public


def routes(bp: Blueprint) -> None:
    """Add the routes."""
    bp.get("/marketplace/<organisation>/<api>/picture/<digest>.png")(picture)
    bp.get("/marketplace/<organisation>/picture/<digest>.png")(provider_picture)


@public
def picture(organisation: str, api: str, digest: str) -> Response:
    """Answer with the picture of a public API."""
    try:
        view = queries.get_api(None, organisation, api)
    except UnknownApi:
        abort(404)
    offers = list_offers(view.product_id) if view.product_id is not None else []
    words = words_of(view, offers, find_facts(view.id))
    return answer(words, digest, _address(view, words), find_logo)


def picture_of(view: ApiView, offers: Sequence[Offer], facts: MeasuredFacts | None) -> str:
    """Return the whole address of the picture of an API with these prices and figures; empty for a draft."""
    return public_address(_address(view, words_of(view, offers, facts))) if view.state != "draft" else ""


def _address(view: ApiView, words: Words) -> str:
    return url_for("catalog.picture", organisation=view.organisation, api=view.slug, digest=words.digest)


def words_of(view: ApiView, offers: Sequence[Offer], facts: MeasuredFacts | None) -> Words:
    """Return what stands on an API's picture: its name, who offers it, one line, a price, what was measured."""
    with force_locale("en"):
        return Words(
            site=plugs().settings.product_name,
            title=view.name,
            by=view.organisation_name,
            line=view.summary,
            price=headline(offers),
            facts=_coarse_facts(facts),
            logo=view.logo or "",
        )


def find_logo(digest: str) -> bytes | None:
    """Return a logo that everybody may see, for drawing it onto a picture."""
    return find_picture(digest, LARGE)


def _coarse_facts(facts: MeasuredFacts | None) -> tuple[str, ...]:
    """Coarser than on the page, so that a picture is not another one every hour; nothing from too few calls."""
    if facts is None or facts.calls_90d < SMALLEST_SAMPLE or facts.uptime is None:
        return ()
    p95 = (f"p95 {number(_coarse(facts.p95_ms))} ms",) if facts.p95_ms is not None else ()
    calls = f"about {number(_coarse(facts.calls_30d))} calls in 30 days"
    return (f"up {percent(float(facts.uptime))} in 90 days", *p95, calls)


def _coarse(value: int) -> int:
    """Return a whole number with its two first digits."""
    unit = int("1" + "0" * (len(str(value)) - 2))
    return value // unit * unit


@public
def provider_picture(organisation: str, digest: str) -> Response:
    """Answer with the picture of a provider who has something in the market."""
    words = _provider_words(organisation)
    if words is None:
        abort(404)
    address = url_for("catalog.provider_picture", organisation=organisation, digest=words.digest)
    return answer(words, digest, address, find_logo)


def picture_of_provider(organisation: str) -> str:
    """Return the whole address of a provider's picture; empty for who offers nothing."""
    words = _provider_words(organisation)
    if words is None:
        return ""
    return public_address(url_for("catalog.provider_picture", organisation=organisation, digest=words.digest))


def _provider_words(organisation: str) -> Words | None:
    try:
        view = providers.get_provider(None, organisation)
    except UnknownProvider:
        return None
    with force_locale("en"):
        by = f"{number(view.listed)} {'API' if view.listed == 1 else 'APIs'} in the market"
        return Words(
            site=plugs().settings.product_name,
            title=view.name,
            by=by,
            line=view.description or "",
            logo=view.logo or "",
        )
