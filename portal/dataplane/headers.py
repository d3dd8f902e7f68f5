"""Which headers pass the gateway, and which it writes itself."""

from __future__ import annotations

from aiohttp.web import BaseRequest
from multidict import CIMultiDict, CIMultiDictProxy

from portal.dataplane.types import Credential, Route

KEY_HEADERS = ("X-API-Key", "apikey")
REQUEST_ID = "X-Kong-Request-Id"
_HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "http2-settings",
    )
)
# Cookies never pass: the portal may live on the same host (ports do not separate cookies), so a provider would
# receive its visitors' sessions, or set them.
_NOT_UPSTREAM = _HOP_BY_HOP | frozenset(
    (
        "host",
        "content-length",
        "expect",
        "cookie",
        "forwarded",
        "x-real-ip",
        "x-anonymous-consumer",
        *(name.lower() for name in KEY_HEADERS),
    )
)
_NOT_UPSTREAM_PREFIXES = ("x-consumer-", "x-credential-", "x-forwarded-", "x-kong-")
_NOT_DOWNSTREAM = _HOP_BY_HOP | frozenset(("content-length", "set-cookie", "server", "date"))
_NOT_DOWNSTREAM_PREFIXES = ("x-kong-", "access-control-", "ratelimit-", "x-ratelimit-", "x-quota-")


def upstream_headers(
    request: BaseRequest, route: Route, credential: Credential, request_id: str, path: str, client_ip: str
) -> CIMultiDict[str]:
    """Return what the provider's server receives: the caller's headers without key and hops, and who is calling."""
    incoming = request.headers
    named = _named_by_connection(incoming)
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in incoming.items():
        lower = name.lower()
        if lower not in _NOT_UPSTREAM and lower not in named and not lower.startswith(_NOT_UPSTREAM_PREFIXES):
            headers.add(name, value)
    host = incoming.get("Host", "")
    headers["X-Forwarded-For"] = client_ip
    headers["X-Real-IP"] = client_ip
    headers["X-Forwarded-Proto"] = request.scheme
    headers["X-Forwarded-Host"] = host
    headers["X-Forwarded-Path"] = path
    headers["X-Forwarded-Prefix"] = f"/{route.prefix}"
    headers[REQUEST_ID] = request_id
    headers["X-Consumer-ID"] = credential.consumer_id
    headers["X-Consumer-Custom-ID"] = str(credential.subscription_id)
    headers["X-Consumer-Username"] = f"sub-{credential.subscription_id}"
    headers["X-Credential-Identifier"] = credential.credential_id
    return headers


def downstream_headers(upstream: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    """Return what the caller receives of the upstream's headers."""
    named = _named_by_connection(upstream)
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in upstream.items():
        lower = name.lower()
        if lower not in _NOT_DOWNSTREAM and lower not in named and not lower.startswith(_NOT_DOWNSTREAM_PREFIXES):
            headers.add(name, value)
    return headers


def preflight_headers(request: BaseRequest) -> dict[str, str]:
    """Return Kong's cors answer to a browser: any origin, no credentials, whatever headers were asked for."""
    asked = request.headers.get("Access-Control-Request-Headers", "")
    return {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS",
        **({"Access-Control-Allow-Headers": asked[:1000]} if asked.isprintable() and asked else {}),
        "Access-Control-Max-Age": "3600",
    }


EXPOSED = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": f"{REQUEST_ID}, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset,"
    " X-RateLimit-Limit-Minute, X-RateLimit-Remaining-Minute, X-Quota-Limit, X-Quota-Remaining, X-Quota-Reset,"
    " Retry-After",
}


def _named_by_connection(headers: CIMultiDictProxy[str]) -> frozenset[str]:
    connection = headers.get("Connection")
    if connection is None or connection.lower() in ("keep-alive", "close"):
        return frozenset()
    return frozenset(part.strip().lower() for value in headers.getall("Connection") for part in value.split(","))
