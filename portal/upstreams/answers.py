"""JSON answers, problem documents, and reading query parameters strictly."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal, InvalidOperation

import orjson
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Fault(Exception):
    """A request that cannot be answered; `detail` tells the caller what to change."""

    def __init__(self, detail: str, status: int = 400) -> None:
        super().__init__(detail)
        self.detail, self.status = detail, status


def answer(value: object, *, max_age: int = 0, status: int = 200) -> web.Response:
    """Return JSON. `max_age` is how many seconds a cache may keep it."""
    body = orjson.dumps(value, default=_plain, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return web.Response(body=body, status=status, content_type="application/json", headers=cache_control(max_age))


def cache_control(max_age: int) -> dict[str, str]:
    """Return the header that says how many seconds an answer keeps; 0 means that it is not kept."""
    return {"Cache-Control": f"public, max-age={max_age}" if max_age else "no-store"}


def problem(status: int, detail: str) -> dict[str, str | int]:
    """Return a problem document (RFC 9457)."""
    titles = {404: "Not found", 405: "Method not allowed", 413: "Too large"}
    title = titles.get(status, "That request cannot be answered")
    return {"type": "about:blank", "title": title, "status": status, "detail": detail}


@web.middleware
async def faults_as_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Dress faults and unknown paths as problem documents (RFC 9457)."""
    try:
        return await handler(request)
    except Fault as fault:
        return _problem(fault.status, fault.detail)
    except web.HTTPMethodNotAllowed as refused:
        return _problem(405, f"Use {', '.join(sorted(refused.allowed_methods))}.", {"Allow": refused.headers["Allow"]})
    except web.HTTPNotFound:
        return _problem(
            404, "There is nothing at this path. The OpenAPI document is at `openapi.json` or `openapi.yaml`."
        )


def only(request: web.Request, *names: str) -> None:
    """Refuse parameters that mean nothing here: a typing error should not pass for an answer."""
    for name in request.query:
        if name not in names:
            raise Fault(f"Unknown parameter `{name[:40]}`. Known: {', '.join(names) or 'none'}.")


def day_parameter(text: str, name: str) -> date:
    """Return a date written as YYYY-MM-DD."""
    try:
        if len(text) != 10:
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise Fault(f"`{name}` must be a date such as 2026-03-31.") from None


def number_parameter(text: str, name: str, low: Decimal, high: Decimal) -> Decimal:
    """Return a plain decimal number within bounds."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or not low <= value <= high:
        raise Fault(f"`{name}` must be a number from {low} to {high}.")
    return value


def _problem(status: int, detail: str, headers: dict[str, str] | None = None) -> web.Response:
    body = orjson.dumps(problem(status, detail))
    return web.Response(body=body, status=status, content_type="application/problem+json", headers=headers)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value).__name__)
