"""A call through the gateway: who gets in, what passes, what the caller reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from portal.catalog import operating
from portal.db import SYSTEM, transaction
from tests.dataplane.conftest import Customer, GatewayProcess, LogSink, utc_now, wait_until
from tests.factories import make_api_key


def test_a_call_with_a_key_reaches_the_upstream_and_comes_back(gateway: GatewayProcess, customer: Customer) -> None:
    answer = gateway.call(f"{customer.path}/v1/rates?base=EUR", customer.text)
    assert answer.status == 200
    seen = answer.json()
    assert seen["target"] == "/v1/rates?base=EUR"
    assert seen["headers"]["x-consumer-custom-id"] == str(customer.subscription.id)
    assert seen["headers"]["x-consumer-username"] == f"sub-{customer.subscription.id}"
    assert seen["headers"]["x-kong-request-id"] == answer.headers["X-Kong-Request-Id"]
    assert seen["headers"]["x-forwarded-prefix"] == customer.path


def test_the_key_cookies_and_hop_headers_stay_on_this_side(gateway: GatewayProcess, customer: Customer) -> None:
    answer = gateway.call(
        f"{customer.path}/echo",
        headers={
            "apikey": customer.text,
            "Cookie": "session=secret",
            "Connection": "keep-alive, X-Secret-Hop",
            "X-Secret-Hop": "1",
            "X-Consumer-ID": "forged",
            "X-Forwarded-For": "6.6.6.6",
        },
    )
    received = answer.json()["headers"]
    assert customer.text not in json.dumps(received)
    assert not {"cookie", "x-secret-hop", "apikey", "x-api-key"} & set(received)
    assert received["x-consumer-id"] != "forged"
    assert received["x-forwarded-for"] == "127.0.0.1"
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["X-Upstream"] == "yes"
    assert "X-RateLimit-Limit-Minute" not in answer.headers


def test_no_key_and_a_wrong_key_are_refused_in_kongs_words(gateway: GatewayProcess, customer: Customer) -> None:
    missing = gateway.call(f"{customer.path}/echo")
    assert missing.status == 401
    assert missing.headers["WWW-Authenticate"] == "Key"
    assert missing.headers["Content-Type"] == "application/problem+json"
    body = missing.json()
    assert body["message"] == "No API key found in request"
    assert body["request_id"] == missing.headers["X-Kong-Request-Id"]
    assert body["status"] == 401
    assert body["type"] == "https://market.example/problems/no-key"
    assert {"title", "detail"} <= set(body)
    for wrong in ("nonsense", customer.text[:-1] + "x", "mk_live_" + "a" * 60, "é" * 10):
        refused = gateway.call(f"{customer.path}/echo", headers={"X-API-Key": wrong.encode()})
        assert (refused.status, refused.json()["message"]) == (401, "Unauthorized")


def test_a_well_formed_key_nobody_issued_is_refused_like_any_other(gateway: GatewayProcess, customer: Customer) -> None:
    from portal.kit.tokens import new_token

    assert gateway.call(f"{customer.path}/echo", new_token("mk_live").text).status == 401


def test_a_key_in_the_query_is_refused_even_beside_a_good_one(
    gateway: GatewayProcess, customer: Customer, log_sink: LogSink
) -> None:
    for query in (f"apikey={customer.text}", f"x=1&Token={customer.text}", f"q={customer.text.replace('_', '%5F')}"):
        assert gateway.call(f"{customer.path}/echo?{query}", customer.text).status == 401
    assert gateway.call(f"{customer.path}/echo?apikey=whatever").status == 401
    logged = json.dumps(log_sink.wait_for(4))
    assert customer.text not in logged
    assert customer.text.replace("_", "%5F") not in logged
    assert "whatever" not in logged


def test_two_different_keys_are_refused(gateway: GatewayProcess, customer: Customer) -> None:
    answer = gateway.call(f"{customer.path}/echo", customer.text, headers={"apikey": "another"})
    assert (answer.status, answer.json()["message"]) == (401, "Duplicate API key found")


def test_an_unknown_path_has_no_route(gateway: GatewayProcess, customer: Customer) -> None:
    for path in ("/", "/nobody/nothing/x", "/one", customer.path.upper(), "//" + customer.path, "/%00/x"):
        answer = gateway.call(path, customer.text)
        assert answer.status in (400, 404), path
        if answer.status == 404:
            assert answer.json()["message"] == "no Route matched with those values"


def test_a_blocked_api_says_so_whoever_calls_and_opens_again(gateway: GatewayProcess, customer: Customer) -> None:
    assert gateway.call(f"{customer.path}/echo", customer.text).status == 200
    with transaction(SYSTEM):
        operating.block(customer.api.id, reason="Leaks keys", actor="user:1", now=utc_now())
    wait_until(lambda: gateway.call(f"{customer.path}/echo", customer.text).status == 403, within=1.0)
    for key in (customer.text, None):
        answer = gateway.call(f"{customer.path}/echo", key)
        assert answer.json()["type"].endswith("/api-blocked")
        assert "The marketplace has blocked this API" in answer.json()["detail"]
        assert answer.json()["help"] == "https://market.example/subscriptions"
    with transaction(SYSTEM):
        operating.release(customer.api.id, reason="Mended", actor="user:1", now=utc_now())
    wait_until(lambda: gateway.call(f"{customer.path}/echo", customer.text).status == 200, within=1.0)


def test_a_key_of_another_api_is_forbidden(gateway: GatewayProcess, make_customer: Callable[..., Customer]) -> None:
    ours, theirs = make_customer(), make_customer()
    answer = gateway.call(f"{theirs.path}/echo", ours.text)
    assert (answer.status, answer.json()["message"]) == (403, "You cannot consume this service")
    assert answer.json()["type"].endswith("/wrong-api")


def test_a_key_without_a_live_entitlement_is_forbidden(
    gateway: GatewayProcess, customer: Customer, settings: Any
) -> None:
    with transaction(SYSTEM) as session:
        row = session.merge(customer.entitlement)
        row.revoked_at, row.revoke_reason = utc_now(), "cancelled"
    answer = gateway.call(f"{customer.path}/echo", customer.text)
    assert answer.status == 403
    assert answer.json()["help"] == f"https://market.example/subscriptions/{customer.subscription.id}"


def test_an_entitlement_that_has_not_begun_or_has_ended_admits_nobody(
    gateway: GatewayProcess, make_customer: Callable[..., Customer]
) -> None:
    early, late = make_customer(), make_customer()
    now = utc_now()
    with transaction(SYSTEM) as session:
        session.merge(early.entitlement).valid_from = now + timedelta(hours=1)
        ended = session.merge(late.entitlement)
        ended.valid_from, ended.valid_to = now - timedelta(hours=2), now - timedelta(seconds=1)
    for someone in (early, late):
        assert gateway.call(f"{someone.path}/echo", someone.text).status == 403


def test_adjoining_entitlements_count_as_one(gateway: GatewayProcess, customer: Customer) -> None:
    from portal.entitlements.models import Entitlement

    now = utc_now()
    with transaction(SYSTEM) as session:
        first = session.merge(customer.entitlement)
        first.valid_from, first.valid_to = now - timedelta(days=1), now - timedelta(minutes=1)
        session.add(
            Entitlement(
                account_id=first.account_id, feature_id=first.feature_id, source="grace", source_id=1,
                valid_from=now - timedelta(minutes=1), valid_to=now + timedelta(days=1),
            )
        )  # fmt: skip
    assert gateway.call(f"{customer.path}/echo", customer.text).status == 200


def test_an_expired_key_reads_like_an_unknown_one(gateway: GatewayProcess, customer: Customer, settings: Any) -> None:
    _key, text = make_api_key(customer.subscription, settings.pepper, utc_now(), expires_at=utc_now())
    expired, unknown = gateway.call(f"{customer.path}/echo", text), gateway.call(f"{customer.path}/echo", "mk_live_x")
    volatile = ("request_id",)
    assert {k: v for k, v in expired.json().items() if k not in volatile} == {
        k: v for k, v in unknown.json().items() if k not in volatile
    }


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_methods_and_bodies_pass(gateway: GatewayProcess, customer: Customer, method: str) -> None:
    answer = gateway.call(f"{customer.path}/echo", customer.text, method, body=b'{"a":1}')
    assert (answer.json()["method"], answer.json()["body"]) == (method, '{"a":1}')


def test_head_answers_without_a_body(gateway: GatewayProcess, customer: Customer) -> None:
    answer = gateway.call(f"{customer.path}/large?bytes=5", customer.text, "HEAD")
    assert (answer.status, answer.data) == (200, b"")
    assert gateway.call(f"{customer.path}/echo", customer.text).status == 200


def test_a_browsers_preflight_needs_no_key_and_answers_carry_the_origin(
    gateway: GatewayProcess, customer: Customer
) -> None:
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "x-api-key,content-type"}  # fmt: skip
    preflight = gateway.call(f"{customer.path}/echo", method="OPTIONS", headers=asked)
    assert preflight.status == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert preflight.headers["Access-Control-Allow-Headers"] == "x-api-key,content-type"
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert gateway.call(f"{customer.path}/echo", method="OPTIONS").status == 401
    real = gateway.call(f"{customer.path}/echo", customer.text, headers={"Origin": "https://app.example"})
    assert real.headers["Access-Control-Allow-Origin"] == "*"


def test_a_redirect_of_the_upstream_is_the_callers_to_follow(gateway: GatewayProcess, customer: Customer) -> None:
    answer = gateway.call(f"{customer.path}/redirect", customer.text)
    assert (answer.status, answer.headers["Location"]) == (302, "http://169.254.169.254/latest/meta-data/")
