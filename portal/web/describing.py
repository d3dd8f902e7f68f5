"""What the JSON endpoints are, said once beside each of them: `/api/openapi.json` for programs, `/api` for people.

A view says with `described` what its address, docstring and access rule do not say already: the models of its body and
query, an example of its answer, and how it may refuse. Everything else is read from the view itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Blueprint, Flask, current_app, jsonify, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel

from portal.web.palette import Asked, Entry, Group, offer
from portal.web.plugs import plugs
from portal.web.principal import public

View = TypeVar("View", bound=Callable[..., Any])
bp = Blueprint("describing", __name__)
TAGS = ("Checkout", "Entitlements", "Premium", "Subscriptions", "Usage", "Prices", "Metrics", "Webhooks", "Operators")
_USUAL = {
    401: "No credential, or one that is not live.",
    403: "The credential does not allow this.",
    422: "Some fields need attention; `errors` names them.",
    429: "Too many requests; `Retry-After` says how long to wait.",
}


@dataclass(frozen=True, slots=True)
class Description:
    """What a view says about itself beside its address. `answer` is an example; `refusals` maps statuses to sentences."""

    tag: str
    answer: Any
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    refusals: Mapping[int, str] = field(default_factory=dict)
    is_idempotent: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One endpoint, ready to be written down."""

    method: str
    path: str
    endpoint: str
    summary: str
    text: str
    access: str
    description: Description

    @property
    def anchor(self) -> str:
        """Where it stands on the page."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.method}-{self.path}".lower()).strip("-")

    @property
    def refusals(self) -> dict[int, str]:
        """Every way in which it may refuse."""
        usual = {status: text for status, text in _USUAL.items() if self.access != "public" or status in (422, 429)}
        return dict(sorted({**usual, **self.description.refusals}.items()))


def described(tag: str, *, answer: Any, **more: Any) -> Callable[[View], View]:
    """Say what an endpoint takes and gives; stands right above the function, so that every wrapper carries it on."""

    def decorate(view: View) -> View:
        view.__dict__["described"] = Description(tag, answer, **more)
        return view

    return decorate


def register(app: Flask) -> None:
    """Serve both forms."""
    app.register_blueprint(bp)
    offer(app, _entries)


def _entries(_asked: Asked) -> Iterator[Entry]:
    also = _("OpenAPI endpoints JSON description integrate")
    yield Entry(_("API of the portal"), url_for("describing.index"), Group.PAGES, also=also)


@bp.get("/api/openapi.json")
@public
def openapi() -> ResponseReturnValue:
    """Return the description of every JSON endpoint, as OpenAPI 3.1."""
    response = jsonify(document(current_app, plugs().settings.public_url.rstrip("/")))
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


@bp.get("/api")
@public
def index() -> str:
    """Show the same for people to read."""
    groups: dict[str, list[Operation]] = {}
    for operation in operations(current_app):
        groups.setdefault(operation.description.tag, []).append(operation)
    return render_template(
        "describing/index.html",
        groups=sorted(groups.items(), key=lambda group: _place(group[0])),
        origin=plugs().settings.public_url.rstrip("/"),
        fields_of=fields_of,
        curl_of=curl_of,
        as_text=lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    )


def operations(app: Flask) -> list[Operation]:
    """Return every endpoint that describes itself, by tag, path and method."""
    found: list[Operation] = []
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        description = view.__dict__.get("described")
        if description is None:
            continue
        words = " ".join((view.__doc__ or "").split("\n\n")[0].split())
        rest = "\n\n".join(" ".join(part.split()) for part in (view.__doc__ or "").split("\n\n")[1:])
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        found.extend(
            Operation(method, path, rule.endpoint, words, rest.strip(), view.__dict__["access"], description)
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        )
    return sorted(found, key=lambda one: (_place(one.description.tag), one.path, one.method))


def document(app: Flask, origin: str) -> dict[str, Any]:
    """Return the OpenAPI document."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {"Problem": _PROBLEM}
    for operation in operations(app):
        paths.setdefault(operation.path, {})[operation.method.lower()] = _written(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{app.config['SETTINGS'].product_name} API",
            "version": "1",
            "description": "Errors are `application/problem+json` (RFC 9457). Times are UTC with `Z`. Money is integer"
            " minor units with a currency, unless an endpoint says otherwise.",
        },
        "servers": [{"url": origin}],
        "tags": [{"name": name} for name in TAGS],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": _SCHEMES},
    }


def fields_of(model: type[BaseModel] | None) -> list[tuple[str, str, bool, str]]:
    """Return the fields of a body or query: name, type in words, whether it must be there, what it is."""
    if model is None:
        return []
    schema = model.model_json_schema()
    required = set(schema.get("required", ()))
    return [
        (name, _type_words(said), name in required, said.get("description", ""))
        for name, said in schema.get("properties", {}).items()
    ]


