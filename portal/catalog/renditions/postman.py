"""A Postman collection (format 2.1) of an API: every operation with its parameters and an example body. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from portal.catalog.types import OperationRequest

SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"


def collection(
    name: str, version: str, summary: str, base_url: str, requests: Iterable[OperationRequest]
) -> dict[str, Any]:
    """Return the collection as JSON values. The key is a variable, so that nobody shares theirs with the file."""
    folders: dict[str, list[dict[str, Any]]] = {}
    for request in requests:
        folders.setdefault(request.tag, []).append(_item(request))
    loose = folders.pop("", [])
    return {
        "info": {"name": name, "description": summary, "version": version, "schema": SCHEMA},
        "auth": {
            "type": "apikey",
            "apikey": [_pair("key", "X-API-Key"), _pair("value", "{{apiKey}}"), _pair("in", "header")],
        },
        "variable": [{"key": "baseUrl", "value": base_url}, {"key": "apiKey", "value": ""}],
        "item": [{"name": tag, "item": items} for tag, items in folders.items()] + loose,
    }


def _pair(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value, "type": "string"}


def _item(request: OperationRequest) -> dict[str, Any]:
    headers = [_field(each) for each in request.parameters if each["in"] == "header"]
    found: dict[str, Any] = {
        "method": request.method.upper(),
        "header": headers,
        "url": _url(request),
        "description": request.description,
    }
    if request.media_type:
        headers.append({"key": "Content-Type", "value": request.media_type})
        language = "json" if "json" in request.media_type else "text"
        found["body"] = {
            "mode": "raw", "raw": request.example, "options": {"raw": {"language": language}},
        }  # fmt: skip
    return {"name": request.summary or f"{request.method.upper()} {request.path}", "request": found, "response": []}


def _url(request: OperationRequest) -> dict[str, Any]:
    path = request.path
    variables, query = [], []
    for each in request.parameters:
        if each["in"] == "path":
            path = path.replace("{" + each["name"] + "}", ":" + each["name"])
            variables.append({"key": each["name"], "value": each.get("sample", ""), "description": each["note"]})
        elif each["in"] == "query":
            query.append(_field(each) | {"disabled": not each["required"]})
    raw = "{{baseUrl}}" + path
    wanted = "&".join(f"{each['key']}={each['value']}" for each in query if not each["disabled"])
    parts = [part for part in path.split("/") if part]
    found: dict[str, Any] = {"raw": f"{raw}?{wanted}" if wanted else raw, "host": ["{{baseUrl}}"], "path": parts}
    return found | ({"query": query} if query else {}) | ({"variable": variables} if variables else {})


def _field(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {"key": parameter["name"], "value": parameter.get("sample", ""), "description": parameter["note"]}
