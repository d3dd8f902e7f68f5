"""A WSGI application inside an aiohttp server, streaming what it yields."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aiohttp import web

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_END = object()


class WSGIBridge:
    """Runs each request of a WSGI application in a thread and passes on its chunks as they come."""

    def __init__(self, application: WSGI, prefix: str, *, threads: int = 16) -> None:
        self._application, self._prefix = application, prefix
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="wsgi")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        loop, chunks = asyncio.get_running_loop(), asyncio.Queue[Any]()
        environ = self._environ(request, await request.read())

        def put(item: object) -> None:
            loop.call_soon_threadsafe(chunks.put_nowait, item)

        work = loop.run_in_executor(self._threads, self._work, environ, put)
        head = await chunks.get()
        if head is _END:
            await work  # raises what went wrong before the application said anything
            raise web.HTTPInternalServerError
        status, headers = head
        code, _, reason = status.partition(" ")
        response = web.StreamResponse(status=int(code), reason=reason)
        for name, value in headers:
            if name.lower() not in ("connection", "transfer-encoding"):
                response.headers.add(name, value)
        await response.prepare(request)
        while (chunk := await chunks.get()) is not _END:
            await response.write(chunk)
        await response.write_eof()
        return response

    def _work(self, environ: dict[str, Any], put: Callable[[object], None]) -> None:
        said: list[object] = []

        def start_response(status: str, headers: list[tuple[str, str]], _exc: object = None) -> Callable[[bytes], None]:
            said[:] = [(status, headers)]
            return put

        try:
            body = self._application(environ, start_response)
            try:
                for chunk in body:
                    if said:
                        put(said.pop())
                    if chunk:
                        put(chunk)
                if said:
                    put(said.pop())
            finally:
                getattr(body, "close", lambda: None)()
        finally:
            put(_END)

    def _environ(self, request: web.Request, body: bytes) -> dict[str, Any]:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": self._prefix,
            "PATH_INFO": request.path.removeprefix(self._prefix).encode().decode("latin-1") or "/",
            "QUERY_STRING": request.rel_url.raw_query_string,
            "SERVER_NAME": (request.host or "localhost").partition(":")[0],
            "SERVER_PORT": request.host.partition(":")[2] or "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": request.remote or "",
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)) if body else "",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": request.scheme,
            "wsgi.input": io.BytesIO(body),
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in request.headers.items():
            if name not in ("Content-Type", "Content-Length"):
                environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
        return environ
