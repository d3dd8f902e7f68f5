"""Ada's organisation Kestrel with a small document, and the short way to a published API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from flask import Flask
from flask.testing import FlaskClient

from portal.catalog import service
from portal.catalog.openapi.preparing import prepare
from portal.catalog.types import ImportResult
from portal.db import SYSTEM, transaction
from portal.kit.clock import ManualClock
from tests.factories import make_organisation, make_user
from tests.sign_in import Browser, sign_in_as


def document(**changes: Any) -> dict[str, Any]:
    """A small exchange rate API; keyword arguments replace top-level fields."""
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Exchange rates",
            "version": "1.0.0",
            "description": "Daily reference rates for 168 currencies. Sources are named.",
        },
        "servers": [{"url": "https://rates.example.com/v1"}],
        "paths": {
            "/rates/latest": {
                "get": {
                    "operationId": "latestRates",
                    "summary": "Latest rates",
                    "tags": ["Rates"],
                    "parameters": [
                        {"name": "symbols", "in": "query", "schema": {"type": "string"}, "example": "USD,GBP"},
                        {
                            "name": "base",
                            "in": "query",
                            "required": True,
                            "description": "Currency to convert **from**",
                            "schema": {"type": "string", "minLength": 3, "maxLength": 3, "enum": ["EUR", "USD"]},
                        },
                    ],
                    "responses": {
                        "200": {
                            "description": "The rates",
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Rates"}}},
                        }
                    },
                }
            },
            "/alerts/{alert_id}": {
                "put": {
                    "operationId": "replaceAlert",
                    "summary": "Replace an alert",
                    "tags": ["Alerts"],
                    "deprecated": True,
                    "parameters": [{"name": "alert_id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Alert"}}},
                    },
                    "responses": {"204": {"description": "Replaced"}},
                }
            },
        },
        "components": {
            "schemas": {
                "Rates": {
                    "type": "object",
                    "required": ["base"],
                    "properties": {
                        "date": {"type": "string", "format": "date"},
                        "base": {"type": "string"},
                        "rates": {"type": "object", "additionalProperties": {"type": "number"}},
                    },
                },
                "Alert": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "integer", "readOnly": True},
                        "threshold": {"type": "number"},
                        "parent": {"$ref": "#/components/schemas/Alert"},
                    },
                },
            }
        },
    } | changes


def as_yaml(tree: dict[str, Any]) -> bytes:
    return yaml.safe_dump(tree, sort_keys=False).encode()


class Provider:
    """Kestrel, with Ada who owns it."""

    def __init__(self, app: Flask, clock: ManualClock) -> None:
        self.app, self.clock = app, clock
        self.organisation = make_organisation("Kestrel Data", "kestrel")
        self.ada = make_user("Ada", organisation=self.organisation)

    def browser(self, role: str = "owner") -> FlaskClient:
        person = self.ada if role == "owner" else make_user("Ben", organisation=self.organisation, role=role)
        return sign_in_as(stranger(self.app), person)

    def import_(self, tree: dict[str, Any] | None = None, *, raw: bytes | None = None, **options: Any) -> ImportResult:
        raw = raw if raw is not None else as_yaml(tree or document())
        prepared = prepare(raw)
        with transaction(SYSTEM):
            return service.import_document(
                self.organisation.id, raw, prepared, actor="user:1", now=self.clock.now(), **options
            )

    def publish(self, tree: dict[str, Any] | None = None, *, free_calls: int | None = 1000, **options: Any) -> int:
        result = self.import_(tree, **options)
        with transaction(SYSTEM):
            service.publish(
                self.organisation.id,
                result.api_id,
                actor="user:1",
                now=self.clock.now(),
                allow_private=True,
                upstream_url="http://127.0.0.1:9000/",
                free_calls=free_calls,
            )
        return result.api_id


def stranger(app: Flask) -> FlaskClient:
    return Browser(app)


@pytest.fixture
def kestrel(app: Flask, clock: ManualClock) -> Provider:
    return Provider(app, clock)


@pytest.fixture
def visitor(app: Flask) -> FlaskClient:
    """A stranger's browser."""
    return stranger(app)


@pytest.fixture
def dan(app: Flask) -> FlaskClient:
    """An outsider's browser: signed in, of another organisation."""
    return sign_in_as(stranger(app), make_user("Dan", organisation=make_organisation("Elsewhere", "elsewhere")))


@pytest.fixture
def body(visitor: FlaskClient) -> Callable[[str], str]:
    """Read a page as a stranger."""

    def read(url: str) -> str:
        answer = visitor.get(url)
        assert answer.status_code == 200, answer.status
        return answer.get_data(as_text=True)

    return read
