"""What changed between two versions, and what of it breaks: every rule by an example."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from portal.catalog.differences.breaking import BREAKS
from portal.catalog.differences.changes import Described, compare
from portal.catalog.openapi.preparing import prepare
from tests.worked_tables import worked_rows

Edit = Callable[[dict[str, Any]], object]
BASE: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "T", "version": "1"},
    "paths": {
        "/things/{id}": {
            "put": {
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "mode", "in": "query", "schema": {"type": "string", "enum": ["a", "b"]}},
                    {"name": "size", "in": "query", "required": True, "schema": {"type": "integer", "maximum": 50}},
                ],
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "name": {"type": "string", "minLength": 2},
                                    "count": {"type": "integer"},
                                    "kind": {"type": "string", "enum": ["x", "y"]},
                                },
                            }
                        },
                        "application/xml": {"schema": {"type": "object"}},
                    },
                },
                "responses": {
                    "200": {
                        "description": "",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["id"],
                                    "properties": {
                                        "id": {"type": "string"},
                                        "state": {"type": "string", "enum": ["on", "off"]},
                                        "amount": {"type": "number"},
                                        "items": {"type": "array", "items": {"$ref": "#/components/schemas/Item"}},
                                    },
                                }
                            },
                            "text/csv": {"schema": {"type": "string"}},
                        },
                    },
                    "202": {"description": ""},
                    "409": {"description": ""},
                },
            }
        },
        "/old": {"get": {"deprecated": True, "responses": {"200": {"description": ""}}}},
        "/bare": {"post": {"responses": {"200": {"description": ""}}}},
        "/loose": {
            "post": {
                "requestBody": {"content": {"text/plain": {"schema": {"type": "string"}}}},
                "responses": {"200": {"description": ""}},
            }
        },
    },
    "components": {"schemas": {"Item": {"type": "object", "properties": {"sku": {"type": "string"}}}}},
}


def described(tree: dict[str, Any]) -> list[Described]:
    found = prepare(yaml.safe_dump(tree).encode()).operations
    return [Described(one.slug, one.method, one.path, one.summary, one.deprecated, one.detail) for one in found]


def changes(edit: Edit, *, base: dict[str, Any] = BASE) -> list[tuple[str, str]]:
    new = copy.deepcopy(base)
    edit(new)
    return [(change.kind, change.name) for one in compare(described(base), described(new)) for change in one.changes]


def put(tree: dict[str, Any]) -> Any:
    return tree["paths"]["/things/{id}"]["put"]


def parameter(tree: dict[str, Any], name: str) -> Any:
    return next(each for each in put(tree)["parameters"] if each["name"] == name)


def body(tree: dict[str, Any]) -> Any:
    return put(tree)["requestBody"]["content"]["application/json"]["schema"]


def answer(tree: dict[str, Any]) -> Any:
    return put(tree)["responses"]["200"]["content"]["application/json"]["schema"]


def adding(required: bool) -> Edit:
    new = {"name": "new", "in": "query", "required": required, "schema": {"type": "string"}}
    return lambda tree: put(tree)["parameters"].append(new)


ANY_BODY = {"content": {"text/plain": {"schema": {"type": "string"}}}}
EXAMPLES: list[tuple[str, str, Edit]] = [
    ("operation added", "", lambda t: t["paths"].update({"/new": {"get": {"responses": {}}}})),
    ("operation removed", "", lambda t: t["paths"].pop("/old")),
    ("operation deprecated", "", lambda t: put(t).update(deprecated=True)),
    ("operation no longer deprecated", "", lambda t: t["paths"]["/old"]["get"].pop("deprecated")),
    ("parameter added", "new", adding(required=False)),
    ("required parameter added", "new", adding(required=True)),
    ("parameter removed", "mode", lambda t: put(t)["parameters"].remove(parameter(t, "mode"))),
    ("parameter now required", "mode", lambda t: parameter(t, "mode").update(required=True)),
    ("parameter now optional", "size", lambda t: parameter(t, "size").pop("required")),
    ("parameter type changed", "size", lambda t: parameter(t, "size")["schema"].update(type="boolean")),
    ("parameter type widened", "size", lambda t: parameter(t, "size")["schema"].update(type="number")),
    ("parameter value added", "mode", lambda t: parameter(t, "mode")["schema"]["enum"].append("c")),
    ("parameter value removed", "mode", lambda t: parameter(t, "mode")["schema"]["enum"].pop()),
    ("parameter limit tightened", "size", lambda t: parameter(t, "size")["schema"].update(maximum=9)),
    ("parameter limit loosened", "size", lambda t: parameter(t, "size")["schema"].pop("maximum")),
    ("body added", "", lambda t: t["paths"]["/bare"]["post"].update(requestBody=ANY_BODY)),
    (
        "required body added",
        "",
        lambda t: t["paths"]["/bare"]["post"].update(requestBody=ANY_BODY | {"required": True}),
    ),
    ("body removed", "", lambda t: t["paths"]["/loose"]["post"].pop("requestBody")),
    ("body now required", "", lambda t: t["paths"]["/loose"]["post"]["requestBody"].update(required=True)),
    ("body now optional", "", lambda t: put(t)["requestBody"].pop("required")),
    ("body format added", "text/csv", lambda t: put(t)["requestBody"]["content"].update({"text/csv": {}})),
    ("body format removed", "application/xml", lambda t: put(t)["requestBody"]["content"].pop("application/xml")),
    ("body field added", "note", lambda t: body(t)["properties"].update(note={"type": "string"})),
    (
        "required body field added",
        "note",
        lambda t: (body(t)["properties"].update(note={}), body(t)["required"].append("note")),
    ),
    ("body field removed", "count", lambda t: body(t)["properties"].pop("count")),
    ("body field now required", "count", lambda t: body(t)["required"].append("count")),
    ("body field now optional", "name", lambda t: body(t).pop("required")),
    ("body field type changed", "count", lambda t: body(t)["properties"]["count"].update(type="string")),
    ("body field type widened", "count", lambda t: body(t)["properties"]["count"].update(type="number")),
    ("body field value added", "kind", lambda t: body(t)["properties"]["kind"]["enum"].append("z")),
    ("body field value removed", "kind", lambda t: body(t)["properties"]["kind"]["enum"].pop()),
    ("body field limit tightened", "name", lambda t: body(t)["properties"]["name"].update(minLength=3)),
    ("body field limit loosened", "name", lambda t: body(t)["properties"]["name"].update(minLength=1)),
    ("answer added", "201", lambda t: put(t)["responses"].update({"201": {"description": ""}})),
    ("answer removed", "202", lambda t: put(t)["responses"].pop("202")),
    ("error answer removed", "409", lambda t: put(t)["responses"].pop("409")),
    ("answer format added", "200 text/x", lambda t: put(t)["responses"]["200"]["content"].update({"text/x": {}})),
    ("answer format removed", "200 text/csv", lambda t: put(t)["responses"]["200"]["content"].pop("text/csv")),
    ("answer field added", "200 more", lambda t: answer(t)["properties"].update(more={"type": "string"})),
    ("answer field removed", "200 amount", lambda t: answer(t)["properties"].pop("amount")),
    ("answer field no longer promised", "200 id", lambda t: answer(t).pop("required")),
    ("answer field now promised", "200 state", lambda t: answer(t)["required"].append("state")),
    ("answer field type changed", "200 id", lambda t: answer(t)["properties"]["id"].update(type="integer")),
    ("answer field type narrowed", "200 amount", lambda t: answer(t)["properties"]["amount"].update(type="integer")),
    ("answer field value added", "200 state", lambda t: answer(t)["properties"]["state"]["enum"].append("half")),
    ("answer field value removed", "200 state", lambda t: answer(t)["properties"]["state"]["enum"].pop()),
]


@pytest.mark.parametrize(("kind", "name", "edit"), EXAMPLES, ids=[kind for kind, _name, _edit in EXAMPLES])
def test_one_edit_is_one_change_of_its_kind(kind: str, name: str, edit: Edit) -> None:
    assert changes(edit) == [(kind, name)]


def test_every_rule_has_an_example_and_the_page_says_the_same() -> None:
    assert {kind for kind, _name, _edit in EXAMPLES} == set(BREAKS)
    assert {kind: breaks for kind, breaks, _why in worked_rows("changes.md", "The table")} == dict(BREAKS)


def test_the_same_document_has_no_changes() -> None:
    assert changes(lambda tree: tree["info"].update(version="2")) == []


def test_the_name_of_a_path_parameter_is_nobodys_business() -> None:
    def rename(tree: dict[str, Any]) -> None:
        tree["paths"]["/things/{thing_id}"] = tree["paths"].pop("/things/{id}")
        parameter({"paths": {"/things/{id}": tree["paths"]["/things/{thing_id}"]}}, "id")["name"] = "thing_id"

    assert changes(rename) == []


def test_a_field_that_goes_takes_its_inner_fields_with_it() -> None:
    assert changes(lambda tree: answer(tree)["properties"].pop("items")) == [("answer field removed", "200 items")]


def test_a_change_deep_inside_says_where() -> None:
    edit: Edit = lambda tree: tree["components"]["schemas"]["Item"]["properties"]["sku"].update(type="integer")  # noqa: E731
    assert changes(edit) == [("answer field type changed", "200 items[].sku")]


def test_removed_operations_come_first_and_what_breaks_first_within_one() -> None:
    def edit(tree: dict[str, Any]) -> None:
        tree["paths"].pop("/old")
        adding(required=False)(tree)
        parameter(tree, "size").pop("required")
        put(tree)["parameters"].remove(parameter(tree, "mode"))

    new = copy.deepcopy(BASE)
    edit(new)
    found = compare(described(BASE), described(new))
    assert [one.operation.path for one in found] == ["/old", "/things/{id}"]
    assert [change.breaks for change in found[1].changes] == [True, False, False]
    assert all(one.breaks for one in found)
