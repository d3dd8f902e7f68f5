"""Answers the gateway gives itself: Kong's words and headers in a problem document (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from portal.dataplane.types import Decision
from portal.kit.money import Money


@dataclass(slots=True, eq=False)
class Refusal(Exception):
    """Why a call goes no further. `message` is what Kong would say; `detail` what to do about it."""

    status: int
    kind: str
    message: str
    detail: str
    decision: Decision
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


def refusal_body(refusal: Refusal, request_id: str, portal_url: str) -> bytes:
    """Return the JSON body: Kong's `message` and `request_id` beside the problem's own members."""
    return orjson.dumps(
        {
            "type": f"{portal_url}/problems/{refusal.kind}",
            "title": refusal.message,
            "status": refusal.status,
            "detail": refusal.detail,
            "message": refusal.message,
            "request_id": request_id,
            **refusal.extra,
        }
    )


def refusal_response(refusal: Refusal, request_id: str, portal_url: str) -> web.Response:
    """Return the whole answer, apart from the headers that every answer of the gateway carries."""
    return web.Response(
        status=refusal.status,
        body=refusal_body(refusal, request_id, portal_url),
        content_type="application/problem+json",
        headers=refusal.headers,
    )


def no_route() -> Refusal:
    return Refusal(
        404,
        "no-route",
        "no Route matched with those values",
        "Call `/<organisation>/<api>/…` of a published API. The API's page shows its address.",
        Decision.NO_ROUTE,
    )


def api_blocked(portal_url: str) -> Refusal:
    return Refusal(
        403,
        "api-blocked",
        "You cannot consume this service",
        "The marketplace has blocked this API. Calls are neither passed on nor billed, and another key changes nothing."
        " Keys work again if it comes back; until then the subscription goes on unless it is cancelled.",
        Decision.API_BLOCKED,
        extra={"help": f"{portal_url}/subscriptions"},
    )


def bad_request(detail: str) -> Refusal:
    return Refusal(400, "bad-request", "Bad request", detail, Decision.BAD_REQUEST)


def method_not_allowed() -> Refusal:
    return Refusal(
        405,
        "method-not-allowed",
        "Method not allowed",
        "TRACE and CONNECT do not pass the gateway.",
        Decision.BAD_REQUEST,
        {"Allow": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"},
    )


_CHALLENGE = {"WWW-Authenticate": "Key"}


def no_key(detail: str = "Send your key in the `X-API-Key` header.") -> Refusal:
    return Refusal(401, "no-key", "No API key found in request", detail, Decision.NO_KEY, _CHALLENGE)


def key_in_query() -> Refusal:
    return Refusal(
        401,
        "key-in-query",
        "No API key found in request",
        "A key in an address ends up in logs and histories. Send it in the `X-API-Key` header, and replace this key.",
        Decision.KEY_IN_QUERY,
        _CHALLENGE,
    )


def several_keys() -> Refusal:
    return Refusal(
        401, "several-keys", "Duplicate API key found", "Send exactly one key.", Decision.BAD_KEY, _CHALLENGE
    )


def bad_key() -> Refusal:
    return Refusal(
        401, "bad-key", "Unauthorized", "This key is unknown, expired or revoked.", Decision.BAD_KEY, _CHALLENGE
    )


def wrong_api(portal_url: str) -> Refusal:
    return Refusal(
        403,
        "wrong-api",
        "You cannot consume this service",
        "This key belongs to a subscription of another API.",
        Decision.WRONG_API,
        extra={"help": f"{portal_url}/subscriptions"},
    )


def not_entitled(portal_url: str, subscription_id: int) -> Refusal:
    return Refusal(
        403,
        "not-entitled",
        "You cannot consume this service",
        "The subscription behind this key does not include this API at the moment.",
        Decision.NOT_ENTITLED,
        extra={"help": f"{portal_url}/subscriptions/{subscription_id}"},
    )


def too_large(limit: int) -> Refusal:
    return Refusal(
        413,
        "too-large",
        "Request size limit exceeded",
        f"The gateway passes bodies of up to {limit} bytes.",
        Decision.TOO_LARGE,
        {"Connection": "close"},
    )


def rate_limited(limit: int, reset: int) -> Refusal:
    return Refusal(
        429,
        "rate-limit-exceeded",
        "API rate limit exceeded",
        f"The plan allows {limit} calls per minute. The next minute starts in {reset} s.",
        Decision.RATE_LIMITED,
        {"Retry-After": str(reset)},
        {"limit": limit, "retry_after": reset},
    )


def quota_exceeded(limit: int, resets_at: str, retry_after: int, portal_url: str, subscription_id: int) -> Refusal:
    return Refusal(
        429,
        "quota-exceeded",
        "API quota exceeded",
        f"All {limit} calls of this period are used. The next period starts at {resets_at}.",
        Decision.QUOTA_EXCEEDED,
        {"Retry-After": str(retry_after)},
        {"limit": limit, "resets_at": resets_at, "help": f"{portal_url}/subscriptions/{subscription_id}"},
    )


def spending_limit_reached(
    own: Money, calls: int, resets_at: str, retry_after: int, portal_url: str, subscription_id: int
) -> Refusal:
    sum_of_money = f"{own.decimal} {own.currency.upper()}"
    return Refusal(
        429,
        "spending-limit-reached",
        "Spending limit reached",
        f"Your limit of {sum_of_money} a period pays for {calls} calls, and they are used. Calls are served again"
        f" once somebody raises the limit, or when the next period starts at {resets_at}.",
        Decision.SPENDING_LIMIT,
        {"Retry-After": str(retry_after)},
        {
            "limit": calls,
            "spending_limit": own.amount,
            "currency": own.currency,
            "resets_at": resets_at,
            "help": f"{portal_url}/subscriptions/{subscription_id}",
        },
    )


def upstream_failed(detail: str = "The provider's server could not be reached.") -> Refusal:
    return Refusal(
        502,
        "upstream-failed",
        "An invalid response was received from the upstream server",
        detail + " This call is not counted.",
        Decision.UPSTREAM_FAILED,
    )


def upstream_timeout() -> Refusal:
    return Refusal(
        504,
        "upstream-timeout",
        "The upstream server is timing out",
        "The provider's server did not answer in time. This call is not counted.",
        Decision.UPSTREAM_TIMEOUT,
    )


def unavailable(detail: str) -> Refusal:
    return Refusal(503, "unavailable", "Service unavailable", detail, Decision.UNAVAILABLE, {"Retry-After": "2"})


def slow_client() -> Refusal:
    return Refusal(
        408,
        "slow-client",
        "Request timeout",
        "The request's body arrived too slowly.",
        Decision.SLOW_CLIENT,
        {"Connection": "close"},
    )
