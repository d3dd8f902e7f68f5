"""Talking HTTP/1.1 to upstreams: aiohttp's protocol and C parser without its session, which costs half of a call.

What a session adds (cookies, redirects, decompression, middleware, tracing) is exactly what a gateway must not do.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from portal.dataplane.egress import GuardedResolver

Origin = tuple[str, str, int]

IDLE_SECONDS = 15.0  # a kept connection this old is closed rather than used
_IDLE_PER_ORIGIN = 256
_RESOLVED_SECONDS = 10.0
_REPEATABLE = frozenset(("GET", "HEAD", "OPTIONS", "PUT", "DELETE"))
_EXPECTS_BODY = frozenset(("POST", "PUT", "PATCH"))


class UpstreamNonsense(OSError):
    """The upstream answered with something that is not HTTP."""


@dataclass(slots=True)
class Answer:
    """An upstream's answer, its body still on the way. Call `release` when done with it, in any case."""

    status: int
    reason: str
    headers: CIMultiDictProxy[str]
    content: StreamReader
    _wire: Wire
    _origin: Origin
    _link: ResponseHandler
    _upload: asyncio.Task[None] | None

    def release(self) -> None:
        """Keep the connection for the next call when this one was finished cleanly, else close it."""
        if self._upload is not None and not self._upload.done():
            self._upload.cancel()
            self._link.force_close()
        self._wire.take_back(self._origin, self._link, whole=self.content.is_eof())


class Wire:
    """Kept-alive connections to every upstream. Times are seconds."""

    def __init__(self, resolver: GuardedResolver, *, connect_timeout: float, read_timeout: float) -> None:
        self._resolver, self._connect_timeout, self._read_timeout = resolver, connect_timeout, read_timeout
        self._idle: dict[Origin, list[tuple[ResponseHandler, float]]] = {}
        self._resolved: dict[tuple[str, int], tuple[list[str], float]] = {}
        self._tls = ssl.create_default_context()

    async def request(
        self, method: str, url: URL, headers: CIMultiDict[str], body: AsyncIterator[bytes] | None
    ) -> Answer:
        """Send a request and return the head of its answer.

        Raises TimeoutError, aiohttp.ClientError or OSError. A kept connection that the upstream had closed meanwhile
        is replaced once, for methods that may be repeated.
        """
        origin = (url.scheme, url.host or "", url.port or 80)
        head = _head(method, url, headers, has_body=body is not None)
        link = self._kept(origin)
        if link is not None:
            try:
                return await self._exchange(origin, link, method, head, headers, body)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError):
                link.abort()
                if body is not None or method not in _REPEATABLE:
                    raise
        link = await self._connect(origin)
        return await self._exchange(origin, link, method, head, headers, body)

    def take_back(self, origin: Origin, link: ResponseHandler, *, whole: bool) -> None:
        """Keep or close a connection after its answer."""
        kept = self._idle.setdefault(origin, [])
        if whole and link.is_connected() and not link.should_close and len(kept) < _IDLE_PER_ORIGIN:
            kept.append((link, time.monotonic()))
        else:
            link.close()

    def sweep(self) -> None:
        """Close connections that nobody used for a while."""
        oldest = time.monotonic() - IDLE_SECONDS
        for origin, kept in list(self._idle.items()):
            for link, since in kept:
                if since < oldest:
                    link.close()
            self._idle[origin] = [each for each in kept if each[1] >= oldest]
            if not self._idle[origin]:
                del self._idle[origin]

    async def close(self) -> None:
        """Close every kept connection."""
        for kept in self._idle.values():
            for link, _since in kept:
                link.close()
        self._idle.clear()
        await self._resolver.close()

    def _kept(self, origin: Origin) -> ResponseHandler | None:
        kept, oldest = self._idle.get(origin, []), time.monotonic() - IDLE_SECONDS
        while kept:
            link, since = kept.pop()
            if since >= oldest and link.is_connected() and not link.should_close:
                return link
            link.close()
        return None

    async def _connect(self, origin: Origin) -> ResponseHandler:
        scheme, host, port = origin
        loop, problem = asyncio.get_running_loop(), OSError("no address")
        async with asyncio.timeout(self._connect_timeout):
            for address in await self._addresses(host, port):
                try:
                    _transport, link = await loop.create_connection(
                        lambda: ResponseHandler(loop),
                        address,
                        port,
                        ssl=self._tls if scheme == "https" else None,
                        server_hostname=host if scheme == "https" else None,
                    )
                except OSError as fault:
                    problem = fault
                else:
                    return link
        raise problem

    async def _addresses(self, host: str, port: int) -> list[str]:
        found, until = self._resolved.get((host, port), ([], 0.0))
        if time.monotonic() >= until:
            answers = await self._resolver.resolve(host, port, socket.AF_UNSPEC)
            found = [answer["host"] for answer in answers]
            if len(self._resolved) > 10_000:
                self._resolved.clear()
            self._resolved[host, port] = (found, time.monotonic() + _RESOLVED_SECONDS)
        return found

    async def _exchange(
        self,
        origin: Origin,
        link: ResponseHandler,
        method: str,
        head: bytes,
        headers: CIMultiDict[str],
        body: AsyncIterator[bytes] | None,
    ) -> Answer:
        link.set_response_params(
            skip_payload=method == "HEAD",
            read_until_eof=True,
            auto_decompress=False,
            read_timeout=self._read_timeout,
            read_bufsize=65_536,
            max_line_size=16_384,
            max_field_size=16_384,
            max_headers=256,
        )
        upload: asyncio.Task[None] | None = None
        if body is None:
            _write(link, head)
            link.start_timeout()
        else:
            upload = asyncio.create_task(_send(link, head, body, is_chunked="Content-Length" not in headers))
            upload.add_done_callback(lambda task: _notice(link, task))
        try:
            message, payload = await link.read()
            while message.code < 200 and message.code != 101:
                message, payload = await link.read()
            if message.code == 101:
                raise UpstreamNonsense("the upstream changed protocols although nobody asked")
        except BaseException as problem:
            if upload is not None:
                upload.cancel()
            link.abort()
            if isinstance(problem, HttpProcessingError):
                raise UpstreamNonsense(problem.message) from None
            raise
        return Answer(message.code, message.reason, message.headers, payload, self, origin, link, upload)


