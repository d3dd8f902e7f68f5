"""A JSON schema as a tree for reading: four levels, recursion named instead of followed, a budget of lines."""

from __future__ import annotations

import json
from typing import Any

from portal.catalog.openapi.references import References, short_name

Node = dict[str, Any]
MAX_LEVELS = 4
MAX_FIELDS = 80
MAX_CHOICES = 10
MAX_ENUM = 24
_LONGEST_NOTE = 1_500
_LIMITS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
)


class Budget:
    """How many more lines a tree may have, so that one page stays one page."""

    def __init__(self, lines: int) -> None:
        self.left = lines
        self.is_spent = False

    def take(self) -> bool:
        """Use one line up; False when there is none."""
        if self.left <= 0:
            self.is_spent = True
            return False
        self.left -= 1
        return True


class SchemaReader:
    """Turns schemas of one document into trees. `hides` is the side that does not apply: readOnly in a request."""

    def __init__(self, references: References) -> None:
        self._references = references

    def read(self, schema: Any, pointer: str, budget: Budget, *, hides: str = "", name: str = "") -> Node:
        """Return the tree of a schema."""
        return self._node(schema, pointer, name, budget, hides, 0, ())

    def flatten(self, schema: Any, pointer: str) -> tuple[dict[str, Any], str | None]:
        """Return a schema with its references and its `allOf` parts merged, and the reference it came by."""
        found, reference = self._references.resolve(schema, pointer)
        return self._merged(found, pointer, (reference,), 0), reference

    def _node(
        self, schema: Any, pointer: str, name: str, budget: Budget, hides: str, level: int, path: tuple[str, ...]
    ) -> Node:
        if isinstance(schema, bool):
            return {"name": name, "type": "any" if schema else "nothing"}
        found, reference = self._references.resolve(schema, pointer)
        node: Node = {"name": name}
        if reference:
            node["ref"] = short_name(reference)
        if reference is not None and reference in path:
            return node | {"type": node["ref"], "stops": "recursion"}
        found = self._merged(found, pointer, (reference,), 0)
        node |= self._facts(found, pointer)
        inner = (*path, reference) if reference is not None else path
        holds = self._holds(found)
        if holds and level >= MAX_LEVELS:
            return node | {"stops": "depth"}
        if holds:
            self._fill(node, found, pointer, budget, hides, level, inner)
        return node

    def _facts(self, schema: dict[str, Any], pointer: str) -> Node:
        facts: Node = {"type": self._type(schema, pointer)}
        note = schema.get("description") or schema.get("title")
        if isinstance(note, str) and note.strip():
            facts["note"] = note.strip()[:_LONGEST_NOTE]
        for key, flag in (("deprecated", "deprecated"), ("readOnly", "read_only"), ("writeOnly", "write_only")):
            if schema.get(key) is True:
                facts[flag] = True
        limits = limits_of(schema)
        if limits:
            facts["limits"] = limits
        choices = schema.get("enum")
        if isinstance(choices, list) and choices:
            facts["enum"] = [as_text(choice, 80) for choice in choices[:MAX_ENUM]]
            facts["enum_total"] = len(choices)
        if "const" in schema:
            facts["enum"], facts["enum_total"] = [as_text(schema["const"], 80)], 1
        if "default" in schema:
            facts["default"] = as_text(schema["default"], 200)
        example = first_example(schema)
        if example is not None and not isinstance(example, (dict, list)):
            facts["example"] = as_text(example, 200)
        return facts

    def _type(self, schema: dict[str, Any], pointer: str, level: int = 0) -> str:
        kinds = schema.get("type")
        names = [str(kind) for kind in kinds] if isinstance(kinds, list) else [str(kinds)] if kinds else []
        nullable = schema.get("nullable") is True or "null" in names
        names = [kind for kind in names if kind != "null"] or [_implied_type(schema)]
        text = " or ".join(names)[:60]
        if names == ["array"] and level < 3:
            item, reference = self.flatten(schema.get("items", {}), f"{pointer}/items")
            inner = self._type(item, f"{pointer}/items", level + 1)
            text = f"array of {short_name(reference) if reference and inner == 'object' else inner}"
        shape = schema.get("format")
        if isinstance(shape, str) and shape and names != ["array"]:
            text += f" · {shape[:40]}"
        return f"{text} or null" if nullable else text

    def _holds(self, schema: dict[str, Any]) -> bool:
        if schema.get("properties") or schema.get("oneOf") or schema.get("anyOf"):
            return True
        if isinstance(schema.get("additionalProperties"), dict) and schema["additionalProperties"]:
            return True
        items = schema.get("items")
        if not isinstance(items, dict) or not items:
            return False
        inner, _reference = self.flatten(items, "")
        return self._holds_shallow(inner)

    def _holds_shallow(self, schema: dict[str, Any]) -> bool:
        keys = ("properties", "oneOf", "anyOf", "items", "enum")
        return any(schema.get(key) for key in keys) or isinstance(schema.get("additionalProperties"), dict)

    def _fill(
        self,
        node: Node,
        schema: dict[str, Any],
        pointer: str,
        budget: Budget,
        hides: str,
        level: int,
        path: tuple[str, ...],
    ) -> None:
        fields = self._fields(schema, pointer, budget, hides, level, path)
        if fields:
            node["children"] = fields
        total = len(schema["properties"]) if isinstance(schema.get("properties"), dict) else 0
        if total > MAX_FIELDS:
            node["more"] = total - MAX_FIELDS
        items = schema.get("items")
        if isinstance(items, dict) and items and budget.take():
            item = self._node(items, f"{pointer}/items", "", budget, hides, level + (not fields), path)
            node["item"] = item
        for key in ("oneOf", "anyOf"):
            options = schema.get(key)
            if isinstance(options, list) and options:
                self._choices(node, key, options, pointer, budget, hides, level, path)

    def _fields(
        self, schema: dict[str, Any], pointer: str, budget: Budget, hides: str, level: int, path: tuple[str, ...]
    ) -> list[Node]:
        properties = schema.get("properties")
        listed = properties.items() if isinstance(properties, dict) else ()
        wanted = schema.get("required")
        required = {key for key in wanted if isinstance(key, str)} if isinstance(wanted, list) else set()
        fields: list[Node] = []
        # Required first, each group in the author's order: what must be filled in is read first.
        for key, item in sorted(listed, key=lambda pair: pair[0] not in required)[:MAX_FIELDS]:
            if isinstance(item, dict) and hides and item.get(hides) is True:
                continue
            if not budget.take():
                break
            child = self._node(item, f"{pointer}/properties/{key}", key[:120], budget, hides, level + 1, path)
            fields.append(child | {"required": True} if key in required else child)
        extra = schema.get("additionalProperties")
        if isinstance(extra, dict) and extra and budget.take():
            there = f"{pointer}/additionalProperties"
            child = self._node(extra, there, "", budget, hides, level + 1, path)
            fields.append(child | {"any_key": True})
        return fields

    def _choices(
        self,
        node: Node,
        key: str,
        options: list[Any],
        pointer: str,
        budget: Budget,
        hides: str,
        level: int,
        path: tuple[str, ...],
    ) -> None:
        shown: list[Node] = []
        for n, option in enumerate(options[:MAX_CHOICES]):
            if not budget.take():
                break
            shown.append(self._node(option, f"{pointer}/{key}/{n}", "", budget, hides, level + 1, path))
        node["choices"] = shown
        node["choice_kind"] = "one" if key == "oneOf" else "any"
        if len(options) > MAX_CHOICES:
            node["more_choices"] = len(options) - MAX_CHOICES

    def _merged(self, schema: dict[str, Any], pointer: str, path: tuple[str | None, ...], depth: int) -> dict[str, Any]:
        parts = schema.get("allOf")
        if not isinstance(parts, list) or depth > 8:
            return schema
        merged: dict[str, Any] = {}
        for n, part in enumerate(parts[:30]):
            found, reference = self._references.resolve(part, f"{pointer}/allOf/{n}")
            if reference is not None and reference in path:
                continue
            _merge(merged, self._merged(found, f"{pointer}/allOf/{n}", (*path, reference), depth + 1))
        _merge(merged, {key: value for key, value in schema.items() if key != "allOf"})
        return merged


