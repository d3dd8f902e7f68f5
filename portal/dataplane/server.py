"""One gateway process: its parts, its health, its orderly end."""

from __future__ import annotations

import asyncio
import gc
import signal
from contextlib import suppress

import orjson
import structlog
from aiohttp import web
from aiohttp.web import BaseRequest

from portal.dataplane.admission import Admission
from portal.dataplane.cache import Proof, TruthUnavailable
from portal.dataplane.changes import Feed, Knowledge, RedisHints
from portal.dataplane.config import Config
from portal.dataplane.connections import Door
from portal.dataplane.gate import Gate
from portal.dataplane.limits import MinuteWindows, Quotas
from portal.dataplane.proxy import Proxy
from portal.dataplane.shipping import Shipper
from portal.dataplane.spool import Spool
from portal.dataplane.truth import Truth
from portal.kit.clock import Clock, SystemClock

log = structlog.get_logger(__name__)


class Gateway:
    """Wires the parts together. `run` serves until TERM or INT."""

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self._config = config
        clock = clock or SystemClock()
        self._proof = Proof(lease=config.lease)
        self._truth = Truth(config.database_url, self._proof)
        self._knowledge = Knowledge(self._truth, self._proof, outage=config.outage)
        self._feed = Feed(config.database_url, self._truth, self._proof, self._knowledge.apply)
        self._hints = RedisHints(config.redis_url, self._knowledge.apply)
        self._quotas = Quotas(self._truth)
        self._spool = Spool(config.state / "spool", clock, limit=config.spool_limit)
        self._shipper = Shipper(self._spool, config.log_url, config.log_token)
        self._proxy = Proxy(config)
        admission = Admission(config, self._knowledge, MinuteWindows(), self._quotas)
        self._gate = Gate(config, clock, admission, self._quotas, self._proxy, self._spool)
        self._is_draining = False

    async def run(self) -> None:
        """Serve until asked to stop; then finish what is under way, settle quotas and hand over the log."""
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        await self._truth.open()
        door = Door(self._route)
        server = await asyncio.get_running_loop().create_server(
            door, self._config.host, self._config.port, backlog=1024
        )
        duties = [
            asyncio.create_task(duty)
            for duty in (
                self._feed.listen(),
                self._feed.call(),
                self._hints.listen(),
                self._shipper.run(),
                self._settle(),
                self._sync(),
            )
        ]
        _spare_the_collector()
        log.info("gateway ready", address=f"http://{self._config.host}:{self._config.port}")
        await stop.wait()
        await self._drain(server, door)
        for duty in duties:
            duty.cancel()
        await asyncio.gather(*duties, return_exceptions=True)
        await self._finish()

    async def _drain(self, server: asyncio.Server, door: Door) -> None:
        self._is_draining = True
        log.info("gateway draining", in_flight=self._gate.in_flight)
        server.close()
        door.pre_shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._config.drain_timeout):
                while self._gate.in_flight:
                    await asyncio.sleep(0.02)
        await door.shutdown(1.0)

    async def _finish(self) -> None:
        await self._quotas.settle(everything=True)
        await self._mark_used()
        await self._shipper.finish(within=5.0)
        self._spool.close()
        await self._proxy.close()
        await self._truth.close()
        log.info("gateway stopped")

    async def _route(self, request: BaseRequest) -> web.StreamResponse:
        if request.raw_path.startswith("/_gateway/"):
            return self._probe(request.raw_path.partition("?")[0])
        return await self._gate.handle(request)

    def _probe(self, path: str) -> web.Response:
        if path == "/_gateway/health":
            return _json({"status": "ok"})
        if path != "/_gateway/ready":
            return _json({"status": 404, "message": "no Route matched with those values"}, 404)
        ready = self._proof.is_up and not self._is_draining and self._proof.epoch > 0
        state = {
            "status": ("ok" if self._hints.is_up else "degraded") if ready else "unavailable",
            "checks": {
                "database": "ok" if self._proof.is_up and self._proof.epoch else "unavailable",
                "redis": "ok" if self._hints.is_up else "degraded",
                "draining": self._is_draining,
            },
            "log_segments_waiting": self._spool.backlog,
            "log_entries_lost": self._spool.lost,
            "in_flight": self._gate.in_flight,
        }
        return _json(state, 200 if ready else 503)

    async def _settle(self) -> None:
        while True:
            await asyncio.sleep(1)
            await self._quotas.settle()
            await self._mark_used()
            self._proxy.sweep()

    async def _mark_used(self) -> None:
        seen, self._gate.last_used = self._gate.last_used, {}
        if seen:
            with suppress(TruthUnavailable):
                await self._truth.mark_used({key_id: call.instant for key_id, call in seen.items()})

    async def _sync(self) -> None:
        while True:
            await asyncio.sleep(1)
            await asyncio.to_thread(self._spool.sync)


def _spare_the_collector() -> None:
    """Calls leave few cycles behind: look for them seldom, and never among what lives as long as the process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
