"""The page at ``/``: what this server is, what happened lately, and whether it was delivered."""

import re
from collections import Counter

from aiohttp import web

from portal.kit.clock import from_timestamp, isoformat_z
from portal.simulator import API_VERSION
from portal.simulator.deliveries import DeliveryLog
from portal.simulator.engine import Simulator
from portal.simulator.pages import Pages

SHOWN = 40
_COUNTED = (("customer", "Customers"), ("product", "Products"), ("price", "Prices"), ("checkout.session", "Checkouts"),
            ("subscription", "Subscriptions"), ("invoice", "Invoices"), ("event", "Events"))  # fmt: skip


class Overview:
    """Reads only; the controls act."""

    def __init__(self, simulator: Simulator, pages: Pages) -> None:
        self._simulator, self._pages = simulator, pages
        self._log = DeliveryLog(simulator.store, simulator.world.clock)

    def routes(self) -> list[web.RouteDef]:
        """Just the one address."""
        return [web.get("/", self.show)]

    async def show(self, _: web.Request) -> web.Response:
        """Recent events with the state of their deliveries."""
        store, clock = self._simulator.store, self._simulator.world.clock
        deliveries = self._log.newest(500)
        states: dict[str, Counter[str]] = {}
        for delivery in deliveries:
            states.setdefault(delivery["event"], Counter())[delivery["state"]] += 1
        events = []
        for event in store.newest("event", limit=SHOWN):
            thing = event["data"]["object"]
            when = from_timestamp(event["created"])
            events.append(
                {
                    "id": event["id"],
                    "words": re.findall(r"[^._]+[._]?", event["type"]),
                    "object": thing.get("id", ""),
                    "at": f"{when:%H:%M:%S}",
                    "instant": isoformat_z(when),
                    "deliveries": sorted(states.get(event["id"], Counter()).items()),
                }
            )
        return self._pages.render(
            "overview.html",
            version=API_VERSION,
            now=f"{from_timestamp(clock.now()):%d %B %Y, %H:%M:%S} UTC",
            offset=clock.offset,
            counts=[(label, store.count(kind)) for kind, label in _COUNTED],
            endpoints=[e for e in store.newest("webhook_endpoint") if not e.get("deleted")],
            totals=self._log.counts(),
            troubles=[d for d in deliveries if d["state"] in ("pending", "failed") and d["attempts"]][:SHOWN],
            faults=self._simulator.faults.shown(),
            events=events,
        )
