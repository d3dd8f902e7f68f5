"""The market: finding an API. The pages of one API are in the modules beside this one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request, url_for
from markupsafe import Markup, escape

from portal.catalog import wording
from portal.catalog.forms import read_search, search_arguments
from portal.catalog.searching import PAGE_SIZE, search, with_choice, without
from portal.catalog.types import FacetValue, Found, Search
from portal.pricing.queries import list_offers_for
from portal.pricing.words import headline
from portal.web.negotiation import page_or_fragment
from portal.web.principal import find_principal, public

bp = Blueprint("catalog", __name__)


@bp.get("/marketplace")
@public
def index() -> Response:
    """Find APIs by words, category, price and provider."""
    wanted = read_search(request.args)
    found = search(wanted)
    if wanted.page > 1 and not found.cards:
        wanted = replace(wanted, page=1)
        found = search(wanted)
    offers = list_offers_for([card.product_id for card in found.cards if card.product_id is not None])
    prices = {product: headline(listed) for product, listed in offers.items()}
    context = _finder(wanted, found) | {"prices": prices}
    return page_or_fragment("catalog/index.html", "catalog/_results.html", **context)


def _finder(wanted: Search, found: Found) -> dict[str, Any]:
    pages = max(1, -(-found.total // PAGE_SIZE))
    first = (wanted.page - 1) * PAGE_SIZE + 1
    return {
        "search": wanted,
        "found": found,
        "facets": _facets(wanted, found),
        "chips": _chips(wanted, found),
        "pages": pages,
        "first": first,
        "last": first + len(found.cards) - 1,
        "url_of_page": lambda n: _address(replace(wanted, page=n)),
        "kept_for_search": search_arguments(replace(wanted, text="", sort="newest", page=1)),
        "kept_for_sort": search_arguments(replace(wanted, sort="relevance" if wanted.text else "newest", page=1)),
        "marked": marked,
        "wording": wording,
        "may_publish": (principal := find_principal()) is not None and principal.may("publish"),
    }


def _address(wanted: Search) -> str:
    arguments: dict[str, Any] = dict(search_arguments(wanted))
    return url_for("catalog.index", **arguments)


def _facets(wanted: Search, found: Found) -> list[tuple[str, list[dict[str, Any]]]]:
    labels = {value.value: wording.category(value.value) for value in found.categories}
    return [
        ("category", [_choice(wanted, "category", value, labels[value.value]) for value in found.categories]),
        ("price", [_choice(wanted, "price", value, wording.price_kind(value.value)) for value in found.prices]),
        ("provider", [_choice(wanted, "provider", value, value.label) for value in found.providers]),
    ]


def _choice(wanted: Search, dimension: str, value: FacetValue, label: str) -> dict[str, Any]:
    is_current = getattr(wanted, dimension) == value.value
    target = with_choice(wanted, dimension, None if is_current else value.value)
    return {"label": label, "count": value.count, "url": _address(target), "current": is_current}


def _chips(wanted: Search, found: Found) -> list[tuple[str, str]]:
    chips = []
    if wanted.text:
        chips.append((f"“{wanted.text}”", _address(replace(wanted, text="", sort="newest", page=1))))
    if wanted.category:
        chips.append((wording.category(wanted.category), _address(without(wanted, "category"))))
    if wanted.price:
        chips.append((wording.price_kind(wanted.price), _address(without(wanted, "price"))))
    if wanted.provider:
        name = next((value.label for value in found.providers if value.value == wanted.provider), wanted.provider)
        chips.append((name, _address(without(wanted, "provider"))))
    return chips


def marked(text: str) -> Markup:
    """Return a text with \\x02…\\x03 turned into `<mark>`; everything else is escaped."""
    safe = str(escape(text)).replace("\x02", "<mark>").replace("\x03", "</mark>")
    return Markup(safe)  # noqa: S704 - escaped above; only the marks are ours
