"""Whatever a program sends with an app's key, to whatever its key opens: the answer is a clear refusal or a right one.

Where to send it and what a right request looks like is read from the endpoints' own descriptions. Then one thing after
the other is made wrong, everywhere it can be wrong, beside fields that are right: so each gets past the front door.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from flask import Flask
from pydantic import BaseModel
from werkzeug.test import TestResponse

from portal.kit.clock import ManualClock
from portal.web.describing import Operation, operations
from tests.architecture.hostile import HOSTILE_BYTES, HOSTILE_JSON, HOSTILE_TEXT
from tests.factories import make_app_key, make_feature, make_project, make_sold
from tests.payments import conftest as plugged_in
from tests.sign_in import Machine
from tests.stripe_world import StripeWorld

app, stripe_world = plugged_in.app, plugged_in.stripe_world  # the application, and a payment provider that answers

EDGES = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "0001-01-02T00:00:00.000001Z",
    "1582-10-10T00:00:00Z",
    "2026-02-29T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-06-30T23:59:60Z",
    "2026-01-01T00:00:00+23:59",
    "2026-W01-1T00:00:00Z",
    "4713-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-14:00",
    "+12026-01-01T00:00:00Z",
)
ADDRESSES = (
    "https://[",
    "https://[::1",
    "https://app.local:99999999/",
    "https://app.local\\@evil.example/",
    "https://app.local/" + "%00" * 400,
    "https://app.local/\u202e\ufffe",
    "https://app.local/{CHECKOUT_SESSION_ID}{",
)
# As they stand in a body, so that what `json.dumps` would not write is sent as well.
NOT_TEXT = (
    "null", "true", "-1", "0", "1.0", "1e308", "1e400", str(2**53), str(2**63 - 1), str(2**63), "1" * 5000, "NaN",
    "[]", "[null]", "{}", '["user_42"]', "[" * 40 + "]" * 40, "[" * 3000, '{"a":' * 31 + "1" + "}" * 31, "",
    '"\ud800"', '"\\ud83d\\ude00\\udfff"',
)  # fmt: skip
PAIRS = 8


@dataclass
class Program:
    """A backend with a key of every scope, and what its project has: a user with rights who was at a checkout."""

    client: Machine
    key: str
    known: dict[str, Any]
    faults: list[str] = field(default_factory=list)
    statuses: set[tuple[str, int]] = field(default_factory=set)

    def send(self, operation: Operation, **request: Any) -> TestResponse:
        """Send one request as the app, and judge its answer."""
        path = request.pop("path", None) or self.path(operation)
        headers = {"X-API-Key": self.key, **request.pop("headers", {})}
        answer = self.client.open(path, method=operation.method, headers=headers, **request)
        self.statuses.add((operation.endpoint, answer.status_code))
        told = f"{operation.endpoint} {answer.status_code} {answer.mimetype} {path} {str(request)[:300]} {answer.text[:300]}"
        if answer.mimetype not in ("application/json", "application/problem+json") or not json.loads(answer.data):
            self.faults.append(f"not what a program reads: {told}")
        if answer.status_code >= 500 and not _is_away(operation, answer):
            self.faults.append(told)
        return answer

    def path(self, operation: Operation, **hostile: str) -> str:
        """Return the address with what is known in it, or something else."""
        return re.sub(r"{(\w+)}", lambda part: hostile.get(part[1]) or str(self.known[part[1]]), operation.path)

    def right(self, operation: Operation) -> dict[str, Any]:
        """Return values for every field of the body or the query that fit together and are not refused."""
        example = {**operation.description.request, **self.known}
        return {name: example[name] for name in _model(operation).model_fields if name in example}


def _model(operation: Operation) -> type[BaseModel]:
    model = operation.description.body or operation.description.query
    assert model is not None, "what this endpoint takes is not described"
    return model


def _is_away(operation: Operation, answer: TestResponse) -> bool:
    """True for the one 503 that is an answer: the provider is needed, and away."""
    is_expected = 503 in operation.description.refusals and answer.status_code == 503
    return is_expected and json.loads(answer.data)["type"] == "/problems/payments-unavailable"


@pytest.fixture
def program(app: Flask, clock: ManualClock, stripe_world: StripeWorld) -> Program:
    product = stripe_world.api("POST", "products", name="Space Journal Pro")["id"]
    monthly = {"recurring[interval]": "month", "currency": "usd", "unit_amount": 1499, "product": product}
    price = stripe_world.api("POST", "prices", **monthly)["id"]
    project = make_project("space_journal")
    make_sold(project, make_feature(project, "pro"), price)
    make_feature(project, "labs")
    _app, key = make_app_key(project, app.config["SETTINGS"].pepper, clock.now())
    year = clock.now().year
    known = {
        "project_id": project.id,
        "price_id": price,
        "feature_code": "labs",
        "email": "cleo@example.com",
        "name": "Cleo Marsh",
        "quantity": 3,
        "valid_from": f"{year + 1}-01-01T00:00:00Z",
        "valid_to": f"{year + 2}-01-01T00:00:00Z",
        "granted_by": "support@example.com",
        "as_of": f"{year + 1}-06-01T00:00:00Z",
        "since": f"{year - 1}-01-01T00:00:00Z",
        "until": f"{year}-01-01T00:00:00Z",
        **dict.fromkeys(("success_url", "cancel_url", "return_url"), "https://app.local/account"),
    }
    return Program(Machine(app, app.response_class), key, known)


def test_an_app_cannot_make_it_fail(app: Flask, program: Program) -> None:
    opened = [one for one in operations(app) if one.access.startswith("app:")]
    assert len(opened) >= 9
    for operation in sorted(opened, key=lambda one: one.endpoint != "sessions_api.checkout"):  # who paid has a portal
        right = program.right(operation)
        request: dict[str, Any] = {"query_string": urlencode(right)} if operation.method == "GET" else {"json": right}
        answer = program.send(operation, **request)
        assert answer.status_code == operation.description.status, f"{operation.endpoint}: {answer.text}"
        for hostile in _attacks(operation, right):
            program.send(operation, **hostile)
        for name in re.findall(r"{(\w+)}", operation.path):
            for raw in (*(text.encode("utf-8", "surrogatepass")[:5000] for text in HOSTILE_TEXT), *HOSTILE_BYTES):
                program.send(operation, path=program.path(operation, **{name: quote_from_bytes(raw, safe="") or "%20"}))
    assert program.faults == []
    for operation in opened:
        assert {(operation.endpoint, 403), (operation.endpoint, 422)} <= program.statuses


def _attacks(operation: Operation, right: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what can be wrong about a request to an endpoint."""
    luck = random.Random(operation.endpoint)
    yield from _queries(operation, right, luck) if operation.method == "GET" else _bodies(operation, right, luck)
    for raw in HOSTILE_BYTES:
        for name in ("HTTP_X_API_KEY", "HTTP_IDEMPOTENCY_KEY", "HTTP_ACCEPT", "CONTENT_TYPE"):
            yield {"json": right, "environ_overrides": {name: raw.decode("latin-1")}}


