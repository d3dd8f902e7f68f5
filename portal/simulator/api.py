"""The door of ``/v1``: who asks, whether this was asked before, what is meant, what is answered."""

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from portal.simulator import API_VERSION
from portal.simulator.catalogue import EXPANDER, find_route
from portal.simulator.errors import StripeError, invalid
from portal.simulator.faults import Faults, PlannedApiFault
from portal.simulator.form_encoding import decode
from portal.simulator.idempotency import IdempotencyKeys, StoredAnswer
from portal.simulator.identifiers import random_text
from portal.simulator.records import Record
from portal.simulator.routes import Call, Route
from portal.simulator.world import Origin, World, public

log = logging.getLogger("portal.simulator")
_FORM_TYPES = ("application/x-www-form-urlencoded", "application/octet-stream")
_REFRESHED = ("subscription", "invoice", "customer", "payment_intent", "checkout.session")


@dataclass
class Api:
    """Answers API requests against one world. ``changed`` is called after every write, to wake deliveries and time."""

    world: World
    faults: Faults
    keys: IdempotencyKeys
    secret_key: str | None
    changed: Callable[[], None]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request, whatever bytes it holds; errors come in Stripe's shape."""
        request_id = "req_" + random_text(14)
        method, path = request.method, request.rel_url.raw_path
        raw = await _raw_parameters(request)
        headers = {"Request-Id": request_id, "Stripe-Version": API_VERSION}
        key = request.headers.get("Idempotency-Key") if method == "POST" else None
        try:
            account = self._account(request)
            _same_version(request)
            if key is None:
                answer = await self._answer(request, method, path, raw, Origin(request_id))
            else:
                headers |= {"Idempotency-Key": key, "Original-Request": request_id}
                answer = await self._answer_once(request, method, path, raw, account, key, request_id, headers)
        except StripeError as error:
            headers |= error.headers
            answer = StoredAnswer(error.status, error.body(request_id), request_id)
        except ConnectionResetError:
            if request.transport is not None:
                request.transport.abort()
            raise
        except Exception:
            log.exception("%s %s failed unexpectedly", method, path[:200])
            failure = StripeError(500, "api_error", "Something is wrong inside the simulator; its log says what.")
            answer = StoredAnswer(500, failure.body(request_id), request_id)
        return json_answer(answer.status, answer.body, _plain(headers))

    async def _answer_once(
        self, request: web.Request, method: str, path: str, raw: str, account: str, key: str, request_id: str,
        headers: dict[str, str],
    ) -> StoredAnswer:  # fmt: skip
        stored = self.keys.begin(account, key, method, path, raw, self.world.clock.real())
        if stored is not None:
            headers |= {"Idempotent-Replayed": "true", "Original-Request": stored.request_id}
            return stored

        def keep(answer: StoredAnswer) -> None:
            self.keys.keep(account, key, method, path, raw, answer, self.world.clock.real())

        try:
            return await self._answer(request, method, path, raw, Origin(request_id, key), keep)
        finally:
            self.keys.release(account, key)

    async def _answer(
        self,
        request: web.Request,
        method: str,
        path: str,
        raw: str,
        origin: Origin,
        keep: Callable[[StoredAnswer], None] | None = None,
    ) -> StoredAnswer:
        request_id = origin.request or ""
        fault = self.faults.take_api(method, path)
        try:
            if fault is not None:
                await _before(fault)
            route, call = _understood(request, method, path, raw)
            answer = StoredAnswer(200, self._run(route, call, origin, keep, request_id), request_id)
        except StripeError as error:
            if keep is not None and error.stored:
                keep(StoredAnswer(error.status, error.body(request_id), request_id))
            raise
        if fault is not None and fault.kind == "drop_answer":
            raise ConnectionResetError("answer dropped on request")
        return answer

    def _run(
        self, route: Route, call: Call, origin: Origin, keep: Callable[[StoredAnswer], None] | None, request_id: str
    ) -> Record:
        """The operation and the memory of its answer commit together, or not at all."""
        failure: StripeError | None = None
        body: Record = {}
        self.world.origin = origin
        try:
            with self.world.store.transaction():
                try:
                    body = self._render(route.operation(self.world, call), call)
                    if keep is not None:
                        keep(StoredAnswer(200, body, request_id))
                except StripeError as error:
                    if not error.keeps_changes:
                        raise
                    failure = error
        finally:
            self.world.origin = Origin()
            self.changed()
        if failure is not None:
            raise failure
        return body

    def _render(self, record: Record, call: Call) -> Record:
        if record.get("object") in _REFRESHED and not record.get("deleted"):
            record = self.world.store.find(record["object"], record["id"]) or record
        EXPANDER.apply(self.world, record, call.get("expand") or [])
        rendered: Record = public(record)
        return rendered

    def _account(self, request: web.Request) -> str:
        key = _api_key(request.headers.get("Authorization", ""))
        if not key:
            message = (
                "You did not provide an API key. You need to provide your API key in the Authorization header, "
                "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
            raise _unauthorized(message)
        accepted = key == self.secret_key if self.secret_key else key.startswith(("sk_test_", "rk_test_"))
        if not accepted:
            raise _unauthorized(f"Invalid API Key provided: {key[:8]}{'*' * 8}{key[-4:] if len(key) > 16 else ''}")
        return key


def _api_key(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode("utf-8", "replace").partition(":")[0]
        except (binascii.Error, ValueError):
            return ""
    return ""


def _unauthorized(message: str) -> StripeError:
    headers = {"WWW-Authenticate": 'Bearer realm="Stripe"'}
    return StripeError(401, "invalid_request_error", message, stored=False, headers=headers)


def _same_version(request: web.Request) -> None:
    version = request.headers.get("Stripe-Version", API_VERSION)
    if version != API_VERSION:
        message = f"The simulator speaks API version {API_VERSION}; this request asks for {version[:40]}."
        raise invalid(message, "Stripe-Version", stored=False)


async def _raw_parameters(request: web.Request) -> str:
    if request.method == "GET":
        return request.rel_url.raw_query_string
    body = (await request.read()).decode("utf-8", "replace")
    query = request.rel_url.raw_query_string
    return "&".join(part for part in (query, body) if part)


def _understood(request: web.Request, method: str, path: str, raw: str) -> tuple[Route, Call]:
    found = find_route(method, path)
    if found is None:
        message = (
            f"Unrecognized request URL ({method}: {path[:200]}). Please see https://stripe.com/docs or we can help at "
            "https://support.stripe.com/."
        )
        raise StripeError(404, "invalid_request_error", message, stored=False)
    if request.can_read_body and request.content_type not in (
        "application/x-www-form-urlencoded",
        "application/octet-stream",
    ):
        raise invalid(
            f"Invalid request (check that your POST content type is application/x-www-form-urlencoded, not "
            f"{request.content_type[:60]}).",
            stored=False,
        )
    route, identifiers = found
    return route, Call(route.accepts.parse(decode(raw), ""), identifiers)


async def _before(fault: PlannedApiFault) -> None:
    """What a fault does before (or instead of) the work."""
    if fault.seconds:
        await asyncio.sleep(fault.seconds)
    if fault.kind == "hang":
        raise ConnectionResetError("hung on request")
    if fault.kind == "error":
        kind = "idempotency_error" if fault.status == 409 else "api_error"
        if fault.status < 500 and fault.status != 409:
            kind = "invalid_request_error"
        stored = fault.stored and fault.status >= 500
        headers = {} if stored else {"Stripe-Should-Retry": "true"}
        message = (
            "An unknown error occurred." if fault.status >= 500 else "Failed on request of the simulator's controls."
        )
        code = {409: "lock_timeout", 429: "rate_limit"}.get(fault.status)
        raise StripeError(fault.status, kind, message, code=code, stored=stored, headers=headers)


def json_answer(status: int, body: Record, headers: dict[str, str] | None = None) -> web.Response:
    """JSON as Stripe prints it."""
    return web.Response(
        status=status, text=json.dumps(body, indent=2) + "\n", content_type="application/json", headers=headers
    )


def _plain(headers: dict[str, str]) -> dict[str, str]:
    """Header values that are safe to send back, whatever bytes came in."""
    return {name: "".join(c for c in value if 32 <= ord(c) < 127)[:300] for name, value in headers.items()}
