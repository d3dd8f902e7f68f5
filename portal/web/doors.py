"""The short way in for programs that post all day: WSGI in front of Flask, for a few exact addresses (ADR 8).

A door says yes or nothing. Whatever is not a plain post that is accepted goes on to Flask, body and all, and is answered
as if there were no door; so no refusal, page or check is written twice. What the door met is handed on with it, so that
nothing is tried twice either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from io import BytesIO
from typing import Any, NamedTuple, Protocol

import structlog
from flask import Flask, request
from werkzeug.exceptions import SecurityError
from werkzeug.sansio.utils import get_host

from portal.web.requests import request_id_of

log = structlog.get_logger(__name__)
_MET = "portal.met"
# Whoever sends one of these wants to be recognised, or speaks an HTTP that Flask reads better.
_NOT_PLAIN = ("HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_ENCODING", "HTTP_EXPECT")


class Post(NamedTuple):
    """What a machine posted. A view makes the same of its request, so that door and view share what they do with it."""

    path: str
    body: bytes
    environ: Mapping[str, Any]

    def header(self, name: str) -> str:
        """Return a header, or nothing when it was not sent."""
        found: str = self.environ.get("HTTP_" + name.upper().replace("-", "_"), "")
        return found

    @property
    def mimetype(self) -> str:
        """The content type without its parameters."""
        found: str = self.environ.get("CONTENT_TYPE", "")
        return found.partition(";")[0].strip().lower()


class Reading(Protocol):
    """What a door for reading knows already. Both return the whole JSON body, or None."""

    def find(self, environ: Mapping[str, Any]) -> bytes | None:
        """Return an answer that may still be given, else None: then the view behind is asked."""
        ...

    def find_last(self, environ: Mapping[str, Any]) -> bytes | None:
        """Return an answer that may be given because nothing better can be: the view behind is unavailable."""
        ...


class _Door(NamedTuple):
    accept: Callable[[Post], Mapping[str, Any]]
    max_bytes: int


class Doors:
    """The WSGI application around Flask's own. `accept` runs inside an application context, without a request."""

    def __init__(self, app: Flask, headers: Mapping[str, str]) -> None:
        self._app, self._behind = app, app.wsgi_app
        self._headers = [("Content-Type", "application/json"), *headers.items()]
        self._doors: dict[str, _Door] = {}
        self._readings: dict[str, Reading] = {}
        self._is_trusted = lru_cache(64)(self._look_at_host)

    def open(self, path: str, accept: Callable[[Post], Mapping[str, Any]], *, max_bytes: int) -> None:
        """Answer 200 with what `accept` returns; what it raises is left to the view behind, by `raise_met`."""
        self._doors[path] = _Door(accept, max_bytes)

    def open_reading(self, path: str, reading: Reading) -> None:
        """Answer plain reads with what `reading` knows; everything else is asked of the view behind."""
        self._readings[path] = reading

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        reading = self._readings.get(environ["PATH_INFO"])
        if reading is not None and self._is_plain_read(environ):
            return self._read(reading, environ, start_response)
        return self._post(environ, start_response)

    def _read(self, reading: Reading, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        known = reading.find(environ)
        if known is not None:
            return self._give(known, environ, start_response)
        said: list[Any] = []

        def listen(status: str, headers: list[tuple[str, str]], trouble: Any = None) -> Any:
            said[:] = [status, headers, trouble]
            return lambda _bytes: None

        body = self._behind(environ, listen)
        last = reading.find_last(environ) if said and said[0].startswith("503") else None
        if last is not None:
            close = getattr(body, "close", None)
            if close is not None:
                close()
            log.warning("answering with the last known, because the database is away", path=environ["PATH_INFO"])
            return self._give(last, environ, start_response, ("Warning", '110 - "Response is Stale"'))
        start_response(*said)
        return body

    def _give(
        self, answer: bytes, environ: Mapping[str, Any], start_response: Any, *more: tuple[str, str]
    ) -> Iterable[bytes]:
        request_id = request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))
        length = ("Content-Length", str(len(answer)))
        start_response("200 OK", [*self._headers, length, ("X-Request-Id", request_id), *more])
        return (answer,)

    def _post(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        door = self._doors.get(environ["PATH_INFO"])
        length = self._plain_length(environ) if door else -1
        if door is None or not 0 <= length <= door.max_bytes:
            return self._behind(environ, start_response)
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = BytesIO(body)  # for whoever reads it again
        if len(body) != length:
            return self._behind(environ, start_response)
        request_id = request_id_of(environ.get("HTTP_X_REQUEST_ID", ""))
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            with self._app.app_context():
                answer = self._app.json.dumps(door.accept(Post(environ["PATH_INFO"], body, environ))).encode()
        except Exception as met:
            environ |= {"HTTP_X_REQUEST_ID": request_id, _MET: met}
            return self._behind(environ, start_response)
        start_response("200 OK", [*self._headers, ("Content-Length", str(len(answer))), ("X-Request-Id", request_id)])
        return (answer,)

    def _is_plain_read(self, environ: Mapping[str, Any]) -> bool:
        if environ["REQUEST_METHOD"] != "GET" or any(name in environ for name in _NOT_PLAIN):
            return False
        return self._is_trusted(environ["wsgi.url_scheme"], environ.get("HTTP_HOST"))

    def _plain_length(self, environ: dict[str, Any]) -> int:
        """Return the length of a post that a door may answer, else -1."""
        length = environ.get("CONTENT_LENGTH", "")
        if environ["REQUEST_METHOD"] != "POST" or not (length.isascii() and length.isdigit() and len(length) < 10):
            return -1
        if any(name in environ for name in _NOT_PLAIN):
            return -1
        return int(length) if self._is_trusted(environ["wsgi.url_scheme"], environ.get("HTTP_HOST")) else -1

    def _look_at_host(self, scheme: str, host: str | None) -> bool:
        try:
            return bool(get_host(scheme, host, None, self._app.config["TRUSTED_HOSTS"]))
        except SecurityError:
            return False


def raise_met() -> None:
    """Raise what the door in front of this view met. A view with a door begins with this."""
    met = request.environ.pop(_MET, None)
    if met is not None:
        raise met
