"""General limits on how often one caller may do things. Kept in Redis, in memory while Redis is away, never an error.

These protect the machine, not money or accounts: passwords are counted in PostgreSQL (see `portal/identity`) and paid
calls by the gateway. Reading pages is not limited here, but for the few that say so; writing is, and everything under `/api`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from flask import Flask, current_app, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from portal.settings import Settings
from portal.web.principal import find_app_principal, find_principal

P = ParamSpec("P")
R = TypeVar("R")

WRITES = "120 per minute"
API = "600 per minute"
# Machines that prove themselves by signature or token and send in bursts: they are limited by their own doors.
_MACHINES = ("/api/gateway/", "/api/v1/webhooks/", "/api/webhooks/", "/api/stripe/webhook", "/billing/webhook")


def rate(limit: str, *, reading_with: str = "") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Give a route a limit of its own per caller, such as `30 per hour`.

    On pages it counts writes, and reading only with the query parameter `reading_with`: one that asks for something
    that must not be tried out at will.
    """

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        view.__dict__["rate"] = limit
        view.__dict__["reading_with"] = reading_with
        return view

    return decorate


def register(app: Flask, settings: Settings) -> None:
    """Count requests; call after the caller of a request is recognised."""
    app.config["RATELIMIT_ENABLED"] = settings.rate_limits
    limiter = Limiter(
        caller_of,
        default_limits=[_limit],
        default_limits_exempt_when=is_unlimited,
        storage_uri=settings.redis_url,
        storage_options={"socket_connect_timeout": 0.25, "socket_timeout": 0.25},
        in_memory_fallback=[_limit],
        in_memory_fallback_enabled=True,
        swallow_errors=True,
        headers_enabled=True,
        key_prefix="portal",
    )
    limiter.init_app(app)


def caller_of() -> str:
    """Return whose count a request belongs to: the person, the organisation of a token, the app, or a stranger's address."""
    program = find_app_principal()
    if program is not None:
        return f"app:{program.app_id}"
    principal = find_principal()
    if principal is None:
        return f"address:{get_remote_address()}"
    return f"user:{principal.user_id}" if principal.user_id else f"organisation:{principal.organisation_id}"


def is_unlimited() -> bool:
    """True for reading pages, for probes and files, and for the doors of machines."""
    if request.endpoint in (None, "static") or request.blueprint == "health" or request.path.startswith(_MACHINES):
        return True
    if request.method not in ("GET", "HEAD", "OPTIONS") or request.path.startswith("/api/"):
        return False
    counted = getattr(current_app.view_functions.get(request.endpoint), "reading_with", "")
    return not (counted and request.args.get(counted))


def _limit() -> str:
    program = find_app_principal()
    if program is not None:
        return f"{program.requests_per_minute} per minute"
    view: Any = current_app.view_functions.get(request.endpoint or "")
    own = getattr(view, "rate", None)
    return cast(str, own) if own else (API if request.path.startswith("/api/") else WRITES)
