"""The parties around the gateway: `python -m benchmarks.small_servers upstream|hello|sink <port>`."""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiohttp import web

BODY = b'{"date":"2026-03-10","base":"EUR","rates":{"USD":1.0821,"GBP":0.8491,"JPY":162.47}}' + b" " * 340


class Upstream(asyncio.Protocol):
    """Answers every request head with the same small body: as little of a server as there can be."""

    _ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        heads = self._received.count(b"\r\n\r\n")
        if heads:
            self._received = b""
            self._transport.write(self._ANSWER * heads)


async def hello(_request: web.BaseRequest) -> web.Response:
    return web.Response(body=BODY, content_type="application/json")


async def sink(request: web.BaseRequest) -> web.Response:
    while await request.content.readany():
        pass
    return web.Response(status=204)


async def serve(kind: str, port: int) -> None:
    protocol = {"upstream": Upstream, "hello": web.Server(hello), "sink": web.Server(sink)}
    await asyncio.get_running_loop().create_server(protocol[kind], "127.0.0.1", port)  # type: ignore[arg-type]
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], int(sys.argv[2])))
