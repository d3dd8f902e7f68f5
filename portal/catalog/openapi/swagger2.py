"""Swagger 2.0 read as if it were OpenAPI 3: the differences that matter to a reader, moved to where 3 has them."""

from __future__ import annotations

from typing import Any

from portal.catalog.openapi.references import References

_SCHEMA_KEYS = (
    "type", "format", "items", "enum", "default", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "pattern",
)  # fmt: skip


def servers(tree: dict[str, Any]) -> list[dict[str, Any]]:
    """Return `host`, `basePath` and `schemes` as a list of servers."""
    host, path = tree.get("host"), tree.get("basePath")
    if not isinstance(host, str) or not host:
        return [{"url": path}] if isinstance(path, str) and path else []
    schemes = tree.get("schemes") if isinstance(tree.get("schemes"), list) else ["https"]
    base = path if isinstance(path, str) else ""
    return [{"url": f"{scheme}://{host}{base}"} for scheme in schemes or ["https"]]


def security_scheme(scheme: dict[str, Any]) -> dict[str, Any]:
    """Return a security definition in the form of OpenAPI 3."""
    return {**scheme, "type": "http", "scheme": "basic"} if scheme.get("type") == "basic" else scheme


def operation(
    tree: dict[str, Any], operation: dict[str, Any], parameters: list[dict[str, Any]], references: References
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return an operation with `requestBody` and response `content`, and the parameters that stay parameters."""
    plain = [_parameter(item) for item in parameters if item.get("in") not in ("body", "formData")]
    found = {**operation, "responses": _responses(tree, operation, references)}
    consumes = _types(operation.get("consumes") or tree.get("consumes"))
    bodies = [item for item in parameters if item.get("in") == "body"]
    fields = [item for item in parameters if item.get("in") == "formData"]
    if bodies:
        content = {media: {"schema": bodies[0].get("schema", {})} for media in consumes}
        found["requestBody"] = {
            "content": content,
            "required": bodies[0].get("required") is True,
            "description": bodies[0].get("description"),
        }
    elif fields:
        found["requestBody"] = {"content": {_form_type(consumes, fields): {"schema": _form(fields)}}, "required": True}
    return found, plain


def _parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    if "schema" in parameter:
        return parameter
    return {**parameter, "schema": {key: parameter[key] for key in _SCHEMA_KEYS if key in parameter}}


def _form(fields: list[dict[str, Any]]) -> dict[str, Any]:
    properties = {}
    for item in fields:
        schema = {key: item[key] for key in (*_SCHEMA_KEYS, "description") if key in item}
        if schema.get("type") == "file":
            schema |= {"type": "string", "format": "binary"}
        properties[str(item.get("name", ""))] = schema
    required = [str(item.get("name", "")) for item in fields if item.get("required") is True]
    return {"type": "object", "properties": properties, "required": required}


def _form_type(consumes: list[str], fields: list[dict[str, Any]]) -> str:
    for media in consumes:
        if "form" in media:
            return media
    has_file = any(item.get("type") == "file" for item in fields)
    return "multipart/form-data" if has_file else "application/x-www-form-urlencoded"


def _responses(tree: dict[str, Any], operation: dict[str, Any], references: References) -> dict[str, Any]:
    produces = _types(operation.get("produces") or tree.get("produces"))
    responses = operation.get("responses")
    found: dict[str, Any] = {}
    for status, item in responses.items() if isinstance(responses, dict) else ():
        response, _reference = references.resolve(item, f"/responses/{status}")
        headers = response.get("headers")
        listed = headers.items() if isinstance(headers, dict) else ()
        found[status] = {
            "description": response.get("description"),
            "headers": {name: _parameter(header) for name, header in listed if isinstance(header, dict)},
        }
        if response.get("schema"):
            given = response.get("examples")
            examples = given if isinstance(given, dict) else {}
            found[status]["content"] = {
                media: {"schema": response["schema"], **({"example": examples[media]} if media in examples else {})}
                for media in produces
            }
    return found


def _types(value: Any) -> list[str]:
    found = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    return found[:6] or ["application/json"]
