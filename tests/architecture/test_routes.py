"""Every door says who may come in, and looking changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from portal.db import SYSTEM, transaction
from portal.identity.models import User
from portal.projects.types import SCOPES
from tests.factories import make_account, make_organisation, make_user
from tests.sign_in import sign_in_as

SAMPLES = {"int": 1, "uuid": "00000000-0000-4000-8000-000000000000", "path": "x", "default": "x", "string": "x"}
WRITING = ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "MERGE")
ACCESS = ("public", "signed in", "person", "operator", "right: read", "right: buy", "right: keys", "right: publish")


def rules(app: Flask) -> list[Rule]:
    """Every route but Flask's own file server."""
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]


def addresses(app: Flask, method: str) -> Iterator[tuple[str, str]]:
    """Yield `(endpoint, address)` of every route that takes `method`, with made-up values for its parts."""
    with app.test_request_context():
        for rule in rules(app):
            if method in (rule.methods or ()):
                values: dict[str, Any] = {
                    name: SAMPLES[_kind(rule, name)] for name in rule.arguments if name not in (rule.defaults or {})
                }
                yield rule.endpoint, app.url_for(rule.endpoint, **values)


def access(app: Flask, endpoint: str) -> str:
    """Return what a route says about who may use it."""
    said: str = app.view_functions[endpoint].__dict__["access"]
    return said


def test_every_route_says_who_may_use_it(app: Flask) -> None:
    silent = sorted({r.endpoint for r in rules(app) if getattr(app.view_functions[r.endpoint], "access", None) is None})
    assert silent == []
    said = {app.view_functions[r.endpoint].access for r in rules(app)}  # type: ignore[attr-defined]
    assert said <= {*ACCESS, "right: manage", *(f"app: {scope}" for scope in SCOPES)}


def test_no_get_route_writes(app: Flask, client: FlaskClient, statements: list[str]) -> None:
    """Seen from the database: an owner who is also an operator opens every page; nothing is written."""
    olive = _operator()
    sign_in_as(client, olive)
    written = []
    for endpoint, address in addresses(app, "GET"):
        statements.clear()
        client.get(address)
        written += [f"{endpoint}: {text[:80]}" for text in statements if text.lstrip().upper().startswith(WRITING)]
    assert written == []


def test_nobody_gets_a_failure_from_an_unknown_thing(app: Flask, client: FlaskClient) -> None:
    """Signed in or not, by page, fragment or JSON: made-up ids give a clear answer and never a 500."""
    for person in (None, _operator()):
        if person:
            sign_in_as(client, person)
        for endpoint, address in addresses(app, "GET"):
            for headers in ({}, {"HX-Request": "true"}, {"Accept": "application/json"}):
                answer = client.get(address, headers=headers)
                assert answer.status_code < 500 or endpoint.startswith(("styleguide", "health")), (address, headers)


def test_every_unsafe_route_refuses_a_form_without_its_token(app: Flask, client: FlaskClient) -> None:
    """From a signed-in browser, without the token: refused, or a machine's door that has a credential of its own."""
    sign_in_as(client, _operator())
    for endpoint, address in addresses(app, "POST"):
        answer = client.post(address, data={"x": "1"}, form_token=False)
        assert answer.status_code in (400, 401, 403, 404, 405, 415, 503), (endpoint, answer.status_code)


def test_every_unsafe_route_refuses_another_site(app: Flask, client: FlaskClient) -> None:
    sign_in_as(client, _operator())
    for endpoint, address in addresses(app, "POST"):
        answer = client.post(address, data={"x": "1"}, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code in (400, 401, 403, 404, 405, 415, 503), (endpoint, answer.status_code)


def test_a_guarded_door_is_shut_to_strangers(app: Flask, client: FlaskClient) -> None:
    for method in ("GET", "POST"):
        for endpoint, address in addresses(app, method):
            if access(app, endpoint) == "public":
                continue
            answer = client.open(address, method=method)
            if answer.status_code == 303:
                assert answer.location.startswith("/login?next="), (method, address)
            else:
                assert answer.status_code == 401, (method, address, answer.status_code)


def test_a_right_is_asked_for_before_anything_is_looked_up(app: Flask, client: FlaskClient) -> None:
    """A viewer may read; every door that asks for more is shut, whether the thing behind it exists or not."""
    organisation = make_organisation()
    make_account(organisation)
    sign_in_as(client, make_user("Vera", organisation=organisation, role="viewer"))
    for method in ("GET", "POST"):
        for endpoint, address in addresses(app, method):
            asked = access(app, endpoint)
            if asked == "operator" or (asked.startswith("right: ") and asked != "right: read"):
                assert client.open(address, method=method).status_code == 403, (method, address)


def test_no_unsafe_route_fails_on_an_unknown_thing_or_an_empty_request(app: Flask, client: FlaskClient) -> None:
    sign_in_as(client, _operator())
    bodies: tuple[dict[str, Any], ...] = (
        {"data": {}},
        {"json": {}},
        {"json": []},
        {"data": b"\xff\x00{", "content_type": "application/json"},
        {"data": {"x": "\x00"}},
    )
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for endpoint, address in addresses(app, method):
            if endpoint == "identity.sign_out":
                continue
            for body in bodies:
                answer = client.open(address, method=method, **body)
                assert answer.status_code < 500, (method, address, body, answer.status_code)


def test_a_method_a_route_does_not_know_is_refused(app: Flask, client: FlaskClient) -> None:
    sign_in_as(client, _operator())
    for rule in rules(app):
        known = {method for other in rules(app) if other.rule == rule.rule for method in other.methods or ()}
        address = dict(addresses(app, next(iter((rule.methods or set()) - {"HEAD", "OPTIONS"}))))[rule.endpoint]
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - known:
            answer = client.open(address, method=method)
            assert answer.status_code == 405, (method, address, answer.status_code)
            assert answer.headers["Allow"]


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "CONNECT"])
def test_methods_nobody_uses_are_refused(client: FlaskClient, method: str) -> None:
    assert client.open("/", method=method).status_code == 405


def test_a_method_cannot_be_smuggled(client: FlaskClient) -> None:
    answer = client.get("/logout", headers={"X-HTTP-Method-Override": "POST"})
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def _operator() -> User:
    organisation = make_organisation()
    make_account(organisation)
    olive = make_user("Olive", organisation=organisation, role="owner")
    with transaction(SYSTEM) as session:
        session.execute(User.__table__.update().where(User.id == olive.id).values(is_operator=True))
    return olive


def _kind(rule: Rule, name: str) -> str:
    converter = type(rule._converters[name]).__name__
    return {"RowNumber": "int", "UUIDConverter": "uuid", "PathConverter": "path"}.get(converter, "default")