def curl_of(operation: Operation, origin: str) -> str:
    """Return a call to paste, with the example's values."""
    description = operation.description
    credential = {"app": '-H "X-API-Key: YOUR_APP_KEY"'}.get(operation.access.partition(":")[0])
    if credential is None and operation.access != "public":
        credential = '-H "Authorization: Bearer YOUR_TOKEN"'
    parts = [f"curl -X {operation.method}" if operation.method != "GET" else "curl"]
    address = origin + operation.path
    if operation.method == "GET" and description.request:
        address += "?" + "&".join(f"{name}={value}" for name, value in description.request.items())
    parts[0] += f' "{address}"'
    if credential:
        parts.append(credential)
    if description.body is not None:
        if description.is_idempotent:
            parts.append('-H "Idempotency-Key: $(uuidgen)"')
        parts.append('-H "Content-Type: application/json"')
        parts.append(f"-d '{json.dumps(dict(description.request), ensure_ascii=False)}'")
    return " \\\n  ".join(parts)


def _written(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    description = operation.description
    written: dict[str, Any] = {
        "tags": [description.tag],
        "operationId": operation.endpoint.replace(".", "_"),
        "summary": operation.summary,
        "security": _security(operation.access),
        "parameters": [*_path_parameters(operation.path), *_query_parameters(description.query)],
        "responses": {
            str(description.status): {
                "description": "As asked.",
                "content": {"application/json": {"example": description.answer, "schema": _shape(description.answer)}},
            },
            **{
                str(status): {
                    "description": text,
                    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
                for status, text in operation.refusals.items()
            },
        },
    }
    if operation.text:
        written["description"] = operation.text
    if description.is_idempotent:
        written["parameters"].append(_IDEMPOTENCY)
    if description.body is not None:
        name = (
            description.body.__name__
            if description.body.__name__ not in schemas
            else operation.endpoint.replace(".", "_")
        )
        schemas[name] = _plain(description.body)
        content: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{name}"}}
        if description.request:
            content["example"] = dict(description.request)
        written["requestBody"] = {"required": True, "content": {"application/json": content}}
    return written


def _plain(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return schema


def _query_parameters(model: type[BaseModel] | None) -> Iterator[dict[str, Any]]:
    if model is None:
        return
    schema = model.model_json_schema()
    required = set(schema.get("required", ()))
    for name, said in schema.get("properties", {}).items():
        yield {"name": name, "in": "query", "required": name in required, "schema": _without_titles(said)}


def _path_parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        yield {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _without_titles(said: Any) -> Any:
    if isinstance(said, dict):
        return {name: _without_titles(value) for name, value in said.items() if name != "title"}
    return [_without_titles(each) for each in said] if isinstance(said, list) else said


def _shape(example: Any) -> dict[str, Any]:
    """Return the schema that an example implies: types and names, nothing that it does not show."""
    if isinstance(example, dict):
        return {"type": "object", "properties": {name: _shape(value) for name, value in example.items()}}
    if isinstance(example, list):
        return {"type": "array", "items": _shape(example[0]) if example else {}}
    kinds: dict[type, str] = {bool: "boolean", int: "integer", float: "number", str: "string"}
    return {"type": kinds[type(example)]} if type(example) in kinds else {}


def _security(access: str) -> list[dict[str, list[str]]]:
    if access == "public":
        return []
    return [{"appKey": []}] if access.startswith("app:") else [{"organisationToken": []}, {"session": []}]


def _type_words(said: Mapping[str, Any]) -> str:
    if "anyOf" in said:
        return " | ".join(_type_words(each) for each in said["anyOf"] if each.get("type") != "null")
    if "enum" in said or "const" in said:
        return " | ".join(f'"{each}"' for each in said.get("enum", [said.get("const")]))
    if said.get("format") == "date-time":
        return "instant"
    return str(said.get("type", "any"))


def _place(tag: str) -> int:
    return TAGS.index(tag) if tag in TAGS else len(TAGS)


_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "description": "Stable name of the refusal, such as `/problems/unknown-price`."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do next."},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
_SCHEMES = {
    "appKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "organisationToken": {"type": "http", "scheme": "bearer"},
    "session": {"type": "apiKey", "in": "cookie", "name": "session"},
}
_IDEMPOTENCY = {
    "name": "Idempotency-Key", "in": "header", "required": False,
    "description": "The same request, sent twice with the same key, has one effect and gets one answer, for a day.",
    "schema": {"type": "string", "maxLength": 255},
}  # fmt: skip
