"""What a page shows of a document is prepared at import: resolved, bounded, reported where it could not be."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from portal.catalog.errors import DocumentRefused
from portal.catalog.openapi.operations import MAX_DETAIL_BYTES
from portal.catalog.openapi.preparing import first_sentence, prepare
from portal.catalog.openapi.reading import read
from portal.catalog.openapi.types import PreparedDocument, PreparedOperation
from tests.catalog.conftest import as_yaml, document


def of(tree: dict[str, Any]) -> PreparedDocument:
    return prepare(json.dumps(tree).encode())


def operation(prepared: PreparedDocument, slug: str) -> PreparedOperation:
    return next(each for each in prepared.operations if each.slug == slug)


def with_schema(schema: dict[str, Any], **schemas: Any) -> dict[str, Any]:
    """The tree of the one response of a document with one operation."""
    content = {"application/json": {"schema": schema}}
    tree = {
        "openapi": "3.1.0",
        "info": {"title": "T", "version": "1"},
        "paths": {"/a": {"get": {"responses": {"200": {"description": "ok", "content": content}}}}},
        "components": {"schemas": schemas},
    }
    found: dict[str, Any] = of(tree).operations[0].detail["responses"][0]["media"][0]
    return found


def test_json_and_yaml_of_the_same_document_prepare_the_same() -> None:
    from_json, from_yaml = of(document()), prepare(as_yaml(document()))
    assert from_json.operations == from_yaml.operations
    assert (from_json.media_type, from_yaml.media_type) == ("application/json", "application/yaml")


def test_required_parameters_come_first_with_their_constraints() -> None:
    parameters = operation(of(document()), "latest-rates").detail["parameters"]
    assert [parameter["name"] for parameter in parameters] == ["base", "symbols"]
    assert parameters[0]["limits"] == [["minLength", "3"], ["maxLength", "3"]]
    assert parameters[0]["schema"]["enum"] == ["EUR", "USD"]
    assert parameters[1]["example"] == "USD,GBP"


def test_required_fields_come_first_in_a_schema() -> None:
    schema = operation(of(document()), "latest-rates").detail["responses"][0]["media"][0]["schema"]
    assert [(child["name"], child.get("required", False)) for child in schema["children"]] == [
        ("base", True), ("date", False), ("rates", False),
    ]  # fmt: skip


def test_a_schema_that_holds_itself_stops_and_names_what_repeats() -> None:
    body = operation(of(document()), "replace-alert").detail["body"]["media"][0]["schema"]
    parent = next(child for child in body["children"] if child["name"] == "parent")
    assert (parent["stops"], parent["ref"]) == ("recursion", "Alert")
    assert "children" not in parent


def test_what_only_the_server_writes_is_not_asked_for_in_a_request() -> None:
    body = operation(of(document()), "replace-alert").detail["body"]["media"][0]
    assert "id" not in [child["name"] for child in body["schema"]["children"]]
    assert "id" not in json.loads(body["examples"][0]["text"])


def test_an_example_is_made_up_when_none_is_given() -> None:
    example = operation(of(document()), "latest-rates").detail["responses"][0]["media"][0]["examples"][0]
    assert example["made_up"]
    assert json.loads(example["text"]) == {"date": "2026-01-31", "base": "string", "rates": {"key": 1}}


def test_circles_of_references_end() -> None:
    media = with_schema(
        {"$ref": "#/components/schemas/A"},
        A={"$ref": "#/components/schemas/B"},
        B={"$ref": "#/components/schemas/A"},
    )
    assert media["schema"]["type"] == "any"


def test_mutual_recursion_and_all_of_itself_end() -> None:
    media = with_schema(
        {"$ref": "#/components/schemas/Node"},
        Node={
            "allOf": [{"$ref": "#/components/schemas/Node"}, {"$ref": "#/components/schemas/Base"}],
            "properties": {"children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}}},
        },
        Base={"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
    )
    names = {child["name"]: child for child in media["schema"]["children"]}
    assert names["id"]["required"]
    assert names["children"]["item"]["stops"] == "recursion"


def test_a_thousand_choices_become_the_first_few_and_a_count() -> None:
    schema = with_schema({"type": "string", "enum": [f"value-{n}" for n in range(1000)]})["schema"]
    assert len(schema["enum"]) == 24
    assert schema["enum_total"] == 1000


def test_types_of_version_3_1_are_understood() -> None:
    schema = with_schema(
        {"type": ["string", "null"], "format": "uuid", "examples": ["abc"], "exclusiveMinimum": 3, "const": "x"}
    )["schema"]
    assert schema["type"] == "string · uuid or null"
    assert schema["limits"] == [["exclusiveMinimum", "3"]]
    assert schema["enum"] == ["x"]


def test_one_schema_for_many_media_types_is_drawn_once() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    content = {"application/json": {"schema": schema}, "application/xml": {"schema": schema}}
    tree = document(paths={"/a": {"post": {"requestBody": {"content": content}, "responses": {}}}})
    media = of(tree).operations[0].detail["body"]["media"]
    assert "schema" in media[0]
    assert media[1]["same_as"] == "application/json"


def test_an_enormous_operation_is_cut_and_says_so() -> None:
    fields = {f"field_{n}": {"type": "string", "description": "long " * 300} for n in range(70)}
    wide = {f"part_{n}": {"type": "object", "properties": fields} for n in range(40)}
    content = {"application/json": {"schema": {"type": "object", "properties": wide}}}
    prepared = of(document(paths={"/a": {"post": {"requestBody": {"content": content}, "responses": {}}}}))
    detail = prepared.operations[0].detail
    assert detail["is_cut"]
    assert len(json.dumps(detail)) <= MAX_DETAIL_BYTES
    assert any("Too large" in finding.message for finding in prepared.findings)


def test_faults_are_reported_with_their_place_and_the_rest_is_shown() -> None:
    tree = document()
    tree["paths"]["/rates/{one}"] = {"get": {"operationId": "latestRates", "responses": {"200": {"$ref": "#/nowhere"}}}}
    tree["paths"]["/rates/{two}"] = {"get": {"responses": []}, "post": "not an object"}
    prepared = of(tree)
    found = {(finding.pointer, finding.message.split(" ")[0]) for finding in prepared.findings}
    assert ("/paths/~1rates~1{one}/get/operationId", "'latestRates'") in found
    assert ("/paths/~1rates~1{one}/get/responses/200", "The") in found
    assert ("/paths/~1rates~1{two}/get", "This") in found
    assert ("/paths/~1rates~1{two}/post", "An") in found
    assert [each.slug for each in prepared.operations if each.path.startswith("/rates/{")] == [
        "latest-rates-2", "get-rates-two",
    ]  # fmt: skip


@pytest.mark.parametrize("paths", [{}, None, [], "x", {"": {"get": {}}}, {"no-slash": {"get": {}}}])
def test_odd_paths_do_not_break_the_import(paths: Any) -> None:
    prepared = of({"openapi": "3.0.0", "info": {"title": "T", "version": "1"}, "paths": paths})
    assert prepared.findings
    assert all(each.slug for each in prepared.operations)


@pytest.mark.parametrize("junk", [None, 1, "x", [], {}, [None], {"a": None}, True])
@pytest.mark.parametrize(
    "place", ["info", "servers", "tags", "components", "security", "parameters", "requestBody", "responses", "schema"]
)
def test_junk_anywhere_is_read_around(place: str, junk: Any) -> None:
    tree = document()
    if place in ("info", "servers", "tags", "components", "security"):
        tree[place] = junk
    elif place == "schema":
        tree["components"]["schemas"]["Rates"] = junk
    else:
        tree["paths"]["/rates/latest"]["get"][place] = junk
    assert len(of(tree).operations) == 2


def test_swagger_2_reads_like_its_successor() -> None:
    prepared = of(
        {
            "swagger": "2.0",
            "info": {"title": "Pets", "version": "2"},
            "host": "pets.example.com",
            "basePath": "/v2",
            "schemes": ["https"],
            "securityDefinitions": {"basic": {"type": "basic"}},
            "security": [{"basic": []}],
            "definitions": {"Pet": {"type": "object", "properties": {"name": {"type": "string"}}}},
            "paths": {
                "/pets": {
                    "post": {
                        "operationId": "addPet",
                        "parameters": [
                            {"name": "pet", "in": "body", "required": True, "schema": {"$ref": "#/definitions/Pet"}},
                            {"name": "limit", "in": "query", "type": "integer", "maximum": 100},
                        ],
                        "responses": {"200": {"description": "ok", "schema": {"$ref": "#/definitions/Pet"}}},
                    }
                },
                "/photos": {
                    "post": {
                        "consumes": ["multipart/form-data"],
                        "parameters": [{"name": "photo", "in": "formData", "type": "file", "required": True}],
                        "responses": {},
                    }
                },
            },
        }
    )
    add, photo = prepared.operations
    assert prepared.overview["servers"][0]["url"] == "https://pets.example.com/v2"
    assert add.detail["body"]["media"][0]["schema"]["children"][0]["name"] == "name"
    assert add.detail["parameters"][0]["limits"] == [["maximum", "100"]]
    assert add.detail["responses"][0]["media"][0]["schema"]["ref"] == "Pet"
    assert add.detail["security"][0][0]["scheme"] == "basic"
    assert photo.detail["body"]["media"][0]["type"] == "multipart/form-data"


def test_links_of_the_document_are_web_addresses_or_nothing() -> None:
    info = {
        "title": "T",
        "version": "1",
        "termsOfService": "javascript:alert(1)",
        "contact": {"url": "https://x.example"},
    }
    overview = of(document(info=info)).overview
    assert overview["terms"] is None
    assert overview["contact"]["url"] == "https://x.example"


def test_the_summary_is_the_first_sentence_without_markup() -> None:
    text = "# Welcome\n\n<b>Fast</b> and [exact](https://x.example) `rates`. More follows."
    assert first_sentence(text) == "Fast and exact rates."


def test_the_child_process_answers_like_the_function_and_passes_refusals_on() -> None:
    raw = as_yaml(document())
    assert read(raw) == prepare(raw)
    with pytest.raises(DocumentRefused, match="aliases") as caught:
        read(b"openapi: &a 3.0.0\n")
    assert caught.value.kind == "unsafe-yaml"


def test_a_large_document_prepares_operations_no_larger_than_a_small_one() -> None:
    def refer(n: int) -> dict[str, str]:
        return {"$ref": f"#/components/schemas/S{n % 600}"}

    def answer(n: int) -> dict[str, Any]:
        return {"200": {"description": "x", "content": {"application/json": {"schema": refer(n)}}}}

    schemas = {
        f"S{n}": {"type": "object", "properties": {f"p{m}": refer(n * 7 + m) for m in range(12)}} for n in range(600)
    }
    paths = {f"/things/{n}": {"get": {"responses": answer(n)}} for n in range(1500)}
    prepared = of(document(paths=paths, components={"schemas": schemas}))
    assert len(prepared.operations) == 1500
    assert max(len(json.dumps(each.detail)) for each in prepared.operations) <= MAX_DETAIL_BYTES


@pytest.mark.skipif("OPENAPI_DOCUMENTS" not in os.environ, reason="OPENAPI_DOCUMENTS names no folder of documents")
def test_real_documents_import() -> None:
    files = sorted(Path(os.environ["OPENAPI_DOCUMENTS"]).glob("*.json.gz"))
    assert files
    for file in files:
        prepared = read(gzip.decompress(file.read_bytes()))
        assert prepared.operations, file.name
