"""OpenAPI documents from strangers: bytes to a tree, or a refusal that says what to change.

Nothing is fetched, nothing is expanded and nothing recurses here: a document may be wrong, huge or hostile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from portal.catalog.errors import DocumentRefused
from portal.catalog.openapi.parsing import MAX_DEPTH, MAX_NODES, parse_json, parse_yaml, too_deep, too_many
from portal.catalog.openapi.references import escape
from portal.catalog.types import METHODS, Finding

MAX_BYTES = 8 * 1024 * 1024
MAX_OPERATIONS = 5_000
_MOST_FAULTS = 50
_NAME_MAPS = frozenset(
    {"properties", "patternProperties", "schemas", "definitions", "$defs", "parameters", "responses", "examples"}
)
_LITERALS = frozenset({"example", "default", "enum", "const", "value"})
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


def _check_shape(tree: dict[str, Any]) -> None:
    stack: list[tuple[Any, int]] = [(tree, 1)]
    nodes = 0
    while stack:
        value, depth = stack.pop()
        nodes += 1
        if depth > MAX_DEPTH:
            raise too_deep()
        if nodes > MAX_NODES:
            raise too_many()
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
