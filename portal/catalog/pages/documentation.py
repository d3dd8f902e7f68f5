"""The documentation of an API: one operation per request, and the whole document in the forms that tools read."""

from __future__ import annotations

import json
from typing import Any

import yaml
from flask import Blueprint, Response, abort, make_response, redirect, request
from werkzeug.http import http_date
from werkzeug.wrappers import Response as Redirect

from portal.catalog import markdown, neighbours, queries
from portal.catalog.frame import base_url_of, find_view, frame
from portal.catalog.openapi.parsing import parse_yaml
from portal.catalog.renditions.languages import LANGUAGES
from portal.catalog.renditions.postman import collection
from portal.catalog.renditions.samples import call_of, samples
from portal.catalog.types import ApiView, OperationLine, OperationView, VersionView
from portal.web.negotiation import page_or_fragment
from portal.web.preferences import remember_choice, safe_next
from portal.web.principal import public


def routes(bp: Blueprint) -> None:
    """Add the routes."""
    here = "/marketplace/<organisation>/<api>"
    bp.get(f"{here}/docs")(docs)
    bp.get(f"{here}/docs/<operation>")(operation)
    bp.get(f"{here}/openapi.<form>")(document)
    bp.get(f"{here}/postman.json")(postman)
    bp.post("/preferences/sample")(remember_sample)


@public
def docs(organisation: str, api: str) -> Response:
    """Introduce the documentation: the description in full, how to authenticate, what there is."""
    return _docs(find_view(organisation, api), None)


@public
def operation(organisation: str, api: str, operation: str) -> Response:
    """Document one operation. However large the document is, this reads one row of it."""
    view = find_view(organisation, api)
    found = queries.find_operation(view.version.id, operation) if view.version else None
    if found is None:
        abort(404)
    return _docs(view, found)


def _docs(view: ApiView, found: OperationView | None) -> Response:
    words = " ".join(request.args.get("find", "").split())[:100]
    tag = found.line.tag if found else ""
    if view.version is None:
        lines: list[OperationLine] = []
    elif words:
        lines = queries.filter_operations(view.version.id, words)
    else:
        lines = queries.list_operations(view.version.id, tag) if found else []
    context = frame(view, "docs") | {
        "operation": found,
        "open_tag": tag,
        "lines": lines,
        "find": words,
        "introduction": None if found else markdown.render(view.overview.get("description", "")),
        "samples": _samples(view, found) if found else [],
        "language": _language(request.cookies.get("sample")),
    }
    return page_or_fragment("catalog/docs.html", "catalog/_docs_swap.html", **context)


def _samples(view: ApiView, found: OperationView) -> list[tuple[str, str, str]]:
    return samples(call_of(found.line.method, found.line.path, found.detail, base_url_of(view)))


def _language(wanted: str | None) -> str:
    return wanted if wanted in LANGUAGES else "curl"


@public
def remember_sample() -> Response | Redirect:
    """Remember in which language a person reads samples, for browsers without scripts."""
    wanted = request.form.get("sample", "")
    response = redirect(safe_next(request.form.get("next")), 303)
    return remember_choice(response, "sample", wanted) if wanted in LANGUAGES else response


@public
def document(organisation: str, api: str, form: str) -> Response:
    """Download the document, as it was imported or in the other notation."""
    view = find_view(organisation, api)
    if view.version is None or form not in ("json", "yaml"):
        abort(404)
    raw, media_type = queries.get_document(view.version.id)
    if media_type != f"application/{form}":
        raw = _converted(raw, form)
    response = make_response(raw)
    response.mimetype = f"application/{form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{view.slug}-openapi.{form}"'
    response.set_etag(f"{view.version.id}-{view.version.byte_size}-{form}")
    return _with_farewell(response, view.version)


@public
def postman(organisation: str, api: str) -> Response:
    """Download every operation as a Postman collection."""
    view = find_view(organisation, api)
    if view.version is None:
        abort(404)
    requests = neighbours.list_requests(view.version.id)
    made = collection(view.name, view.version.name, view.summary, base_url_of(view), requests)
    response = make_response(json.dumps(made, ensure_ascii=False, indent=1))
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="{view.slug}.postman_collection.json"'
    return _with_farewell(response, view.version)


def _with_farewell(response: Response, version: VersionView) -> Response:
    """Tell programs what people read on the page: RFC 9745 (Deprecation) and RFC 8594 (Sunset)."""
    if version.deprecated_at is not None:
        response.headers["Deprecation"] = f"@{int(version.deprecated_at.timestamp())}"
    if version.sunset_at is not None:
        response.headers["Sunset"] = http_date(version.sunset_at)
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