def _queries(operation: Operation, right: dict[str, Any], luck: random.Random) -> Iterator[dict[str, Any]]:
    written = {name: _quoted(str(value)) for name, value in right.items()}
    also = [*map(_quoted, NOT_TEXT), *map(quote_from_bytes, HOSTILE_BYTES)]
    bad = {name: [*map(_quoted, _texts(operation, name)), *also] for name in right}
    for fields in _made_wrong(operation, written, bad, luck):
        yield {"query_string": "&".join(f"{name}={value}" for name, value in fields.items())}
    usual = "&".join(f"{name}={value}" for name, value in written.items())
    for tail in ("&" + usual, "&a[b]=1", "&%ff=%fe", "&=&&==", "&" + "q=1&" * 1200, "&%00=%00", ";" + usual):
        yield {"query_string": usual + tail}


def _bodies(operation: Operation, right: dict[str, Any], luck: random.Random) -> Iterator[dict[str, Any]]:
    written = {name: json.dumps(value) for name, value in right.items()}
    bad = {name: [*map(json.dumps, _texts(operation, name)), *NOT_TEXT] for name in right}
    raw = json.dumps(right).encode()
    whole = [_object(fields) for fields in _made_wrong(operation, written, bad, luck)]
    whole += [*HOSTILE_JSON, *HOSTILE_BYTES, _object({**written, "unknown": "1"}), b"[" + raw + b"]"]
    whole += [raw[:-1] + tail for tail in (b',"user_id":"\xff\xfe"}', b',"user_id":"twice"}', b"", b"}}")]
    for body in whole:
        yield {"data": body, "content_type": "application/json"}
    for kind in ("", "text/json", "application/json; charset=utf-7", "multipart/form-data", "application/\x00"):
        yield {"data": raw, "content_type": kind}
    yield {"data": raw, "content_type": "application/json", "headers": {"Content-Encoding": "gzip"}}


def _made_wrong(
    operation: Operation, right: dict[str, str], bad: dict[str, list[str]], luck: random.Random
) -> Iterator[dict[str, str]]:
    """Yield the fields with one of them wrong or gone; with one wrong and all gone that may be; then with some pairs wrong."""
    model = _model(operation)
    fewest = {name: value for name, value in right.items() if model.model_fields[name].is_required()}
    for name in right:
        yield {other: value for other, value in right.items() if other != name}
        yield from ({**right, name: value} for value in bad[name])
        if name not in fewest:
            yield from ({**fewest, name: value} for value in bad[name][: len(EDGES)])
    for _ in range(PAIRS):
        yield {**right, **{name: luck.choice(bad[name]) for name in luck.sample(sorted(right), 2)}}


def _texts(operation: Operation, name: str) -> tuple[str, ...]:
    """Return the texts to try for a field: what is hostile to its kind, then what is hostile anywhere."""
    said = json.dumps(_model(operation).model_json_schema()["properties"][name])
    edges = EDGES if "date-time" in said else ADDRESSES if name.endswith("_url") else ()
    return (*edges, *(text[:9000] for text in HOSTILE_TEXT))


def _object(fields: dict[str, str]) -> bytes:
    """Return a body of these fields, each already written as JSON."""
    return ("{" + ",".join(f'"{name}":{value}' for name, value in fields.items()) + "}").encode(
        "utf-8", "surrogatepass"
    )


def _quoted(text: str) -> str:
    return quote_from_bytes(text.encode("utf-8", "surrogatepass"))
