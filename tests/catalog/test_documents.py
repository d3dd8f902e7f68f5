"""Hostile, broken and unusual documents: refused with a reason, never fetched, never expanded."""

from __future__ import annotations

import gzip
import json
import sys
from typing import Any

import pytest

from portal.catalog.errors import DocumentRefused
from portal.catalog.openapi.documents import MAX_BYTES, read_document
from portal.catalog.openapi.parsing import parse_yaml

START = b'{"openapi": "3.0.0", "info": {"title": "T", "version": "1"}, "paths": {}'


def refusal(raw: bytes) -> DocumentRefused:
    with pytest.raises(DocumentRefused) as caught:
        read_document(raw)
    return caught.value


@pytest.mark.parametrize(
    ("raw", "status", "kind"),
    [
        (b"", 422, "empty-document"),
        (b"   \n ", 422, "empty-document"),
        (b"x" * (MAX_BYTES + 1), 413, "document-too-large"),
        (gzip.compress(START, mtime=0), 415, "unsupported-format"),
        (b"PK\x03\x04rest of a zip", 415, "unsupported-format"),
        (b"<?xml version='1.0'?><wsdl/>", 415, "unsupported-format"),
        (b"<!doctype html><title>API</title>", 415, "unsupported-format"),
        (b"\xff\xfeo\x00p\x00", 422, "not-utf8"),
        (b"openapi: 3.0.0\x00", 415, "unsupported-format"),
        (START, 422, "malformed-json"),
        (START + b', "a": NaN}', 422, "malformed-json"),
        (START + b', "a": 1e999}', 422, "number-too-large"),
        (START + b', "a": 1, "a": 2}', 422, "malformed-json"),
        (START + b', "a": "\\u0000"}', 422, "unprocessable-text"),
        (START + b', "a": "\\ud800"}', 422, "unprocessable-text"),
        (b"[1, 2]", 422, "not-openapi"),
        (b"null", 422, "not-openapi"),
        (b"just a sentence", 422, "not-openapi"),
        (b"{}", 422, "not-openapi"),
        (b'{"swaggerVersion": "1.2"}', 422, "swagger-1"),
        (b'{"openapi": "4.0.0"}', 422, "unsupported-version"),
        (b'{"openapi": {"a": 1}}', 422, "not-openapi"),
        (b"openapi: [3.0.0\n", 422, "malformed-yaml"),
    ],
)
def test_what_cannot_be_a_document_is_refused_with_the_reason(raw: bytes, status: int, kind: str) -> None:
    found = refusal(raw)
    assert (found.status, found.kind) == (status, kind)


def test_two_hundred_bytes_of_aliases_are_refused_before_they_become_millions_of_nodes() -> None:
    bomb = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n".encode()
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert refusal(bomb).kind == "unsafe-yaml"


@pytest.mark.parametrize(
    "line",
    [
        "a: !!python/object/apply:os.system ['true']",
        "a: !include other.yaml",
        "a: !!timestamp 2026-01-01",
        "a: !!binary aGVsbG8=",
        "a: &anchor 1",
        "a: *anchor",
        "<<: {b: 1}",
        "a: 1\na: 2",
        "? [complex, key]\n: value",
        "a: 1\n--- \nb: 2",
    ],
)
def test_yaml_beyond_plain_values_is_refused(line: str) -> None:
    with pytest.raises(DocumentRefused) as caught:
        parse_yaml(line + "\n")
    assert caught.value.kind == "unsafe-yaml"


def test_yaml_is_read_by_the_core_schema_alone() -> None:
    read = parse_yaml(
        "on: on\nversion: 1.10\ndate: 2026-01-01\ntime: 12:30:45\noctal: 010\nyes: yes\nempty:\nnumber: 1.5\n"
        'whole: 12\ntruth: true\nquoted: "true"\n200: ok\n'
    )
    assert read == {
        "on": "on", "version": "1.10", "date": "2026-01-01", "time": "12:30:45", "octal": 10, "yes": "yes",
        "empty": None, "number": 1.5, "whole": 12, "truth": True, "quoted": "true", "200": "ok",
    }  # fmt: skip


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_two_thousand_levels_are_refused_and_nothing_recurses(opening: str) -> None:
    closing = {"[": "]", '{"a":': "}"}[opening]
    nested = opening * 2000 + "1" + closing * 2000
    found = refusal(START + b', "x-deep": ' + nested.encode() + b"}")
    assert found.kind == "too-deep"
    assert "100" in found.message


def test_deep_yaml_is_refused() -> None:
    assert refusal(b"openapi: 3.0.0\nx: " + b"[" * 2000 + b"]" * 2000).kind == "too-deep"


@pytest.mark.parametrize(
    "reference",
    [
        "file:///etc/passwd",
        "../../etc/passwd",
        "http://169.254.169.254/latest",
        "https://example.com/a.yaml#/A",
        "other",
    ],
)
@pytest.mark.parametrize("place", ["schema", "path", "parameter"])
def test_references_that_leave_the_document_are_refused_with_their_place(reference: str, place: str) -> None:
    outside = {"$ref": reference}
    operation: dict[str, Any] = {"responses": {}}
    tree: dict[str, Any] = {"openapi": "3.0.0", "info": {}, "paths": {"/a": {"get": operation}}}
    if place == "schema":
        tree["components"] = {"schemas": {"properties": {"type": "object", "properties": {"example": outside}}}}
    elif place == "path":
        tree["paths"]["/b"] = outside
    else:
        operation["parameters"] = [outside]
    found = refusal(json.dumps(tree).encode())
    assert found.kind == "external-reference"
    assert len(found.faults) == 1
    assert found.faults[0].pointer.startswith("/")


def test_a_reference_inside_an_example_is_data_and_stays() -> None:
    tree = {"openapi": "3.0.0", "paths": {}, "components": {"schemas": {"A": {"example": {"$ref": "file:///x"}}}}}
    assert read_document(json.dumps(tree).encode()).tree == tree


def test_too_many_operations_name_the_limit() -> None:
    paths = {f"/p{n}": {"get": {}} for n in range(5001)}
    found = refusal(json.dumps({"openapi": "3.0.0", "paths": paths}).encode())
    assert found.kind == "too-many-operations"
    assert "5,000" in found.message


def test_a_byte_order_mark_is_forgiven() -> None:
    assert read_document(b"\xef\xbb\xbf" + START + b"}").openapi == "3.0.0"


def test_the_limit_of_the_interpreter_is_left_alone() -> None:
    before = sys.getrecursionlimit()
    refusal(START + b', "x": ' + b"[" * 5000 + b"]" * 5000 + b"}")
    assert sys.getrecursionlimit() == before
