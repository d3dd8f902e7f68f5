"""Whatever arrives, the answer is a clear one: never a failure, and never a web page where a program asked.

The garbage is made from a fixed seed, so a fault that it finds is found again. It goes through every route of the
application, as a stranger and as people with every right, over rows that exist, so that it gets past the front door.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from portal.db import SYSTEM, transaction
from portal.gateway.service import issue_key
from portal.kit.clock import ManualClock
from portal.settings import Settings
from tests.architecture.hostile import HOSTILE_BYTES, HOSTILE_JSON, HOSTILE_TEXT
from tests.architecture.source import ROOT
from tests.factories import (
    make_account,
    make_api,
    make_entitlement,
    make_organisation,
    make_plan,
    make_subscription,
    make_user,
)
from tests.payments import conftest as plugged_in
from tests.sign_in import WAYS, bearer_of, sign_in_as
from tests.stripe_world import signature

app, stripe_world = plugged_in.app, plugged_in.stripe_world  # the application, and a payment provider that answers

HEADERS = (
    "Accept",
    "Accept-Language",
    "Authorization",
    "Content-Encoding",
    "Content-Type",
    "HX-Request",
    "HX-Current-URL",
    "Idempotency-Key",
    "If-Modified-Since",
    "If-None-Match",
    "Range",
    "Referer",
    "Sec-Fetch-Site",
    "Stripe-Signature",
    "User-Agent",
    "X-CSRFToken",
    "X-Forwarded-For",
    "X-Gateway-Token",
    "X-Request-Id",
    "traceparent",
)
NUMBERS = ("1", "0", "2", "9223372036854775807", "9223372036854775808", "9" * 4000, "٣")
KNOWN = {"organisation": "kestrel", "api": "rates", "operation": "getLatest", "form": "json"}
FAILS_ON_PURPOSE = ("health", "styleguide")  # they tell of failures; that is what they are for
PER_ROUTE = 6


class Attacker:
    """Sends garbage to routes and remembers every answer that nobody should get."""

    def __init__(
        self, app: Flask, client: FlaskClient, seed: int, headers: dict[str, str] | None = None, person: Any = None
    ) -> None:
        self.client, self.headers, self.luck, self.person = client, headers or {}, random.Random(seed), person
        self.rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.split(".")[0] not in FAILS_ON_PURPOSE]
        self.names = sorted(field_names())
        self.faults: list[str] = []
        self.statuses: set[int] = set()

    def attack(self, kinds: tuple[Callable[[Rule], dict[str, Any]], ...]) -> None:
        """Send some requests of random kinds to every route."""
        for rule in self.rules:
            if self.person:
                sign_in_as(self.client, self.person)  # some routes end sessions
            for number in range(PER_ROUTE):
                self.send(rule, {"path": self.address(rule), **kinds[number % len(kinds)](rule)})

    def send(self, rule: Rule, request: dict[str, Any]) -> None:
        methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        request.setdefault("method", self.luck.choice(methods))
        request["headers"] = {**self.headers, **request.get("headers", {})}
        self.judge(rule, request, self.client.open(**request))

    def judge(self, rule: Rule, request: dict[str, Any], answer: TestResponse) -> None:
        self.statuses.add(answer.status_code)
        told = f"{rule.endpoint} {answer.status_code} {answer.mimetype} {str(request)[:600]}"
        if answer.status_code >= 500:
            self.faults.append(told)
        if rule.rule.startswith(("/api/", "/billing/")) and answer.mimetype == "text/html":
            self.faults.append(f"a page for a program: {told}")
        if answer.status_code >= 400 and answer.mimetype == "application/problem+json":
            problem = json.loads(answer.data)
            missing = {"type", "title", "status", "detail", "request_id"} - problem.keys()
            if missing or problem["status"] != answer.status_code:
                self.faults.append(f"an incomplete problem: {told}")

    def address(self, rule: Rule) -> str:
        """An address of the route; its parts are of things that exist, or hostile."""
        return re.sub(r"<(?:(\w+)(?:\([^)]*\))?:)?(\w+)>", lambda part: self.part(part[1] or "", part[2]), rule.rule)

    def part(self, kind: str, name: str) -> str:
        if kind == "int":
            return self.luck.choice(NUMBERS)
        if kind == "uuid":
            return self.luck.choice(("00000000-0000-4000-8000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"))
        raw = self.luck.choice((self.text().encode("utf-8", "surrogatepass")[:900], self.luck.choice(HOSTILE_BYTES)))
        return KNOWN.get(name, "x") if self.luck.random() < 0.6 else quote_from_bytes(raw, safe="") or "x"

    def text(self) -> str:
        return self.luck.choice(HOSTILE_TEXT)

    def some_fields(self) -> list[tuple[str, str]]:
        """Field names that pages really use, several times over, with hostile values."""
        return [(self.luck.choice(self.names), self.text()[:5000]) for _ in range(self.luck.randint(1, 12))]

    def query(self, _rule: Rule) -> dict[str, Any]:
        raw = "&".join(
            f"{name}={quote_from_bytes(value.encode('utf-8', 'surrogatepass')[:2000])}"
            for name, value in self.some_fields()
        )
        tail = self.luck.choice(("", "&=&&==", "&a[b]=1", "&%ff=%fe", "&" + "q=1&" * 1200, "&" + "a" * 9000))
        return {"query_string": raw + tail}

    def form(self, _rule: Rule) -> dict[str, Any]:
        raw = b"&".join(
            quote_from_bytes(name.encode()).encode()
            + b"="
            + quote_from_bytes(value.encode("utf-8", "surrogatepass")).encode()
            for name, value in self.some_fields()
        )
        raw += self.luck.choice((b"", b"&\xff\xfe=\x00", b"&" + b"f=1&" * 1500, b"&%zz=%"))
        return {"data": raw, "content_type": "application/x-www-form-urlencoded"}

    def multipart(self, _rule: Rule) -> dict[str, Any]:
        body = self.luck.choice(HOSTILE_BYTES + HOSTILE_JSON)
        part = b'--b\r\nContent-Disposition: form-data; name="document"; filename="\xff\x00.."\r\n\r\n' + body
        end = self.luck.choice((b"\r\n--b--\r\n", b"", b"\r\n--b"))
        boundary = self.luck.choice(("b", "", "b; charset=utf-16", "\xff"))
        return {"data": part + end, "content_type": f"multipart/form-data; boundary={boundary}"}

    def json(self, _rule: Rule) -> dict[str, Any]:
        values: list[Any] = [self.text(), [self.text()] * 3, {"a": [{}]}, -1, 2**70, 1e308, True, None, []]
        nested = {name: self.luck.choice(values) for name in self.luck.sample(self.names, 6)}
        body = self.luck.choice((*HOSTILE_JSON, json.dumps(nested).encode(), json.dumps([nested] * 40).encode()))
        kind = self.luck.choice(("application/json", "application/json; charset=utf-7", "text/json", "application/xml"))
        return {"data": body, "content_type": kind}

    def header(self, _rule: Rule) -> dict[str, Any]:
        """Headers as a server hands them over: any bytes but line ends, as Latin-1."""
        found = {}
        for name in self.luck.sample(HEADERS, 6):
            value = self.text().replace("\r\n", " ")[:4000].encode("utf-8", "surrogatepass").decode("latin-1")
            found["HTTP_" + name.upper().replace("-", "_")] = value
        return {"environ_overrides": found}

    def cookie(self, _rule: Rule) -> dict[str, Any]:
        raw = self.luck.choice(
            (b"session=\xff\x00", b"session=" + b"a" * 9000, b";;;=;", b"theme=\xf0\x9f; locale=..%2f", b"=" * 500)
        )
        return {"environ_overrides": {"HTTP_COOKIE": raw.decode("latin-1")}}


def field_names() -> Iterator[str]:
    """The names of fields and parameters that the pages send, read from the pages and from the code that reads them."""
    for page in (ROOT / "templates").rglob("*.html"):
        text = page.read_text()
        yield from re.findall(r'(?:field|select|password|number|textarea|checkbox|radio_cards)\("(\w+)"', text)
        yield from re.findall(r'\bname="(\w+)"', text)
    for module in (ROOT / "portal").rglob("*.py"):
        yield from re.findall(r'(?:args|form|values)\.(?:get|getlist)\("(\w+)"', module.read_text())


@pytest.fixture
def owner(app: Flask, settings: Settings, clock: ManualClock) -> Any:
    """A person with every right over an API, a plan, a subscription and a key, all of them number 1."""
    organisation = make_organisation("Kestrel Data", "kestrel")
    account = make_account(organisation)
    api = make_api(organisation, slug="rates")
    plan, price = make_plan(api)
    subscription = make_subscription(account, plan, price, clock.now())
    make_entitlement(account, api, subscription)
    olive = make_user("Olive", organisation=organisation, is_operator=True)
    with transaction(SYSTEM):  # left open it would be ended by PostgreSQL while the attack goes on
        issue_key(account.id, subscription.id, "First", created_by=olive.id, now=clock.now(), pepper=settings.pepper)
    return olive


@pytest.mark.parametrize("seed", [1, 2])
def test_a_stranger_cannot_make_it_fail(app: Flask, client: FlaskClient, owner: Any, seed: int) -> None:
    attacker = Attacker(app, client, seed)
    attacker.attack(
        (attacker.query, attacker.form, attacker.json, attacker.header, attacker.cookie, attacker.multipart)
    )
    assert attacker.faults == []
    assert {401, 404, 200} <= attacker.statuses  # it came past the front door


@pytest.mark.parametrize("seed", [3, 4])
def test_a_person_with_every_right_cannot_make_it_fail(app: Flask, client: FlaskClient, owner: Any, seed: int) -> None:
    attacker = Attacker(app, client, seed, person=owner)
    attacker.attack((attacker.query, attacker.form, attacker.header, attacker.multipart, attacker.json, attacker.form))
    assert attacker.faults == []
    assert {200, 303, 404, 422} <= attacker.statuses


@pytest.mark.parametrize("seed", [5, 6])
def test_a_program_with_a_token_gets_problems_and_never_pages(
    app: Flask, client: FlaskClient, owner: Any, seed: int
) -> None:
    attacker = Attacker(app, client, seed, bearer_of(1, role="admin"))
    attacker.rules = [rule for rule in attacker.rules if rule.rule.startswith(("/api/", "/billing/"))]
    for _ in range(4):
        attacker.attack((attacker.json, attacker.query, attacker.form, attacker.multipart))
    assert attacker.faults == []
    assert {400, 415, 422} <= attacker.statuses


@pytest.mark.parametrize("way", WAYS)
def test_signed_garbage_is_still_only_garbage(app: Flask, clock: ManualClock, way: str) -> None:
    """A delivery with the right signature, and a log batch with the right token, may hold anything."""
    attacker = Attacker(app, WAYS[way](app, app.response_class), 7)
    doors = {rule.rule: rule for rule in attacker.rules}
    logs, hook = doors["/api/gateway/logs"], doors["/api/v1/webhooks/stripe"]
    bodies = [*HOSTILE_JSON, *HOSTILE_BYTES, *(attacker.json(hook)["data"] for _ in range(40))]
    event = {"id": "evt_1", "type": "invoice.paid", "created": 1, "data": {"object": {}}, "livemode": False}
    event |= {"account": None, "api_version": None}
    for name in ("object", "id"):
        bodies += [json.dumps({**event, "data": {"object": {name: odd}}}).encode() for odd in ([], {}, True, 1, "\x00")]
    for name in event:
        odd = (None, [], {}, -1, 2**70, "\x00", "x" * 70_000, "\ud800")
        bodies += [json.dumps({**event, name: value}).encode() for value in odd]
    for body in bodies:
        signed = signature(body, clock.now().timestamp())
        for door, headers in (
            (hook, {"Stripe-Signature": signed}),
            (logs, {"X-Gateway-Token": "gateway-log-token-for-tests"}),
        ):
            kind = {"Content-Type": "application/json"}
            attacker.send(door, {"path": door.rule, "method": "POST", "data": body, "headers": {**headers, **kind}})
    assert attacker.faults == []
    assert {200, 400} <= attacker.statuses


@pytest.mark.parametrize("raw", [b"/\xff\xfe", b"/%", b"//", b"/..%2f..", b"/\x00", b"/" + b"a/" * 4000])
def test_an_address_of_any_bytes_gets_a_page_that_says_so(client: FlaskClient, raw: bytes) -> None:
    answer = client.get("/", environ_overrides={"PATH_INFO": raw.decode("latin-1"), "REQUEST_URI": ""})
    assert answer.status_code in (200, 308, 400, 404)
    answer = client.get("/", environ_overrides={"PATH_INFO": "/api" + raw.decode("latin-1"), "REQUEST_URI": ""})
    assert answer.status_code in (308, 400, 404)
    assert answer.mimetype == "application/problem+json" or answer.status_code == 308
