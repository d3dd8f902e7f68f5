"""Tables of operations behind HTTP: reading what is asked, refusing it in words, answering with a time to live."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson
from aiohttp import web
from pydantic import ValidationError

from portal.kit.clock import Clock
from portal.upstreams import openapi
from portal.upstreams.answers import Fault, answer, cache_control
from portal.upstreams.describing import Api, Asked, File, Operation

_LONGEST_BODY = 256 * 1024


def serve(versions: Sequence[Api], clock: Clock) -> web.Application:
    """Return an application with every operation of an API's versions, and the document of the last one."""
    part = web.Application()
    for api in versions:
        for operation in api.operations:
            part.router.add_route(operation.method, operation.path, _handler(operation, clock))

    async def describe(_request: web.Request) -> web.Response:
        document = await asyncio.to_thread(openapi.write, versions[-1])  # takes a moment, so not at every start
        return web.Response(body=document, content_type="application/json", headers=cache_control(3_600))

    part.router.add_get("/openapi.json", describe)
    return part


def _handler(operation: Operation, clock: Clock) -> Callable[[web.Request], Awaitable[web.Response]]:
    read = _from_address if operation.method == "GET" else _from_body

    async def handle(request: web.Request) -> web.Response:
        asked = _understood(operation.asks, await read(request))
        given = await asyncio.to_thread(operation.answer, asked, clock.now())
        if isinstance(given, File):
            headers = cache_control(operation.max_age)
            return web.Response(body=given.content, content_type=given.media_type, headers=headers)
        return answer(given.model_dump(mode="json"), max_age=operation.max_age)

    return handle


async def _from_address(request: web.Request) -> dict[str, Any]:
    return {**request.query, **request.match_info}


async def _from_body(request: web.Request) -> dict[str, Any]:
    if request.query:
        raise Fault("This takes a JSON body and no parameters in the address.")
    raw = await request.content.read(_LONGEST_BODY + 1)
    if len(raw) > _LONGEST_BODY:
        raise Fault(f"The body may have {_LONGEST_BODY:,} bytes.", 413)
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as problem:
        raise Fault(f"The body is not JSON: {problem}.") from None
    if not isinstance(body, dict):
        raise Fault("The body must be a JSON object.")
    return body


def _understood(model: type[Asked], given: dict[str, Any]) -> Asked:
    try:
        return model.model_validate(given)
    except ValidationError as refused:
        raise Fault(_in_words(model, refused)) from None


def _in_words(model: type[Asked], refused: ValidationError) -> str:
    """Return the first thing that is wrong as a sentence."""
    first = refused.errors(include_url=False, include_context=False, include_input=False)[0]
    name = ".".join(str(part) for part in first["loc"])[:80] or "The request"
    known = {each.alias or key: each for key, each in model.model_fields.items()}
    if first["type"] == "extra_forbidden":
        return f"Unknown parameter `{name}`. Known: {', '.join(known) or 'none'}."
    examples = known[name].examples if name in known else None
    hint = f" For example {examples[0]}." if examples and not isinstance(examples[0], dict | list) else ""
    if first["type"] == "missing":
        return f"`{name}` is missing.{hint}"
    message = first["msg"].removeprefix("Value error, ")
    return f"`{name}`: {message[:1].lower()}{message[1:]}.{hint}"
