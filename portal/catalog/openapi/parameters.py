"""Parameters prepared for reading."""

from __future__ import annotations

import re
from typing import Any

from portal.catalog.openapi.examples import ExampleMaker
from portal.catalog.openapi.references import References, escape
from portal.catalog.openapi.schemas import Budget, SchemaReader, as_text, first_example, limits_of
from portal.catalog.openapi.texts import text_of

_PLACES = {"path": 0, "query": 1, "header": 2, "cookie": 3}


class ParameterReader:
    """Reads the parameters of one document's operations. What cannot be shown is reported through `references`."""

    def __init__(self, references: References, schemas: SchemaReader, examples: ExampleMaker) -> None:
        self._references, self._schemas, self._examples = references, schemas, examples

    def collect(self, path: str, item: dict[str, Any], operation: dict[str, Any], pointer: str) -> list[dict[str, Any]]:
        """Return the parameters of an operation and its path, as written: required ones first, then by place."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        for owner, base in ((item, pointer.rsplit("/", 1)[0]), (operation, pointer)):
            listed = owner.get("parameters")
            for n, entry in enumerate(listed if isinstance(listed, list) else ()):
                there = f"{base}/parameters/{n}"
                parameter, _reference = self._references.resolve(entry, there)
                name, place = parameter.get("name"), parameter.get("in")
                if not isinstance(name, str) or not isinstance(place, str):
                    self._references.report(there, "A parameter needs a name and a place (`in`).")
                    continue
                found[name, place] = parameter
        named = {name for name, place in found if place == "path"}
        for name in re.findall(r"\{([^{}]{1,120})\}", path):
            if name not in named:
                self._references.report(pointer, f"The path names {name!r} but no parameter describes it.")
                found[name, "path"] = {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        return sorted(found.values(), key=_parameter_order)

    def describe(self, parameter: dict[str, Any], pointer: str) -> dict[str, Any]:
        """Return what the page shows of one parameter."""
        schema = parameter.get("schema")
        content = parameter.get("content")
        if schema is None and isinstance(content, dict) and content:
            first = next(iter(content.values()))
            schema = first.get("schema") if isinstance(first, dict) else None
        there = f"{pointer}/parameters/{escape(str(parameter['name']))}"
        node = self._schemas.read(schema or {}, there, Budget(12))
        flat, _reference = self._schemas.flatten(schema or {}, there)
        example = _parameter_example(parameter, flat, self._references)
        made = example if example is not None else self._examples.make(schema or {})
        return {
            "name": parameter["name"][:200],
            "in": parameter["in"][:20],
            "required": parameter.get("required") is True or parameter["in"] == "path",
            "deprecated": parameter.get("deprecated") is True,
            "note": text_of(parameter.get("description"), 4000) or node.pop("note", ""),
            "schema": node,
            "limits": limits_of(flat),
            "example": as_text(example, 200) if example is not None else "",
            "sample": as_text(made, 200) if made is not None else "",
        }


def _parameter_order(parameter: dict[str, Any]) -> tuple[bool, int]:
    place = str(parameter.get("in"))
    return (not (parameter.get("required") is True or place == "path"), _PLACES.get(place, 9))


def _parameter_example(parameter: dict[str, Any], schema: dict[str, Any], references: References) -> Any:
    if parameter.get("example") is not None:
        return parameter["example"]
    named = parameter.get("examples")
    if isinstance(named, dict) and named:
        first, _reference = references.resolve(next(iter(named.values())), "")
        if first.get("value") is not None:
            return first["value"]
    return first_example(schema)
