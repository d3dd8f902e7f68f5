"""The description of the JSON endpoints is whole, valid, and says what is true."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jsonschema import Draft202012Validator

from portal.catalog.openapi.preparing import prepare
from portal.web.describing import operations

# Doors of machines and of the platform itself: nobody outside builds against them.
NOT_DESCRIBED = (
    "/api/gateway/",
    "/api/webhooks/",
    "/api/stripe/",
    "/api/v1/webhooks/",
    "/billing/webhook",
    "/api/openapi.json",
)


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/api/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json)


def test_every_json_endpoint_is_described(app: Flask, document: dict[str, Any]) -> None:
    served = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(("/api/", "/billing/")) and not rule.rule.startswith(NOT_DESCRIBED)
    }
    described = {
        rule.rule for rule in app.url_map.iter_rules() if "described" in app.view_functions[rule.endpoint].__dict__
    }
    assert served - described == set()
    assert len(document["paths"]) == len({one.path for one in operations(app)})


def test_our_own_reader_takes_it_as_it_takes_everybody_s(document: dict[str, Any]) -> None:
    prepared = prepare(json.dumps(document).encode())
    assert prepared is not None


def test_examples_fit_the_schemas_they_stand_beside(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            if "example" in body:
                name = body["schema"]["$ref"].rsplit("/", 1)[1]
                faults = list(
                    Draft202012Validator(document["components"]["schemas"][name]).iter_errors(body["example"])
                )
                assert faults == [], (path, method, faults)


def test_names_of_operations_are_unique_and_access_is_said(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))
    grant = document["paths"]["/api/v1/admin/grant"]["post"]
    assert grant["security"] == [{"appKey": []}]
    assert "Idempotency-Key" in {parameter["name"] for parameter in grant["parameters"]}


def test_people_read_the_same(client: FlaskClient) -> None:
    page = client.get("/api").text
    assert "/api/v1/checkout/session" in page
    assert "X-API-Key: YOUR_APP_KEY" in page
    assert "customer not found" in page
