"""Puts the engine on the web: the API, the hosted pages, the controls, one stylesheet."""

import asyncio
import contextlib
import mimetypes
from collections.abc import AsyncIterator

from aiohttp import web

from portal.simulator.api import Api
from portal.simulator.checkout.pages import CheckoutPages
from portal.simulator.controls import Controls
from portal.simulator.engine import Simulator
from portal.simulator.idempotency import IdempotencyKeys
from portal.simulator.invoice_pages import InvoicePages
from portal.simulator.overview import Overview
from portal.simulator.pages import Pages, asset
from portal.simulator.portal_pages.pages import PortalPages

FINISH_WITHIN = 3.0
"""Seconds for requests under way when a TERM arrives."""
LARGEST_REQUEST = 1024 * 1024
LONGEST_LINE = 128 * 1024
"""Characters of an address or header: lists name many ids in their query."""


def make_runner(simulator: Simulator) -> web.AppRunner:
    """The application with the limits of its HTTP layer, ready to listen."""
    return web.AppRunner(
        make_application(simulator),
        access_log=None,
        shutdown_timeout=FINISH_WITHIN,
        max_line_size=LONGEST_LINE,
        max_field_size=LONGEST_LINE,
    )


def make_application(simulator: Simulator) -> web.Application:
    """Everything this process answers."""
    app = web.Application(client_max_size=LARGEST_REQUEST)
    keys = IdempotencyKeys(simulator.store)
    api = Api(simulator.world, simulator.faults, keys, simulator.configuration.secret_key, simulator.changed)
    pages = Pages()
    app.add_routes(CheckoutPages(simulator.world, pages, simulator.changed).routes())
    app.add_routes(PortalPages(simulator.world, pages, simulator.changed).routes())
    app.add_routes(InvoicePages(simulator.world, pages, simulator.changed).routes())
    app.add_routes(Overview(simulator, pages).routes())
    app.add_routes(Controls(simulator).routes())
    app.router.add_get("/assets/{name}", _asset)
    app.router.add_route("*", "/v1/{rest:.*}", api.handle)
    app.router.add_route("*", "/v2/{rest:.*}", api.handle)

    async def background(_: web.Application) -> AsyncIterator[None]:
        tasks = await simulator.start()
        yield
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        simulator.store.close()

    app.cleanup_ctx.append(background)
    return app


async def _asset(request: web.Request) -> web.StreamResponse:
    name = request.match_info["name"]
    found = asset(name)
    if found is None:
        raise web.HTTPNotFound(text="not found")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    headers = {"Content-Type": kind, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=found.read_bytes(), headers=headers)
