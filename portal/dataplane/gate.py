"""The whole way of one call: look up, admit, pass on, log."""

from __future__ import annotations

import asyncio
import time

import structlog
from aiohttp import web
from aiohttp.web import BaseRequest

from portal.dataplane import refusals
from portal.dataplane.admission import Admission
from portal.dataplane.call import Call
from portal.dataplane.config import Config
from portal.dataplane.entries import log_entry
from portal.dataplane.headers import preflight_headers
from portal.dataplane.limits import Quotas
from portal.dataplane.paths import BadTarget, read_target
from portal.dataplane.proxy import ClientLeft, Proxy, UpstreamBroke, finish_headers
from portal.dataplane.refusals import Refusal, refusal_response
from portal.dataplane.spool import Spool
from portal.dataplane.types import Decision
from portal.kit.clock import Clock
from portal.kit.stable_ids import time_ordered_hex

log = structlog.get_logger(__name__)


class Gate:
    """Handles calls to published APIs. Whatever arrives, the answer is below 500 unless an upstream or we are down."""

    def __init__(
        self, config: Config, clock: Clock, admission: Admission, quotas: Quotas, proxy: Proxy, spool: Spool
    ) -> None:
        self._config, self._clock = config, clock
        self._admission, self._quotas, self._proxy, self._spool = admission, quotas, proxy, spool
        self.last_used: dict[int, Call] = {}
        self.in_flight = 0

    async def handle(self, request: BaseRequest) -> web.StreamResponse:
        """Answer one call and write its log entry."""
        call = Call(time_ordered_hex(self._clock), self._clock.now(), time.perf_counter(), _address(request))
        self.in_flight += 1
        try:
            return await self._answered(request, call)
        except asyncio.CancelledError:
            call.decision, call.status = Decision.CLIENT_LEFT, call.status or 499
            raise
        finally:
            self.in_flight -= 1
            self._conclude(request, call)

    async def _answered(self, request: BaseRequest, call: Call) -> web.StreamResponse:
        try:
            return await self._pass(request, call)
        except Refusal as refusal:
            return await self._refuse(request, call, refusal)
        except UpstreamBroke:
            call.decision, call.source = Decision.UPSTREAM_FAILED, "kong"
            _cut(request)
        except ClientLeft:
            call.decision, call.status = Decision.CLIENT_LEFT, call.status or 499
            _cut(request)
        except Exception as problem:
            log.exception("a call failed in the gateway", error=repr(problem), request_id=call.request_id)
            if call.upstream_answered is not None:
                _cut(request)
            else:
                return await self._refuse(request, call, refusals.unavailable("The gateway failed. Try again."))
        return web.Response(status=499)

    async def _pass(self, request: BaseRequest, call: Call) -> web.StreamResponse:
        if request.method in ("TRACE", "CONNECT"):
            raise refusals.method_not_allowed()
        try:
            target = read_target(request.raw_path)
        except BadTarget as fault:
            raise refusals.bad_request(f"{fault}.".capitalize()) from None
        call.path, call.query = target.path, target.query
        if not target.prefix:
            raise refusals.no_route()
        if self.in_flight > self._config.max_in_flight:
            raise refusals.unavailable("The gateway is busy. Try again shortly.")
        route = call.route = await self._admission.find_route(target.prefix)
        if route.is_blocked:
            raise refusals.api_blocked(self._config.portal_url)
        if request.method == "OPTIONS" and _is_preflight(request):
            return await self._preflight(request, call)
        credential = await self._admission.identify(request, target.query, call.instant)
        call.credential = credential
        if (request.content_length or 0) > self._config.max_body:
            raise refusals.too_large(self._config.max_body)
        self._admission.entitle(credential, route, call.instant)
        self._admission.limit_rate(call, credential)
        await self._admission.use_quota(call, credential)
        call.is_booked = True
        return await self._proxy.forward(request, call, target, route, credential)

    async def _preflight(self, request: BaseRequest, call: Call) -> web.StreamResponse:
        call.decision, call.status = Decision.PREFLIGHT, 200
        response = web.Response(status=200)
        finish_headers(response, call)
        response.headers.update(preflight_headers(request))
        return response

    async def _refuse(self, request: BaseRequest, call: Call, refusal: Refusal) -> web.StreamResponse:
        call.decision, call.status, call.source = refusal.decision, refusal.status, "kong"
        response = refusal_response(refusal, call.request_id, self._config.portal_url)
        finish_headers(response, call)
        call.response_headers = {"Content-Type": "application/problem+json"}
        call.bytes_out = len(response.body) if isinstance(response.body, bytes) else 0
        if request.body_exists and not request.content.is_eof():
            response.force_close()  # an unread body would be taken for the next request
        return response

    def _conclude(self, request: BaseRequest, call: Call) -> None:
        if call.credential is not None:
            self.last_used[call.credential.key_id] = call
            if call.is_booked and not call.is_billable:
                self._quotas.give_back(call.credential, call.instant)
        try:
            self._spool.append(log_entry(call, request))
        except Exception as problem:
            log.exception("a log entry could not be made", error=repr(problem), request_id=call.request_id)


def _is_preflight(request: BaseRequest) -> bool:
    return "Origin" in request.headers and "Access-Control-Request-Method" in request.headers


def _address(request: BaseRequest) -> str:
    return request.remote or ""


def _cut(request: BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()