def _merge(into: dict[str, Any], part: dict[str, Any]) -> None:
    for key, value in part.items():
        if key == "properties" and isinstance(value, dict) and isinstance(into.get(key), dict):
            into[key] = {**into[key], **value}
        elif key == "required" and isinstance(value, list) and isinstance(into.get(key), list):
            into[key] = [*into[key], *value]
        else:
            into[key] = value


def limits_of(schema: dict[str, Any]) -> list[list[str]]:
    """Return the constraints as `[keyword, value]`; the page puts them into words of the reader's language."""
    found = []
    for key in _LIMITS:
        value = schema.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found.append([key, as_text(value, 40)])
        elif value is True and key.startswith("exclusive"):
            found.append([key, ""])
    # A pattern is shown and never run: somebody else's expression can take for ever.
    if isinstance(schema.get("pattern"), str):
        found.append(["pattern", schema["pattern"][:200]])
    if schema.get("uniqueItems") is True:
        found.append(["uniqueItems", ""])
    return found


def first_example(schema: dict[str, Any]) -> Any:
    """Return the example a schema gives, or None."""
    if schema.get("example") is not None:
        return schema["example"]
    examples = schema.get("examples")
    if isinstance(examples, list) and examples:
        return examples[0]
    return None


def as_text(value: Any, limit: int) -> str:
    """Return a value as JSON would write it (text without quotes), cut at `limit` characters."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, (dict, list)):
        text = json.dumps(value, ensure_ascii=False)[: limit + 1]
    else:
        text = json.dumps(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _implied_type(schema: dict[str, Any]) -> str:
    if schema.get("properties") or isinstance(schema.get("additionalProperties"), dict):
        return "object"
    if schema.get("items"):
        return "array"
    if schema.get("oneOf") or schema.get("anyOf"):
        return "one of several"
    choices = schema.get("enum")
    if isinstance(choices, list) and choices and all(isinstance(choice, str) for choice in choices):
        return "string"
    return "any"
