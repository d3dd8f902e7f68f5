"""OpenAPI documents from strangers: bytes to a tree, or a refusal that says what to change.

Nothing is fetched, nothing is expanded and nothing recurses here: a document may be wrong, huge or hostile.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from portal.catalog.errors import DocumentRefused
from portal.catalog.types import METHODS, Finding

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 100
MAX_NODES = 1_000_000
MAX_OPERATIONS = 5_000
_MOST_FAULTS = 50
_VERSION_KEYS = frozenset({"version", "openapi", "swagger"})
_NAME_MAPS = frozenset(
    {"properties", "patternProperties", "schemas", "definitions", "$defs", "parameters", "responses", "examples"}
)
_LITERALS = frozenset({"example", "default", "enum", "const", "value"})
_NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_WHOLE = re.compile(r"[-+]?[0-9]+\Z")
_PLAIN_TAGS = (None, "!", *(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str")))
_OTHER_FORMATS = (
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "gzip"),
    (b"<", "XML or HTML"),
    (b"%PDF", "a PDF"),
)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed description: `tree` is plain dictionaries, lists and scalars."""

    tree: dict[str, Any]
    media_type: str
    openapi: str


def read_document(raw: bytes) -> Document:
    """Parse an OpenAPI 3.0, 3.1 or Swagger 2.0 document in JSON or YAML.

    Raises DocumentRefused: 413 over 8 MiB, 415 for what is not JSON or YAML text, 422 naming the limit or the
    faults with their JSON pointers. References outside the document are refused here, before anything resolves.
    """
    text = _decode(raw)
    is_json = text.lstrip()[:1] in ("{", "[")
    tree = parse_json(text) if is_json else parse_yaml(text)
    if not isinstance(tree, dict):
        raise DocumentRefused(422, "not-openapi", "The document must be an object with an `openapi` field.")
    _check_shape(tree)
    openapi = _openapi_version(tree)
    _check_references(tree)
    _check_operations(tree)
    return Document(tree, "application/json" if is_json else "application/yaml", openapi)


def _decode(raw: bytes) -> str:
    if len(raw) > MAX_BYTES:
        raise DocumentRefused(413, "document-too-large", f"The document is larger than {MAX_BYTES // 2**20} MiB.")
    start = raw[:64].lstrip()
    if not start:
        raise DocumentRefused(422, "empty-document", "The document is empty.")
    for magic, name in _OTHER_FORMATS:
        if start.startswith(magic):
            raise DocumentRefused(
                415, "unsupported-format", f"This is {name}. Send the OpenAPI document as JSON or YAML."
            )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise DocumentRefused(422, "not-utf8", f"The document is not UTF-8 (byte {fault.start}).") from None
    if "\x00" in text:
        raise DocumentRefused(415, "unsupported-format", "The document holds NUL characters, so it is not text.")
    return text


def parse_json(text: str) -> Any:
    """Parse JSON, refusing duplicate keys, NaN and infinities. Raises DocumentRefused."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_float)
    except RecursionError:
        raise _too_deep() from None
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
            raise _too_many()
        parent, key = stack[-1]
        value, holds_more = _value(event, key[0])
        if isinstance(parent, dict) and key[0] is None:
            key[0] = _key(event, parent, holds_more)
            continue
        _attach(parent, key, value)
        if holds_more:
            if len(stack) > MAX_DEPTH:
                raise _too_deep()
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


def _too_deep() -> DocumentRefused:
    return DocumentRefused(422, "too-deep", f"The document nests deeper than {MAX_DEPTH} levels.")


def _too_many() -> DocumentRefused:
    return DocumentRefused(422, "too-many-values", f"The document holds more than {MAX_NODES:,} values.")


def _check_shape(tree: dict[str, Any]) -> None:
    stack: list[tuple[Any, int]] = [(tree, 1)]
    nodes = 0
    while stack:
        value, depth = stack.pop()
        nodes += 1
        if depth > MAX_DEPTH:
            raise _too_deep()
        if nodes > MAX_NODES:
            raise _too_many()
        if isinstance(value, dict):
            for key, item in value.items():
                _check_text(key)
                stack.append((item, depth + 1))
        elif isinstance(value, list):
            stack.extend((item, depth + 1) for item in value)
        elif isinstance(value, str):
            _check_text(value)


def _check_text(text: str) -> None:
    # Escapes such as \u0000 and \ud800 pass a JSON parser and then no database stores them.
    if text.isascii():
        if "\x00" in text:
            raise DocumentRefused(422, "unprocessable-text", "The document holds a NUL character in a text.")
        return
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise DocumentRefused(422, "unprocessable-text", "The document holds text that is not valid Unicode.")


def _openapi_version(tree: dict[str, Any]) -> str:
    declared = tree.get("openapi", tree.get("swagger"))
    version = str(declared) if isinstance(declared, (str, float, int)) else ""
    if "openapi" in tree and re.match(r"3\.[01](\.|$)", version):
        return version[:20]
    if "swagger" in tree and re.match(r"2(\.0)?$", version):
        return "2.0"
    if "swaggerVersion" in tree or version.startswith("1"):
        raise DocumentRefused(422, "swagger-1", "Swagger 1 is not supported. Convert it to OpenAPI 3.")
    if version:
        message = f"Version {version[:20]} is not supported. Use OpenAPI 3.0, 3.1 or Swagger 2.0."
        raise DocumentRefused(422, "unsupported-version", message)
    raise DocumentRefused(
        422, "not-openapi", "There is no `openapi` or `swagger` field, so this is no OpenAPI document."
    )


def _check_references(tree: dict[str, Any]) -> None:
    faults = [
        Finding(pointer, f"The reference {reference[:120]!r} leads outside the document.")
        for pointer, reference in _outside_references(tree)
    ]
    if faults:
        message = "References may only point inside the document (#/…). Bundle it into one file and send it again."
        raise DocumentRefused(422, "external-reference", message, faults=faults[:_MOST_FAULTS])


def _outside_references(tree: dict[str, Any]) -> Iterator[tuple[str, str]]:
    # Values under `example`, `default` and the like are data, not structure: a "$ref" in there is never followed.
    stack: list[tuple[Any, str, str]] = [(tree, "", "")]
    while stack:
        value, pointer, name = stack.pop()
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str) and not reference.startswith("#"):
                yield pointer, reference
            for key, item in value.items():
                if isinstance(item, (dict, list)) and (name in _NAME_MAPS or not _is_literal(key)):
                    stack.append((item, f"{pointer}/{escape(key)}", key if name not in _NAME_MAPS else ""))
        elif isinstance(value, list):
            stack.extend((item, f"{pointer}/{n}", "") for n, item in enumerate(value))


def _is_literal(key: str) -> bool:
    return key in _LITERALS or key.startswith("x-")


def _check_operations(tree: dict[str, Any]) -> None:
    paths = tree.get("paths")
    if not isinstance(paths, dict):
        return
    total = sum(1 for item in paths.values() if isinstance(item, dict) for key in item if key in METHODS)
    if total > MAX_OPERATIONS:
        raise DocumentRefused(
            422, "too-many-operations", f"The document describes {total:,} operations; the limit is {MAX_OPERATIONS:,}."
        )


def escape(key: str) -> str:
    """Return a key as one step of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")
