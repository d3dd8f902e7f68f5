"""The server side of one TCP connection: limits for strangers, and problem documents for what is not HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web
from aiohttp.web import BaseRequest
from aiohttp.web_protocol import RequestHandler

from portal.dataplane import refusals
from portal.dataplane.refusals import refusal_response
from portal.kit.clock import SystemClock
from portal.kit.stable_ids import time_ordered_hex

log = structlog.get_logger(__name__)

HEAD_SECONDS = 15.0


class Connection(RequestHandler):
    """A connection whose first request must arrive within 15 seconds; faults are answered in our own shape."""

    __slots__ = ("_first_request",)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._first_request = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._give_up)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._first_request.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        if self._request_count == 0 and self._current_request is None:
            self.force_close()

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer bytes that are no acceptable HTTP; nothing of them is repeated to the sender."""
        log.info("unreadable request", status=status, error=type(exc).__name__ if exc else message)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        refusal = refusals.bad_request("The request is not acceptable HTTP.")
        response = refusal_response(refusal, time_ordered_hex(SystemClock()), "")
        response.force_close()
        return response


class Door(web.Server):
    """aiohttp's server making our connections. Bodies stay compressed; a caller who leaves cancels their call."""

    def __init__(self, handler: Callable[[BaseRequest], Awaitable[web.StreamResponse]], **settings: Any) -> None:
        self._settings = {
            "auto_decompress": False,
            "access_log": None,
            "keepalive_timeout": 75.0,
            "lingering_time": 2.0,
            "max_line_size": 16_384,
            "max_field_size": 16_384,
            **settings,
        }
        super().__init__(handler, handler_cancellation=True, **self._settings)

    def __call__(self) -> RequestHandler:
        return Connection(self, loop=self._loop, **self._settings)
