"""The running parts: state, courier, trouble and time, without the web."""

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path

from portal.simulator.clock import SimulatorClock
from portal.simulator.faults import Faults
from portal.simulator.objects.test_clocks import arrive
from portal.simulator.objects.webhook_endpoints import new_endpoint
from portal.simulator.records import private
from portal.simulator.store import Store
from portal.simulator.timeline import run_due
from portal.simulator.webhooks import Courier
from portal.simulator.world import World

log = logging.getLogger("portal.simulator")
TICK = 1.0
"""Seconds between looks at the account's own clock; test clocks move only when told."""
END_OF_TIME = 2**53


@dataclass(frozen=True)
class Configuration:
    """How the process was started. Without ``state`` everything is forgotten at the end."""

    public_url: str
    state: Path | None = None
    secret_key: str | None = None
    webhook_url: str | None = None
    webhook_secret: str | None = None


class Simulator:
    """The running server's parts and its background work."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.store = Store(configuration.state)
        self.world = World(self.store, SimulatorClock(self.store), configuration.public_url.rstrip("/"))
        self.faults = Faults()
        self.courier = Courier(self.world, self.faults)
        self._clock_bell = asyncio.Event()

    def changed(self) -> None:
        """Something was written: deliveries and clocks may have work."""
        self.courier.ring()
        self._clock_bell.set()

    async def start(self) -> list[asyncio.Task[None]]:
        """Begin delivering and keeping time; the caller cancels the tasks."""
        self._preset_endpoint()
        return [asyncio.create_task(self.courier.run()), asyncio.create_task(self._keep_time())]

    def _preset_endpoint(self) -> None:
        """The one endpoint named by flags: it exists from the start and follows the flags of the latest start."""
        url, secret = self.configuration.webhook_url, self.configuration.webhook_secret
        if not url or not secret:
            return
        with self.store.transaction():
            known = (e for e in self.store.newest("webhook_endpoint") if private(e).get("preset"))
            endpoint = next(known, None) or new_endpoint(self.world, url, ["*"], secret)
            begun = min(endpoint["created"], self.world.now())
            endpoint.update(url=url, created=begun, description="Preset when the simulator was started")
            private(endpoint).update(preset=True, secrets=[{"secret": secret, "until": None}])
            self.store.put(endpoint)

    async def _keep_time(self) -> None:
        while True:
            self._clock_bell.clear()
            try:
                self.catch_up()
            except Exception:
                log.exception("work that fell due failed; it will be tried again")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._clock_bell.wait(), TICK)
            await asyncio.sleep(0)

    def reset(self) -> None:
        """Forget everything but how the process was started."""
        with self.store.transaction():
            self.store.clear()
        self.faults.api.clear()
        self.faults.deliveries.clear()
        self.faults.paused = False
        self._preset_endpoint()

    def begin_at(self, offset: int) -> bool:
        """Set the account's clock back before anything has happened; False, and no change, once something has."""
        if self.store.holds_more_than("webhook_endpoint"):
            return False
        with self.store.transaction():
            self.world.clock.set_offset(offset)
        self._preset_endpoint()
        return True

    def next_due(self) -> int | None:
        """The instant (Unix seconds) at which time alone next changes something on the account's clock, if any."""
        following = self.store.first_due(None, END_OF_TIME)
        return None if following is None else following[1]

    def catch_up(self) -> int:
        """Do what fell due on the account's clock and finish test clocks that are advancing."""
        steps = run_due(self.world, None, self.world.clock.now())
        for clock in list(self.store.newest("test_helpers.test_clock", status="advancing")):
            steps += run_due(self.world, clock["id"], private(clock)["target"])
            with self.store.transaction(), self.world.at(private(clock)["target"], clock["id"]):
                arrive(self.world, clock)
            steps += 1
        if steps:
            self.courier.ring()
        return steps
