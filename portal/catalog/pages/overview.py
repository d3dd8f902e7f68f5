"""The first page of an API, and the same in plain text for programs that read."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template
from flask_babel import force_locale

from portal.catalog import markdown, neighbours, queries
from portal.catalog.frame import base_url_of, find_view, frame, is_own
from portal.catalog.openapi.preparing import real_answer
from portal.catalog.renditions.languages import curl
from portal.catalog.renditions.plain_text import plain_text
from portal.catalog.renditions.samples import call_of
from portal.catalog.types import ApiView, SampleOperation
from portal.pricing.queries import list_offers, list_offers_for
from portal.pricing.words import headline
from portal.web.pictures import public_address
from portal.web.principal import public


def routes(bp: Blueprint) -> None:
    """Add the routes."""
    bp.get("/marketplace/<organisation>/<api>")(show)
    bp.get("/marketplace/<organisation>/<api>/llms.txt")(llms)


@dataclass(frozen=True, slots=True)
class Example:
    """A call with the answer its author wrote down, empty when there is none."""

    operation: SampleOperation
    call: str
    answer: str


@public
def show(organisation: str, api: str) -> Response:
    """Say what an API does, how to start, what it costs and who stands behind it."""
    view = find_view(organisation, api)
    says_more = view.description.strip() != view.summary
    about, has_more = markdown.opening(view.description) if says_more else ("", False)
    similar = neighbours.list_similar(view.id, view.organisation_id, view.category, view.tags)
    siblings = neighbours.list_siblings(view.id, view.organisation_id)
    prices = list_offers_for([each.product_id for each in similar if each.product_id is not None])
    context = frame(view, "overview") | {
        "about": about,
        "has_more": has_more,
        "examples": _examples(view),
        "versions": queries.list_versions(view.id, with_drafts=is_own(view)),
        "similar": similar,
        "siblings": siblings,
        "prices": {product: headline(offers) for product, offers in prices.items()},
        "other_apis": max(0, queries.count_listed(view.organisation_id) - 1),
    }
    return make_response(render_template("catalog/show.html", **context))


def _examples(view: ApiView) -> list[Example]:
    if view.version is None:
        return []
    chosen = queries.list_samples(view.version.id, view.overview.get("showcase", ()))
    if not chosen:
        first = queries.find_sample(view.version.id)
        chosen = [first] if first else []
    base = base_url_of(view)
    return [
        Example(each, curl(call_of(each.method, each.path, each.detail, base)), real_answer(each.detail))
        for each in chosen
    ]


@public
def llms(organisation: str, api: str) -> Response:
    """Describe the API in plain text: what it does, how it is called, what it costs, every operation. In English."""
    view = find_view(organisation, api)
    offers = list_offers(view.product_id) if view.product_id is not None else []
    operations = neighbours.list_every_operation(view.version.id) if view.version else []
    with force_locale("en"):
        text = plain_text(view, offers, operations, base_url=base_url_of(view), link=public_address)
    response = make_response(text)
    response.mimetype = "text/plain"
    return response
