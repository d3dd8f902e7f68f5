"""The market: finding an API, reading about it, reading its documentation, seeing what it costs."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import yaml
from flask import Blueprint, Response, abort, current_app, make_response, render_template, request, url_for
from markupsafe import Markup, escape

from portal.catalog import markdown, queries, wording
from portal.catalog.documents import parse_yaml
from portal.catalog.errors import UnknownApi
from portal.catalog.forms import read_search, search_arguments
from portal.catalog.samples import call_of, curl, samples
from portal.catalog.searching import PAGE_SIZE, search, with_choice, without
from portal.catalog.types import ApiView, FacetValue, Found, OperationLine, Search
from portal.pricing.queries import list_offers, list_offers_for
from portal.pricing.words import headline
from portal.web.negotiation import page_or_fragment
from portal.web.plugs import plugs
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


@bp.get("/marketplace/<organisation>/<api>")
@public
def show(organisation: str, api: str) -> Response:
    """Say what an API does, how to start, what it costs and who stands behind it."""
    view = _api(organisation, api)
    says_more = view.description.strip() != view.summary
    about, has_more = markdown.opening(view.description) if says_more else ("", False)
    sample = _sample_line(view)
    return _page(
        "catalog/show.html",
        view,
        tab="overview",
        about=about,
        has_more=has_more,
        first_call=curl(call_of(sample.method, sample.path, sample.detail, _base_url(view))) if sample else None,
        versions=queries.list_versions(view.id, with_drafts=_is_own(view)),
        other_apis=max(0, queries.count_listed(view.organisation_id) - 1),
    )


@bp.get("/marketplace/<organisation>/<api>/docs")
@public
def docs(organisation: str, api: str) -> Response:
    """Introduce the documentation: the description in full, how to authenticate, what there is."""
    view = _api(organisation, api)
    return _docs(view, None, "")


@bp.get("/marketplace/<organisation>/<api>/docs/<operation>")
@public
def operation(organisation: str, api: str, operation: str) -> Response:
    """Document one operation. However large the document is, this reads one row of it."""
    view = _api(organisation, api)
    found = queries.find_operation(view.version.id, operation) if view.version else None
    if found is None:
        abort(404)
    call = call_of(found.line.method, found.line.path, found.detail, _base_url(view))
    return _docs(view, found, found.line.tag, samples=samples(call))


def _docs(view: ApiView, found: Any, tag: str, **context: Any) -> Response:
    words = " ".join(request.args.get("find", "").split())[:100]
    if view.version is None:
        lines: list[OperationLine] = []
    elif words:
        lines = queries.filter_operations(view.version.id, words)
    else:
        lines = queries.list_operations(view.version.id, tag) if found else []
    return _page(
        "catalog/docs.html",
        view,
        fragment="catalog/_docs_swap.html",
        tab="docs",
        operation=found,
        open_tag=tag,
        lines=lines,
        find=words,
        versions=queries.list_versions(view.id, with_drafts=_is_own(view)),
        introduction=markdown.render(view.overview.get("description", "")) if found is None else None,
        samples=context.get("samples", []),
    )


@bp.get("/marketplace/<organisation>/<api>/pricing")
@public
def pricing(organisation: str, api: str) -> Response:
    """Show the plans and compare them."""
    view = _api(organisation, api)
    offers = list_offers(view.product_id) if view.product_id is not None else []
    return _page("catalog/pricing.html", view, tab="pricing", comparison=wording.comparison(offers))


@bp.get("/marketplace/<organisation>/<api>/openapi.<form>")
@public
def document(organisation: str, api: str, form: str) -> Response:
    """Download the document, as it was imported or in the other notation."""
    view = _api(organisation, api)
    if view.version is None or form not in ("json", "yaml"):
        abort(404)
    raw, media_type = queries.get_document(view.version.id)
    if media_type != f"application/{form}":
        raw = _converted(raw, form)
    response = make_response(raw)
    response.mimetype = f"application/{form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{view.slug}-openapi.{form}"'
    response.set_etag(f"{view.version.id}-{view.version.byte_size}-{form}")
    return response


def _converted(raw: bytes, form: str) -> bytes:
    text = raw.decode("utf-8-sig")
    if form == "json":
        return json.dumps(parse_yaml(text), indent=2, ensure_ascii=False).encode()
    dumped: str = yaml.dump(json.loads(text), Dumper=_PlainDumper, sort_keys=False, allow_unicode=True, width=1_000)
    return dumped.encode()


class _PlainDumper(yaml.CSafeDumper):
    """Writes every repeated value out: our own importer refuses aliases, and so do others."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _api(organisation: str, slug: str) -> ApiView:
    principal = find_principal()
    try:
        return queries.get_api(
            principal.organisation_id if principal else None, organisation, slug, request.args.get("version") or None
        )
    except UnknownApi:
        abort(404)


def _is_own(view: ApiView) -> bool:
    principal = find_principal()
    return principal is not None and principal.organisation_id == view.organisation_id


def _base_url(view: ApiView) -> str:
    return f"{plugs().settings.gateway_url}/{view.organisation}/{view.slug}"


def _sample_line(view: ApiView) -> Any:
    return queries.find_sample(view.version.id) if view.version else None


def _page(template: str, view: ApiView, *, fragment: str = "", **context: Any) -> Response:
    chosen = {"version": view.version.name} if view.version and not view.version.is_default else {}
    address = {"organisation": view.organisation, "api": view.slug, **chosen}
    offers = list_offers(view.product_id) if view.product_id is not None else []
    context |= {
        "api": view,
        "address": address,
        "base_url": _base_url(view),
        "offers": offers,
        "wording": wording,
        "render": markdown.render,
        "is_own": _is_own(view),
        "can_buy": "payments.review" in current_app.view_functions,
        "has_panel": view.product_id is not None
        and find_principal() is not None
        and "subscriptions.panel" in current_app.view_functions,
    }
    if fragment:
        return page_or_fragment(template, fragment, **context)
    return make_response(render_template(template, **context))
