"""An OpenAPI 3.1 document from an API's table; its examples are asked of the operations themselves."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import orjson
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from portal.upstreams.answers import problem
from portal.upstreams.describing import EXAMPLE_NOW, Api, File, Operation

_REFERENCE = "#/components/schemas/{model}"
_PROBLEM = {
    "type": "object",
    "description": "A problem document (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}


class _Untitled(GenerateJsonSchema):
    """Schemas without the titles that only repeat the names of fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


@cache
def write(api: Api) -> bytes:
    """Return the document of an API as JSON: the same bytes wherever and whenever it is made."""
    schemas = _schemas(api)
    paths: dict[str, dict[str, Any]] = {}
    for operation in api.operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    asked_only = {operation.asks.__name__ for operation in api.operations if operation.method == "GET"}
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": api.title,
            "version": api.version,
            "summary": api.summary,
            "description": inspect.cleandoc(api.description),
            "license": {"name": "CC0-1.0", "identifier": "CC0-1.0"},
        },
        "servers": [
            {
                "url": f"https://upstreams.example/{api.name}",
                "description": "Behind the gateway the marketplace's own address is used.",
            }
        ],
        "tags": [{"name": name, "description": text} for name, text in api.tags.items()],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "key": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-API-Key",
                    "description": "The key of your subscription.",
                }
            },
            "schemas": {name: schema for name, schema in schemas.items() if name not in asked_only}
            | {"Problem": _PROBLEM},
            "responses": {"Fault": _fault()},
        },
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _schemas(api: Api) -> dict[str, Any]:
    wanted: dict[tuple[Any, JsonSchemaMode], None] = {}
    for operation in api.operations:
        wanted[(operation.asks, "validation")] = None
        if operation.answers:
            wanted[(operation.answers, "serialization")] = None
    _, found = models_json_schema(list(wanted), ref_template=_REFERENCE, schema_generator=_Untitled)
    schemas: dict[str, Any] = found["$defs"]
    for schema in schemas.values():
        schema.pop("title", None)
        schema.pop("additionalProperties", None)
    return schemas


def _operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    summary, _, rest = inspect.cleandoc(operation.run.__doc__ or "").partition("\n\n")
    described: dict[str, Any] = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": summary.rstrip("."),
        "description": rest or summary,
    }
    if operation.deprecated:
        described["deprecated"] = True
    asked = schemas[operation.asks.__name__]
    if operation.method == "GET":
        described["parameters"] = _parameters(operation, asked)
    else:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _reference(operation.asks), "example": operation.example}},
        }
    described["responses"] = {"200": _success(operation), "400": {"$ref": "#/components/responses/Fault"}}
    return described


def _parameters(operation: Operation, asked: dict[str, Any]) -> list[dict[str, Any]]:
    required = asked.get("required", [])
    found = []
    for name, schema in asked.get("properties", {}).items():
        plain = {key: value for key, value in schema.items() if key not in ("description", "examples")}
        found.append(
            {
                "name": name,
                "in": "path" if f"{{{name}}}" in operation.path else "query",
                "description": schema["description"],
                "required": name in required,
                "schema": plain,
                "example": schema["examples"][0],
            }
        )
    return found


def _success(operation: Operation) -> dict[str, Any]:
    given = operation.answer(operation.asks.model_validate(operation.example), EXAMPLE_NOW)
    if isinstance(given, File):
        is_text = given.media_type.startswith("text/") or given.media_type.endswith("+xml")
        content: dict[str, Any] = {"schema": {"type": "string"}}
        if is_text:
            content["example"] = given.content.decode()
        return {"description": "The file.", "content": {operation.media_type: content}}
    assert operation.answers is not None
    description = inspect.cleandoc(operation.answers.__doc__ or "The answer.").partition("\n\n")[0]
    content = {"schema": _reference(operation.answers), "example": given.model_dump(mode="json")}
    return {"description": description, "content": {"application/json": content}}


def _reference(model: type) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def _fault() -> dict[str, Any]:
    return {
        "description": "The request cannot be answered; `detail` says what to change.",
        "content": {
            "application/problem+json": {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "example": problem(400, "Unknown parameter `contry`. Known: country."),
            }
        },
    }
