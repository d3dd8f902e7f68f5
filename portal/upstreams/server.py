"""Every demo upstream behind one port: `/rates`, `/almanac`, `/httpbin`, and those of `portal.upstreams.apis`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from portal.kit.clock import Clock, SystemClock
from portal.upstreams import openapi
from portal.upstreams.almanac_api import almanac_routes
from portal.upstreams.answers import answer, faults_as_problems
from portal.upstreams.apis import APIS
from portal.upstreams.rates_api import rates_routes
from portal.upstreams.serving import serve
from portal.upstreams.wsgi_bridge import WSGIBridge

DOCUMENTS = Path(__file__).parent
WRITTEN = ("rates", "almanac", "httpbin")  # their documents are files; the others follow from their tables
NAMES = (*WRITTEN, *APIS)


def document(name: str, version: str = "") -> bytes:
    """Return the OpenAPI document of an upstream, the newest when no version is named. Raises KeyError for a strange name."""
    if name in WRITTEN:
        return (DOCUMENTS / f"{name}.openapi.yaml").read_bytes()
    versions = {api.version: api for api in APIS[name]}
    return openapi.write(versions[version] if version else APIS[name][-1])


def make_app(clock: Clock | None = None) -> web.Application:
    """Build the server."""
    clock = clock or SystemClock()
    root = web.Application(client_max_size=12 * 1024 * 1024, middlewares=[faults_as_problems])
    root.router.add_get("/", _index)
    for name, routes in (("rates", rates_routes(clock)), ("almanac", almanac_routes(clock))):
        part = web.Application()
        part.router.add_routes(routes)
        part.router.add_get("/openapi.yaml", _document_of(name))
        root.add_subapp(f"/{name}", part)
    for name, versions in APIS.items():
        root.add_subapp(f"/{name}", serve(versions, clock))
    root.router.add_get("/httpbin/openapi.yaml", _document_of("httpbin"))
    root.router.add_route("*", "/httpbin{rest:(/.*)?}", _httpbin())
    return root


async def _index(_request: web.Request) -> web.Response:
    documents = {name: f"/{name}/openapi.{'yaml' if name in WRITTEN else 'json'}" for name in NAMES}
    return answer({"apis": [{"name": name, "base": f"/{name}", "openapi": path} for name, path in documents.items()]})


def _document_of(name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=document(name), content_type="application/yaml")

    return show


def _httpbin() -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    from httpbin import app as httpbin  # importing it takes a second and sets up loggers: only when it is served

    logging.getLogger("httpbin").setLevel(logging.WARNING)
    return WSGIBridge(httpbin, "/httpbin").handle
