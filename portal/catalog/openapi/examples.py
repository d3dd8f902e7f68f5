"""Examples: the author's where there are any, else made up from the schema."""

from __future__ import annotations

import json
from typing import Any

from portal.catalog.openapi.schemas import SchemaReader, first_example

LONGEST = 12_000
_FORMATS: dict[str, str] = {
    "date-time": "2026-01-31T09:30:00Z",
    "date": "2026-01-31",
    "time": "09:30:00Z",
    "email": "ada@example.com",
    "uuid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "byte": "aGVsbG8=",
    "binary": "(binary)",
    "password": "********",
}


class ExampleMaker:
    """Makes values that fit schemas of one document."""

    def __init__(self, schemas: SchemaReader) -> None:
        self._schemas = schemas

    def make(self, schema: Any, *, hides: str = "") -> Any:
        """Return a value for a schema: examples, defaults and enumerations first, four levels deep at most."""
        return self._value(schema, hides, 0, (), [400])

    def _value(self, schema: Any, hides: str, level: int, path: tuple[str, ...], left: list[int]) -> Any:
        left[0] -= 1
        if not isinstance(schema, dict):
            return None
        found, reference = self._schemas.flatten(schema, "")
        if reference is not None and reference in path:
            return {}
        given = first_example(found)
        if given is not None:
            return given
        for key in ("const", "default"):
            if found.get(key) is not None:
                return found[key]
        choices = found.get("enum")
        if isinstance(choices, list) and choices:
            return choices[0]
        inner = path if reference is None else (*path, reference)
        return self._compound(found, hides, level, inner, left)

    def _compound(self, schema: dict[str, Any], hides: str, level: int, path: tuple[str, ...], left: list[int]) -> Any:
        if level > 4 or left[0] <= 0:
            return {}
        properties = schema.get("properties")
        if isinstance(properties, dict) and properties:
            return {
                key: self._value(item, hides, level + 1, path, left)
                for key, item in list(properties.items())[:40]
                if not (isinstance(item, dict) and hides and item.get(hides) is True)
            }
        if schema.get("type") == "array" or isinstance(schema.get("items"), dict):
            return [self._value(schema.get("items"), hides, level + 1, path, left)] if schema.get("items") else []
        for key in ("oneOf", "anyOf"):
            options = schema.get(key)
            if isinstance(options, list) and options:
                return self._value(options[0], hides, level + 1, path, left)
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict) and extra:
            return {"key": self._value(extra, hides, level + 1, path, left)}
        return _scalar(schema)


def _scalar(schema: dict[str, Any]) -> Any:
    kinds = schema.get("type")
    kind = next((k for k in kinds if k != "null"), None) if isinstance(kinds, list) else kinds
    lowest = schema.get("minimum")
    if kind in ("integer", "number"):
        return lowest if isinstance(lowest, (int, float)) and not isinstance(lowest, bool) else 1
    if kind == "boolean":
        return True
    if kind == "object":
        return {}
    if kind == "null":
        return None
    return _FORMATS.get(str(schema.get("format", "")), "string")


def render(value: Any, media_type: str) -> str:
    """Return an example as text, at most 12,000 characters."""
    if isinstance(value, str) and "json" not in media_type:
        text = value
    elif "x-www-form-urlencoded" in media_type or "form-data" in media_type:
        pairs = value.items() if isinstance(value, dict) else ()
        text = "\n".join(f"{key}={item if isinstance(item, str) else json.dumps(item)}" for key, item in pairs)
    else:
        text = json.dumps(value, indent=2, ensure_ascii=False)
    return text if len(text) <= LONGEST else text[: LONGEST - 2] + "\n…"
