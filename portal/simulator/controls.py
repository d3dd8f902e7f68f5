"""Controls under ``/_simulator``: health, time, trouble, deliveries. JSON, and only from this machine.

They are no part of Stripe and the product never calls them; tests, demos and people do.
"""

import ipaddress
from collections.abc import Awaitable, Callable
from typing import get_args

from aiohttp import web

from portal.simulator import API_VERSION
from portal.simulator.cards import BY_NUMBER
from portal.simulator.checkout.completing import Payer, authenticated, submit
from portal.simulator.control_input import Unusable, json_object, planned_fault, whole_number
from portal.simulator.deliveries import DeliveryLog
from portal.simulator.engine import Simulator
from portal.simulator.faults import ApiFault, DeliveryFault, PlannedApiFault, PlannedDeliveryFault
from portal.simulator.identifiers import random_text
from portal.simulator.money_controls import MoneyControls
from portal.simulator.records import private
from portal.simulator.timeline import AFTER_RETRIES

Handler = Callable[[web.Request], Awaitable[web.Response]]
FURTHEST_STEP = 10 * 366 * 86_400


class Controls:
    """What a test or a demo may do to the simulated world."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._log = DeliveryLog(simulator.store, simulator.world.clock)

    def routes(self) -> list[web.RouteDef]:
        """The addresses of the controls; everything but ``health`` answers only this machine."""
        here = self._only_here
        return [
            web.get("/_simulator/health", self.health),
            web.get("/_simulator/state", here(self.state)),
            web.post("/_simulator/clock", here(self.clock)),
            web.post("/_simulator/settings", here(self.settings)),
            web.post("/_simulator/reset", here(self.reset)),
            web.get("/_simulator/faults", here(self.state)),
            web.post("/_simulator/faults", here(self.plan)),
            web.delete("/_simulator/faults", here(self.forgive)),
            web.get("/_simulator/deliveries", here(self.deliveries)),
            web.post("/_simulator/deliveries/deliver_now", here(self.deliver_now)),
            web.post("/_simulator/deliveries/pause", here(self.pause)),
            web.post("/_simulator/deliveries/resume", here(self.resume)),
            web.post("/_simulator/deliveries/{delivery}/redeliver", here(self.redeliver)),
            web.post("/_simulator/events/{event}/redeliver", here(self.redeliver_event)),
            web.post("/_simulator/webhook_endpoints/{endpoint}/roll_secret", here(self.roll_secret)),
            web.post("/_simulator/checkout_sessions/{session}/complete", here(self.complete)),
            *MoneyControls(self._simulator).routes(here),
        ]

    async def health(self, _: web.Request) -> web.Response:
        """200 once the server is ready."""
        return web.json_response({"status": "ok", "api_version": API_VERSION})

    async def state(self, _: web.Request) -> web.Response:
        """Time, when time alone next changes something, planned trouble and how the deliveries stand."""
        clock = self._simulator.world.clock
        return web.json_response(
            {
                "api_version": API_VERSION,
                "now": clock.now(),
                "clock_offset": clock.offset,
                "next_due": self._simulator.next_due(),
                "after_retries": self._simulator.store.setting(AFTER_RETRIES, "cancel"),
                "faults": self._simulator.faults.shown(),
                "deliveries": self._log.counts(),
            }
        )

    async def clock(self, request: web.Request) -> web.Response:
        """``{"advance": seconds}``, ``{"to": unix}`` or ``{"offset": seconds}``: what falls due on the way happens.

        The clock goes back only while nothing has happened yet, so that a world may begin in the past.
        """
        given = await json_object(request)
        clock = self._simulator.world.clock
        offset = clock.offset
        if set(given) == {"advance"}:
            offset += whole_number(given, "advance", least=0)
        elif set(given) == {"to"}:
            offset += whole_number(given, "to", least=0) - clock.now()
        elif set(given) == {"offset"}:
            offset = whole_number(given, "offset", least=-FURTHEST_STEP)
        else:
            raise Unusable("send one of advance (seconds), to (unix seconds) or offset (seconds)")
        if abs(offset - clock.offset) > FURTHEST_STEP:
            raise Unusable("one step goes ten years at most")
        if offset < clock.offset and not self._simulator.begin_at(offset):
            raise Unusable("the clock goes back only while nothing has happened; reset forgets everything")
        clock.set_offset(offset)
        steps = self._simulator.catch_up()
        self._simulator.changed()
        return web.json_response({"now": clock.now(), "clock_offset": offset, "steps": steps})

    async def settings(self, request: web.Request) -> web.Response:
        """``{"after_retries": "cancel" | "unpaid" | "past_due"}``: Stripe keeps this in the dashboard."""
        given = await json_object(request)
        wanted = given.get("after_retries")
        if set(given) != {"after_retries"} or wanted not in ("cancel", "unpaid", "past_due"):
            raise Unusable("after_retries is cancel, unpaid or past_due")
        self._simulator.store.set_setting(AFTER_RETRIES, wanted)
        return await self.state(request)

    async def reset(self, request: web.Request) -> web.Response:
        """Forget everything, as if started for the first time."""
        self._simulator.reset()
        return await self.state(request)

    async def plan(self, request: web.Request) -> web.Response:
        """``{"api": [...], "deliveries": [...]}``: trouble for the calls and deliveries to come."""
        given = await json_object(request)
        if set(given) - {"api", "deliveries"} or not all(isinstance(value, list) for value in given.values()):
            raise Unusable("send lists named api and deliveries")
        api = [planned_fault(PlannedApiFault, entry, get_args(ApiFault)) for entry in given.get("api", [])]
        sent = [planned_fault(PlannedDeliveryFault, e, get_args(DeliveryFault)) for e in given.get("deliveries", [])]
        self._simulator.faults.api += api
        self._simulator.faults.deliveries += sent
        return await self.state(request)

    async def forgive(self, request: web.Request) -> web.Response:
        """Everything works again."""
        self._simulator.faults.api.clear()
        self._simulator.faults.deliveries.clear()
        self._simulator.faults.paused = False
        self._simulator.changed()
        return await self.state(request)

    async def deliveries(self, request: web.Request) -> web.Response:
        """Newest first; ``?state=pending``, ``?event=evt_…``, ``?limit=100``."""
        limit = request.query.get("limit", "100")
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:6]) <= 1000):
            raise Unusable("limit is a number from 1 to 1000")
        found = self._log.newest(int(limit), state=request.query.get("state"), event=request.query.get("event"))
        return web.json_response({"deliveries": found})

    async def deliver_now(self, request: web.Request) -> web.Response:
        """Everything pending is tried once, whether its time has come or not; answers when all are through."""
        await self._simulator.courier.drain()
        return await self.state(request)

    async def pause(self, request: web.Request) -> web.Response:
        """Hold all deliveries back; events still happen."""
        self._simulator.faults.paused = True
        return await self.state(request)

    async def resume(self, request: web.Request) -> web.Response:
        """Let deliveries go again."""
        self._simulator.faults.paused = False
        self._simulator.courier.ring()
        return await self.state(request)

    async def redeliver(self, request: web.Request) -> web.Response:
        """Send one delivery again, as the dashboard's "Resend" does."""
        number = request.match_info["delivery"]
        if not (number.isascii() and number.isdigit()) or not self._log.again(int(number[:15])):
            raise web.HTTPNotFound(text="no such delivery")
        self._simulator.courier.ring()
        return web.json_response({"queued": 1})

    async def redeliver_event(self, request: web.Request) -> web.Response:
        """Send an event again to every endpoint that listens now."""
        event = self._simulator.store.find("event", request.match_info["event"])
        if event is None:
            raise web.HTTPNotFound(text="no such event")
        queued = self._simulator.world.send_to_listeners(event)
        self._simulator.courier.ring()
        return web.json_response({"queued": queued})

    async def roll_secret(self, request: web.Request) -> web.Response:
        """A new signing secret; the old one signs along for ``{"overlap_seconds": n}`` (24 hours unless said)."""
        given = await json_object(request)
        endpoint = self._simulator.store.find("webhook_endpoint", request.match_info["endpoint"])
        if endpoint is None or endpoint.get("deleted"):
            raise web.HTTPNotFound(text="no such webhook endpoint")
        overlap = whole_number({"overlap_seconds": 86_400, **given}, "overlap_seconds", least=0)
        until = self._simulator.world.clock.real() + overlap
        secret = str(given.get("secret") or "whsec_" + random_text(32))
        old = [{**kept, "until": until} for kept in private(endpoint)["secrets"] if kept["until"] is None]
        private(endpoint)["secrets"] = [{"secret": secret, "until": None}, *old]
        self._simulator.store.put(endpoint)
        return web.json_response({"secret": secret, "old_until": until})

    async def complete(self, request: web.Request) -> web.Response:
        """Pay a checkout without a browser: ``{"card": "4242424242424242", "authenticate": true}``."""
        given = await json_object(request)
        world = self._simulator.world
        session = self._simulator.store.find("checkout.session", request.match_info["session"])
        if session is None:
            raise web.HTTPNotFound(text="no such checkout session")
        card = BY_NUMBER.get(str(given.get("card", "4242424242424242")))
        if card is None or session["status"] != "open":
            raise Unusable("card must be a test card and the session open")
        email = str(given.get("email") or session["customer_email"] or "cleo@example.com")
        with self._simulator.store.transaction():
            result = submit(world, session, Payer(email, str(given.get("name", "Cleo")), card))
            if result.state == "confirm":
                kept = self._simulator.store.find("checkout.session", session["id"]) or session
                result = authenticated(world, kept, confirmed=given.get("authenticate", True) is True)
        self._simulator.changed()
        return web.json_response({"state": result.state, "message": result.message})

    def _only_here(self, handler: Handler) -> Handler:
        """Refuse other machines and other web pages; say what was wrong with a request."""

        async def guarded(request: web.Request) -> web.Response:
            if not _is_local(request) or request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
                return web.json_response({"error": "controls answer this machine only"}, status=403)
            if (
                request.method == "POST"
                and "Content-Type" in request.headers
                and request.content_type != "application/json"
            ):
                return web.json_response({"error": "send JSON"}, status=415)
            try:
                return await handler(request)
            except Unusable as error:
                return web.json_response({"error": str(error)}, status=400)

        return guarded


def _is_local(request: web.Request) -> bool:
    try:
        return request.remote is None or ipaddress.ip_address(request.remote).is_loopback
    except ValueError:
        return False
