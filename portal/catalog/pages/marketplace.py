"""One API of the market: reading about it, reading its documentation, seeing what it costs."""

from __future__ import annotations

import json
from typing import Any

import yaml
from flask import Blueprint, Response, abort, current_app, make_response, render_template, request

from portal.catalog import markdown, queries, wording
from portal.catalog.documents import parse_yaml
from portal.catalog.errors import UnknownApi
from portal.catalog.samples import call_of, curl, samples
from portal.catalog.types import ApiView, OperationLine
from portal.pricing.queries import list_offers
from portal.web.negotiation import page_or_fragment
from portal.web.plugs import plugs
from portal.web.principal import find_principal, public

bp = Blueprint("catalog", __name__)


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
