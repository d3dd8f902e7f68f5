"""Every route with every parameter it declares, in every combination a generator thinks of: never a server error."""

import re
from urllib.parse import urlencode

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.simulator import parameters
from portal.simulator.catalogue import ROUTES
from portal.simulator.routes import Route
from tests.simulator.running import Running
from tests.simulator.shop import checkout, submit, subscribed

Pairs = list[tuple[str, str]]
HEADERS = {"Authorization": "Bearer sk_test_spine", "Content-Type": "application/x-www-form-urlencoded"}
NONSENSE = st.sampled_from(["", "x", "-1", "99999999999", "true", "\x00", "🌦", "1e9", "%00", "now", "a" * 6000])
LISTS = ("customers", "prices", "products", "subscriptions?status=all", "invoices", "charges", "payment_intents",
         "checkout/sessions", "events")  # fmt: skip


@st.composite
def form(draw: st.DrawFn, kind: parameters.Kind, path: str, known: list[str]) -> Pairs:
    """Form fields that fit the declaration, mostly."""
    if draw(st.integers(0, 24)) == 0:
        return [(path, draw(NONSENSE))]
    if isinstance(kind, parameters.Fields):
        chosen = [n for n in kind.names if n in kind.required or draw(st.integers(0, 4)) == 0]
        inner = [draw(form(kind.names[n], f"{path}[{n}]" if path else n, known)) for n in chosen]
        return [pair for pairs in inner for pair in pairs]
    if isinstance(kind, parameters.Many):
        return [pair for i in range(draw(st.integers(0, 2))) for pair in draw(form(kind.of, f"{path}[{i}]", known))]
    if isinstance(kind, parameters.Either):
        return draw(form(draw(st.sampled_from(kind.alternatives)), path, known))
    return [(path + ("[k]" if isinstance(kind, parameters.Metadata) else ""), draw(_value(kind, known)))]


def _value(kind: parameters.Kind, known: list[str]) -> st.SearchStrategy[str]:
    if isinstance(kind, parameters.Choice):
        return st.sampled_from(kind.options)
    if isinstance(kind, parameters.Integer):
        return st.integers(-5, 2_000_000_000).map(str)
    if isinstance(kind, parameters.Flag):
        return st.sampled_from(["true", "false"])
    if isinstance(kind, parameters.Address):
        return st.just("http://127.0.0.1:9/hook")
    if isinstance(kind, parameters.Text):
        return st.sampled_from(
            [*known, "eur", "jpy", "pm_card_visa", "pm_card_chargeDeclined", "customer", "data.customer"]
        )
    return NONSENSE


@pytest.fixture(scope="module")
def known(running: Running) -> list[str]:
    """Identifiers of everything a small shop has."""
    client = running.client()
    subscribed(client)
    submit(checkout(client).url)
    checkout(client, mode="setup")
    found = []
    for name in LISTS:
        answer = requests.get(f"{running.url}/v1/{name}", headers=HEADERS, timeout=20).json()
        found += [thing["id"] for thing in answer["data"]]
    return found


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), route=st.sampled_from([route for route in ROUTES if route.method != "DELETE"]))
def test_declared_parameters_never_break_anything(
    running: Running, known: list[str], data: st.DataObject, route: Route
) -> None:
    path = re.sub(r"\{\w+\}", lambda _: data.draw(st.sampled_from(known)), route.template)
    sent = urlencode(data.draw(form(route.accepts, "", known)))
    query, body = (f"?{sent}", None) if route.method == "GET" else ("", sent)
    answer = requests.request(route.method, running.url + path + query, data=body, headers=HEADERS, timeout=20)
    assert answer.status_code < 500, answer.text
    assert answer.headers["Request-Id"].startswith("req_")
