"""The JSON endpoints, as they describe themselves: `/api/openapi.json` for programs, `/api` for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Flask, current_app, jsonify, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import BaseModel

from portal.web.api_document import document
from portal.web.describing import Operation, operations, place_of
from portal.web.palette import Asked, Entry, Group, offer
from portal.web.plugs import plugs
from portal.web.principal import public

bp = Blueprint("describing", __name__)


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
        groups=sorted(groups.items(), key=lambda group: place_of(group[0])),
        origin=plugs().settings.public_url.rstrip("/"),
        fields_of=fields_of,
        curl_of=curl_of,
        as_text=lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    )


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


def _type_words(said: Mapping[str, Any]) -> str:
    if "anyOf" in said:
        return " | ".join(_type_words(each) for each in said["anyOf"] if each.get("type") != "null")
    if "enum" in said or "const" in said:
        return " | ".join(f'"{each}"' for each in said.get("enum", [said.get("const")]))
    if said.get("format") == "date-time":
        return "instant"
    return str(said.get("type", "any"))
