"""Around every request: its id, its log line, its security headers."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping

import structlog
from flask import Flask, Response, g, request
from werkzeug.routing import IntegerConverter

from portal.db import current_scope, enter_scope
from portal.web.health import REQUESTS, SECONDS

WEBHOOK_PATHS = ("/api/v1/webhooks/stripe", "/api/stripe/webhook", "/api/webhooks/stripe")
log = structlog.get_logger("http")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._-]{8,64}$")
# Probes, files, and the doors of machines, whose every accepted body is a row and a count.
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_QUIET = ("/health", "/ready", "/live", "/metrics", "/static/", "/api/gateway/logs", *WEBHOOK_PATHS)


class RowNumber(IntegerConverter):
    """An id in an address. What is too large for a row's id is the address of nothing, not a fault of the database."""

    regex = r"\d{1,18}"


def register(app: Flask, headers: Mapping[str, str]) -> None:
    """Attach the hooks. `headers` stand on every answer that does not have its own."""
    app.url_map.converters["int"] = RowNumber

    @app.before_request
    def _begin() -> None:
        g.scope_before = current_scope()
        g.request_id = request_id_of(request.headers.get("X-Request-Id", ""))
        g.started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.teardown_request
    def _leave_scope(_error: BaseException | None) -> None:
        # The principal's scope ends with the request, also where several requests share a thread's context.
        if "scope_before" in g:
            enter_scope(g.scope_before)

    @app.after_request
    def _finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        for name, value in headers.items():
            if name != "Cache-Control" or not request.path.startswith("/static/"):
                response.headers.setdefault(name, value)
        seconds = time.perf_counter() - g.get("started", time.perf_counter())
        _count(response.status_code, seconds)
        if response.status_code >= 400 or not request.path.startswith(_QUIET):
            log.info(
                f"{request.method} {request.path}",
                status=response.status_code,
                ms=round(seconds * 1000, 1),
                user=getattr(g.get("principal"), "user_id", None),
            )
        return response


def _count(status: int, seconds: float) -> None:
    # What a caller can make up (paths, methods) is no label: each new value would be a series kept for ever.
    endpoint, method = request.endpoint or "none", request.method if request.method in _METHODS else "other"
    REQUESTS.labels(method, endpoint, str(status)).inc()
    SECONDS.labels(endpoint).observe(seconds)


def request_id_of(given: str) -> str:
    """Return the id a caller gave this request when it looks like one, else a new one."""
    return given if _REQUEST_ID.match(given) else uuid.uuid4().hex


def standing_headers(*, https: bool, checkout_origins: tuple[str, ...]) -> dict[str, str]:
    """Return the security headers of every answer. `checkout_origins` are where our forms may lead (hosted checkout)."""
    headers = {
        "Content-Security-Policy": content_security_policy(checkout_origins),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Cache-Control": "private, no-store",
    }
    if https:
        headers["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    return headers


def content_security_policy(checkout_origins: tuple[str, ...]) -> str:
    """Everything from ourselves, nothing inline, no eval, no frames; forms may lead to the hosted checkout."""
    forms = " ".join(("'self'", *checkout_origins))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self';"
        f" connect-src 'self'; form-action {forms}; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
