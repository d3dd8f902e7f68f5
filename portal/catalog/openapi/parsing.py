"""JSON and YAML from strangers as plain dictionaries, lists and scalars: strict, bounded, and without recursion."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from portal.catalog.errors import DocumentRefused

MAX_DEPTH = 100
MAX_NODES = 1_000_000
_VERSION_KEYS = frozenset({"version", "openapi", "swagger"})
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_WHOLE = re.compile(r"[-+]?[0-9]+\Z")
_PLAIN_TAGS = (None, "!", *(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str")))


def parse_json(text: str) -> Any:
    """Parse JSON, refusing duplicate keys, NaN and infinities. Raises DocumentRefused."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_float)
    except RecursionError:
        raise too_deep() from None
    except ValueError as fault:
        raise DocumentRefused(422, "malformed-json", f"The document is not JSON: {fault}") from None


def parse_yaml(text: str) -> Any:
    """Parse YAML by the core schema, from events, without recursion.

    Only `null`, `true`/`false` and decimal numbers are anything but text, so `on`, `1.10` as a version, dates and
    `12:30` stay as written. Anchors, aliases, merge keys, foreign tags, duplicate keys and a second document are
    refused: 271 bytes of aliases can stand for 48 million nodes. Raises DocumentRefused.
    """
    try:
        return _build(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        reason = getattr(fault, "problem", None) or "it cannot be parsed"
        raise DocumentRefused(422, "malformed-yaml", f"The document is not YAML: {reason}{place}.") from None


def _build(events: Iterator[Any]) -> Any:
    root: list[Any] = []
    stack: list[tuple[Any, list[str | None]]] = [(root, [None])]
    nodes = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise _yaml_refused(event, "anchors and aliases are not accepted; write the value out or use $ref")
        if isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            stack.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        if root and len(stack) == 1:
            raise _yaml_refused(event, "there is a second document in the file")
        nodes += 1
        if nodes > MAX_NODES * 2:
            raise too_many()
        parent, key = stack[-1]
        value, holds_more = _value(event, key[0])
        if isinstance(parent, dict) and key[0] is None:
            key[0] = _key(event, parent, holds_more)
            continue
        _attach(parent, key, value)
        if holds_more:
            if len(stack) > MAX_DEPTH:
                raise too_deep()
            stack.append((value, [None]))
    return root[0] if root else None


def _value(event: Any, key: str | None) -> tuple[Any, bool]:
    tag = event.tag
    if tag not in _PLAIN_TAGS:
        name = tag.rsplit(":", 1)[-1][:60]
        raise _yaml_refused(event, f"the tag {name} is not accepted; write the value plainly")
    if isinstance(event, yaml.MappingStartEvent):
        return {}, True
    if isinstance(event, yaml.SequenceStartEvent):
        return [], True
    quoted = event.style in ("'", '"', "|", ">") or tag is not None
    return (event.value if quoted or key in _VERSION_KEYS else _plain(event.value)), False


def _plain(text: str) -> Any:
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text[0] in "tT"
    if len(text) <= 40 and _WHOLE.match(text):
        return int(text)
    if len(text) <= 40 and _NUMBER.match(text):
        return _float(text)
    return text


def _key(event: Any, parent: dict[str, Any], holds_more: bool) -> str:
    if holds_more:
        raise _yaml_refused(event, "a key must be plain text")
    name: str = event.value
    if name == "<<" and not event.style:
        raise _yaml_refused(event, "merge keys are not accepted")
    if name in parent:
        raise _yaml_refused(event, f"the key {name[:60]!r} appears twice")
    return name


def _attach(parent: Any, key: list[str | None], value: Any) -> None:
    if isinstance(parent, dict):
        parent[key[0] or ""] = value
        key[0] = None
    else:
        parent.append(value)


def _yaml_refused(event: Any, reason: str) -> DocumentRefused:
    mark = event.start_mark
    return DocumentRefused(422, "unsafe-yaml", f"Line {mark.line + 1}, column {mark.column + 1}: {reason}.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:60]!r} appears twice in one object")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise DocumentRefused(422, "number-too-large", f"The number {digits[:40]} is too large.")
    return value


def too_deep() -> DocumentRefused:
    """Return the refusal of a document that nests too deep."""
    return DocumentRefused(422, "too-deep", f"The document nests deeper than {MAX_DEPTH} levels.")


def too_many() -> DocumentRefused:
    """Return the refusal of a document that holds too many values."""
    return DocumentRefused(422, "too-many-values", f"The document holds more than {MAX_NODES:,} values.")