def _head(method: str, url: URL, headers: CIMultiDict[str], *, has_body: bool) -> bytes:
    lines = [f"{method} {url.raw_path_qs} HTTP/1.1", f"Host: {url.authority}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if has_body and "Content-Length" not in headers:
        lines.append("Transfer-Encoding: chunked")
    elif not has_body and method in _EXPECTS_BODY:
        lines.append("Content-Length: 0")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or "\x00" in text:
        raise ValueError("a header holds a line break")
    return f"{text}\r\n\r\n".encode("utf-8", "surrogateescape")


async def _send(link: ResponseHandler, head: bytes, body: AsyncIterator[bytes], *, is_chunked: bool) -> None:
    async for chunk in body:
        framed = b"%x\r\n%b\r\n" % (len(chunk), chunk) if is_chunked else chunk
        _write(link, head + framed)
        head = b""
        await link._drain_helper()
    _write(link, head + (b"0\r\n\r\n" if is_chunked else b""))
    link.start_timeout()


def _write(link: ResponseHandler, data: bytes) -> None:
    if link.transport is None or link.transport.is_closing():
        raise aiohttp.ServerDisconnectedError
    if data:
        link.transport.write(data)


def _notice(link: ResponseHandler, upload: asyncio.Task[None]) -> None:
    """Let whoever waits for the answer know that sending the request failed."""
    if not upload.cancelled() and (problem := upload.exception()) is not None:
        link.set_exception(problem)
