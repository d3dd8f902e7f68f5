"""Passing a call on and its answer back, as it flows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from aiohttp.web import BaseRequest
from multidict import CIMultiDict
from yarl import URL

from portal.dataplane import refusals
from portal.dataplane.call import Call
from portal.dataplane.config import Config
from portal.dataplane.egress import ForbiddenUpstream, GuardedResolver, check_upstream
from portal.dataplane.headers import EXPOSED, REQUEST_ID, downstream_headers, upstream_headers
from portal.dataplane.paths import Target, joined
from portal.dataplane.refusals import Refusal
from portal.dataplane.types import Credential, Route
from portal.dataplane.wire import Answer, Wire

VIA = "1.1 gateway"
_LOGGED_HEADERS = ("Content-Type", "Content-Length", "Content-Encoding", "Location", "Retry-After")


class BodyRefused(Exception):
    """A request body that is too large, or stopped arriving, while it was being passed on."""


class ClientLeft(Exception):
    """The caller went away before the answer was complete."""


class Proxy:
    """The way to every upstream and back. No redirect is followed, no cookie kept, nothing decompressed."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._wire = Wire(
            GuardedResolver(allow_private=config.allow_private_upstreams),
            connect_timeout=config.connect_timeout,
            read_timeout=config.read_timeout,
        )

    async def close(self) -> None:
        await self._wire.close()

    def sweep(self) -> None:
        """Close connections that nobody used for a while."""
        self._wire.sweep()

    async def forward(
        self, request: BaseRequest, call: Call, target: Target, route: Route, credential: Credential
    ) -> web.StreamResponse:
        """Answer the call with the upstream's answer. Raises Refusal when there is none to pass on."""
        url = self._address(call, target, route)
        headers = upstream_headers(request, route, credential, call.request_id, target.path, call.client_ip)
        body = self._body(request, call)
        if body is not None and request.content_length is not None:
            headers["Content-Length"] = str(request.content_length)
        call.upstream_started = time.perf_counter()
        try:
            answer = await self._wire.request(request.method, url, headers, body)
        except (aiohttp.ClientError, ForbiddenUpstream, OSError, ValueError, BodyRefused) as problem:
            if call.body_refusal is not None:
                raise call.body_refusal from None
            if isinstance(problem, TimeoutError):
                raise refusals.upstream_timeout() from None
            raise _failed(problem) from None
        call.upstream_answered = time.perf_counter()
        call.upstream_status, call.status, call.source = answer.status, answer.status, "upstream"
        try:
            return await self._answer(request, call, answer)
        finally:
            answer.release()

    def _address(self, call: Call, target: Target, route: Route) -> URL:
        try:
            check_upstream(route.upstream, allow_private=self._config.allow_private_upstreams)
        except ForbiddenUpstream as problem:
            raise _failed(problem) from None
        call.upstream_uri = joined(route.upstream.raw_path, target.rest)
        if target.query:
            return route.upstream.join(URL(f"{call.upstream_uri}?{target.query}", encoded=True))
        return route.upstream.join(URL(call.upstream_uri, encoded=True))

    def _body(self, request: BaseRequest, call: Call) -> AsyncIterator[bytes] | None:
        length = request.content_length
        if length is not None and length > self._config.max_body:
            raise refusals.too_large(self._config.max_body)
        return self._flow(request, call) if request.body_exists else None

    async def _flow(self, request: BaseRequest, call: Call) -> AsyncIterator[bytes]:
        if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while True:
            try:
                async with asyncio.timeout(self._config.client_timeout):
                    chunk = await request.content.readany()
            except TimeoutError:
                call.body_refusal = refusals.slow_client()
                raise BodyRefused from None
            if not chunk:
                return
            call.bytes_in += len(chunk)
            if call.bytes_in > self._config.max_body:
                call.body_refusal = refusals.too_large(self._config.max_body)
                raise BodyRefused
            yield chunk

    async def _answer(self, request: BaseRequest, call: Call, answer: Answer) -> web.StreamResponse:
        headers = downstream_headers(answer.headers)
        if request.method != "HEAD" and answer.content.is_eof() and not answer.content.exception():
            return self._whole(call, answer, headers)
        response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
        if (length := answer.headers.get("Content-Length")) is not None and length.isdigit():
            response.headers["Content-Length"] = length
        finish_headers(response, call)
        _note_headers(call, response)
        try:
            await response.prepare(request)
            if request.method != "HEAD" and answer.status not in (204, 304):
                await self._pour(call, answer, response)
            await response.write_eof()
        except (ConnectionError, aiohttp.ClientConnectionResetError):
            raise ClientLeft from None
        return response

    @staticmethod
    def _whole(call: Call, answer: Answer, headers: CIMultiDict[str]) -> web.Response:
        """Return an answer that has arrived completely: head and body then leave in one piece."""
        body = answer.content.read_nowait()
        call.bytes_out = len(body)
        response = web.Response(status=answer.status, reason=answer.reason, headers=headers, body=body or None)
        finish_headers(response, call)
        _note_headers(call, response)
        return response

    async def _pour(self, call: Call, answer: Answer, response: web.StreamResponse) -> None:
        content = answer.content
        try:
            while chunk := await content.readany():
                call.bytes_out += len(chunk)
                if call.bytes_out > self._config.max_response:
                    raise aiohttp.ClientPayloadError("the answer passes the limit")
                await response.write(chunk)
        except (aiohttp.ClientPayloadError, aiohttp.ServerTimeoutError, TimeoutError) as problem:
            raise UpstreamBroke from problem


class UpstreamBroke(Exception):
    """The upstream stopped in the middle of its answer; the caller's connection is cut so that the cut is noticed."""


def finish_headers(response: web.StreamResponse, call: Call) -> None:
    """Add what every answer of the gateway carries."""
    headers = response.headers
    headers[REQUEST_ID] = call.request_id
    headers["Via"] = VIA
    headers["Server"] = "gateway"
    headers.update(EXPOSED)
    headers.update(call.headers)
    if call.upstream_started is not None and call.upstream_answered is not None:
        headers["X-Kong-Upstream-Latency"] = str(round((call.upstream_answered - call.upstream_started) * 1000))
        headers["X-Kong-Proxy-Latency"] = str(round((call.upstream_started - call.started) * 1000))


def _note_headers(call: Call, response: web.StreamResponse) -> None:
    call.response_headers = {name: response.headers[name][:200] for name in _LOGGED_HEADERS if name in response.headers}


def _failed(problem: Exception) -> Refusal:
    if isinstance(problem, ForbiddenUpstream) or isinstance(getattr(problem, "os_error", None), ForbiddenUpstream):
        return refusals.upstream_failed("The provider's server is not at a public address.")
    return refusals.upstream_failed()
