"""An upstream for tests: shows what it received, streams as told, stalls, breaks off."""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web


async def echo(request: web.Request) -> web.StreamResponse:
    body = await request.read()
    return web.json_response(
        {
            "method": request.method,
            "target": request.raw_path,
            "headers": {name.lower(): value for name, value in request.headers.items()},
            "body": body.decode("latin-1"),
        },
        headers={"Set-Cookie": "session=stolen", "X-Upstream": "yes", "X-RateLimit-Limit-Minute": "7"},
    )


async def status(request: web.Request) -> web.StreamResponse:
    return web.Response(status=int(request.match_info["code"]), text="as told")


async def ticks(request: web.Request) -> web.StreamResponse:
    """Server-sent events; the next one goes out when the test calls /tick, so nothing can be buffered unnoticed."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number in range(3):
        await response.write(f"data: {number}\n\n".encode())
        if number < 2:
            await request.app["ticks"].get()
    return response


async def tick(request: web.Request) -> web.StreamResponse:
    request.app["ticks"].put_nowait(None)
    return web.Response(text="ticked")


async def upload(request: web.Request) -> web.StreamResponse:
    """Answers with the first bytes as soon as they arrive, while the rest is still on its way."""
    response = web.StreamResponse()
    await response.prepare(request)
    async for chunk in request.content.iter_any():
        await response.write(b"got %d\n" % len(chunk))
    return response


async def stall(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(3600)
    return web.Response()


async def half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"x" * 100)
    assert request.transport is not None
    request.transport.close()
    return response


async def large(request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"x" * int(request.query["bytes"]))


async def redirect(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "http://169.254.169.254/latest/meta-data/"})


def make_app() -> web.Application:
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app["ticks"] = asyncio.Queue()
    app.router.add_route("*", "/status/{code}", status)
    for path, handler in {
        "/ticks": ticks, "/tick": tick, "/upload": upload, "/stall": stall, "/half": half,
        "/large": large, "/redirect": redirect,
    }.items():  # fmt: skip
        app.router.add_route("*", path, handler)
    app.router.add_route("*", "/{rest:.*}", echo)
    return app


async def serve(port: int) -> None:
    runner = web.AppRunner(make_app(), access_log=None, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
