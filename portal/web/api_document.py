"""The descriptions of the JSON endpoints as one OpenAPI 3.1 document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from flask import Flask
from pydantic import BaseModel

from portal.web.describing import TAGS, Operation, operations

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
