"""Letting the demo's past happen: the simulator's clock and the portal's go forward together, from event to event.

The simulator begins at a moment of the past and is moved to each instant at which something falls due. What happens
there it announces as ever, in signed deliveries; a door of the portal takes them in, and they are worked before time
goes on, by the same functions as always, which are told the time of the story. Nothing is written that the simulator
did not say, and once the present is reached it goes on by itself.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server

from portal.kit.clock import ManualClock, SystemClock, from_timestamp
from portal.payments.changing import syncing_from
from portal.web.plugs import plugs
from portal.webhooks.processing import work_due

PATIENCE_SECONDS = 60
AT_ONCE = 50
ACCEPTED, REFUSED = 200, 400
_MERCHANT = {"Authorization": "Bearer sk_test_simulator"}
NOTHING: Mapping[str, str] = MappingProxyType({})
TRIES = 5  # rounds of deliveries before an event that the door does not take ends the story


class PastBroken(RuntimeError):
    """The simulator and the portal did not come to agree; the message says over what."""


@dataclass
class Past:
    """The time of the story. `clock` is the one that the application's functions are told."""

    clock: ManualClock
    simulator_url: str

    def begin(self, at: datetime) -> None:
        """Go back to `at`; where something has happened already, the story goes on from where it stands."""
        status, _ = self._control("POST", "clock", to=int(at.timestamp()))
        if status not in (ACCEPTED, REFUSED):
            raise PastBroken(f"the simulator's clock answered {status}")
        self.clock.set(from_timestamp(self._state()["now"]))

    def live_until(self, moment: datetime) -> None:
        """Let everything happen that falls due up to `moment`, each thing at its own time."""
        until, state = int(moment.timestamp()), self._state()
        while state["next_due"] is not None and state["next_due"] <= until:
            state = self._step(state["next_due"])
        self._step(until)

    def arrive(self) -> None:
        """Live until the present; from here on the simulator's clock is the machine's again."""
        self.live_until(SystemClock().now())
        if self._state()["clock_offset"] < 0:
            self._control("POST", "clock", offset=0)
        self.clock.set(SystemClock().now())
        self.settle()

    def settle(self) -> dict[str, Any]:
        """Have everything that was announced delivered, and work it; return how the simulator stands.

        Raises PastBroken when the door does not take it.
        """
        for _round in range(TRIES):
            _, state = self._control("POST", "deliveries/deliver_now")
            if not state["deliveries"].get("pending"):
                break
        else:
            raise PastBroken(f"the portal did not take the simulator's deliveries: {state['deliveries']}")
        ports = plugs()
        while work_due(syncing_from(ports.payments, self.clock, ports.settings), limit=AT_ONCE) == AT_ONCE:
            pass
        return state

    def _step(self, until: int) -> dict[str, Any]:
        """Move both clocks to `until` and let the portal follow; the simulator refuses where it stands beyond."""
        status, answer = self._control("POST", "clock", to=until)
        self.clock.set(from_timestamp(answer["now"] if status == ACCEPTED else self._state()["now"]))
        return self.settle()

    def _state(self) -> dict[str, Any]:
        return self._control("GET", "state")[1]

    def _control(self, method: str, act: str, **values: int) -> tuple[int, dict[str, Any]]:
        body = json.dumps(values).encode() if values else b""
        status, answer = _send(method, f"{self.simulator_url}/_simulator/{act}", body, "application/json")
        return status, json.loads(answer)


def submit(address: str, **fields: str) -> int:
    """Press the button of a hosted page with these fields; return the status: 303 leads on, 402 is a refused card."""
    return _send("POST", address, urlencode(fields).encode(), "application/x-www-form-urlencoded")[0]


def refund(simulator_url: str, payment_id: str) -> None:
    """Give a payment back whole, as a merchant does at the payment provider's dashboard."""
    body = urlencode({"payment_intent": payment_id}).encode()
    status, answer = _send("POST", f"{simulator_url}/v1/refunds", body, "application/x-www-form-urlencoded", _MERCHANT)
    if status != ACCEPTED:
        raise PastBroken(f"the refund of {payment_id} was answered with {status}: {answer!r}")


@contextmanager
def taking_deliveries(app: Flask) -> Iterator[None]:
    """Serve the application at its own address for the length of a block: the door for the simulator's deliveries.

    It keeps the machine's time, by which deliveries are signed.
    """
    with app.app_context():
        address = urlsplit(plugs().settings.public_url)
    server = make_server(address.hostname or "", address.port or 80, app, threaded=True, request_handler=_Quiet)
    serving = threading.Thread(target=server.serve_forever, name="door", daemon=True)
    serving.start()
    try:
        yield
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: what is delivered stands in the inbox."""


def _send(method: str, address: str, body: bytes, kind: str, more: Mapping[str, str] = NOTHING) -> tuple[int, bytes]:
    where = urlsplit(address)
    link = HTTPConnection(where.hostname or "", where.port, timeout=PATIENCE_SECONDS)
    try:
        link.request(method, where.path, body or None, {"Content-Type": kind, **more})
        answer = link.getresponse()
        return answer.status, answer.read()
    finally:
        link.close()
