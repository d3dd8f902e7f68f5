"""Errors: typed once, dressed as a page for people and as problem+json for programs (RFC 9457)."""

from __future__ import annotations

from typing import Any

import psycopg
import structlog
from flask import Flask, Response, current_app, g, make_response, render_template, request
from flask_babel import gettext as _
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, InternalServerError

from portal.db import db
from portal.web.negotiation import wants_json

log = structlog.get_logger(__name__)


class Problem(Exception):
    """An expected refusal: a status, a short title and a sentence that says what to do next.

    `kind` is the stable, machine-readable name; `errors` lists faults per field as `{"field", "message"}`.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str = "",
        *,
        errors: list[dict[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail or title)
        self.status, self.kind, self.title, self.detail = status, kind, title, detail
        self.errors = errors or []
        self.headers = headers or {}
        self.extra = extra or {}


def problem_response(problem: Problem) -> Response:
    """Return `application/problem+json`."""
    body: dict[str, Any] = {
        "type": f"/problems/{problem.kind}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "request_id": g.get("request_id", ""),
        **problem.extra,
    }
    if problem.errors:
        body["errors"] = problem.errors
    response = make_response(current_app.json.dumps(body), problem.status)
    response.mimetype = "application/problem+json"
    response.headers.update(problem.headers)
    return response


def register(app: Flask) -> None:
    """Attach the handlers: whatever is raised, the answer is a clear one and never a trace."""
    app.register_error_handler(Problem, _render)
    app.register_error_handler(HTTPException, lambda error: _render(_from_http(error)))
    app.register_error_handler(DBAPIError, lambda error: _render(_from_database(error)))
    app.register_error_handler(psycopg.Error, lambda error: _render(_from_driver(error)))
    app.register_error_handler(PoolTimeout, lambda error: _render(_unavailable(error)))
    app.register_error_handler(UnicodeError, lambda error: _render(_unreadable(error)))
    app.register_error_handler(Exception, lambda error: _render(_unexpected(error)))


def _render(problem: Problem) -> Response:
    db.session.rollback()
    if wants_json() or request.path.startswith("/metrics"):
        return problem_response(problem)
    template = f"errors/{problem.status}.html"
    names = [template, "errors/4xx.html" if problem.status < 500 else "errors/500.html"]
    try:
        page = current_app.jinja_env.select_template(names)
        response = make_response(render_template(page, problem=problem), problem.status)
    except Exception as failure:
        log.exception("error page failed", error=repr(failure))
        response = make_response(f"{problem.title}\n\n{problem.detail}\n\n{g.get('request_id', '')}\n", problem.status)
        response.mimetype = "text/plain"
    response.headers.update(problem.headers)
    return response


def _from_http(error: HTTPException) -> Problem:
    if isinstance(error, InternalServerError) and error.original_exception is not None:
        return _unexpected(error.original_exception)
    status = error.code or 500
    kept = ("Allow", "WWW-Authenticate", "Retry-After", "Location")
    headers = {name: value for name, value in error.get_headers(request.environ) if name in kept}
    if status == 401:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="portal"')
    detail = error.description or ""
    return Problem(status, error.name.lower().replace(" ", "-"), error.name, detail, headers=headers)


def _from_database(error: DBAPIError) -> Problem:
    if isinstance(error, DataError):
        return _unstorable()
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return _unavailable(error)
    return _unexpected(error)


def _from_driver(error: psycopg.Error) -> Problem:
    """The same verdicts for the few places that speak to the driver without SQLAlchemy."""
    if isinstance(error, psycopg.DataError):
        return _unstorable()
    return _unavailable(error) if isinstance(error, psycopg.OperationalError) else _unexpected(error)


def _unstorable() -> Problem:
    return Problem(422, "unprocessable-text", _("That value cannot be stored"), _("Check the value and send it again."))


def _unavailable(error: Exception) -> Problem:
    log.error("database unavailable", error=repr(error)[:500])
    return Problem(
        503,
        "unavailable",
        _("Back in a moment"),
        _("The database did not answer in time. Nothing was lost; please try again."),
        headers={"Retry-After": "3"},
    )


def _unreadable(error: UnicodeError) -> Problem:
    log.info("unreadable input", error=repr(error)[:200])
    return Problem(
        400, "unreadable-text", _("Unreadable text"), _("The request holds bytes that are not text. Send UTF-8.")
    )


def _unexpected(error: BaseException) -> Problem:
    log.error("unexpected failure", exc_info=error, path=request.path)
    return Problem(
        500,
        "internal-error",
        _("Something went wrong on our side"),
        _("We have recorded it. Trying again is safe. If it stays, send us the request id."),
    )
