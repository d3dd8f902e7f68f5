"""A Stripe to test against: the simulator as a real process, and the acts a buyer or Stripe itself performs."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.demo.servers import free_port

ROOT = Path(__file__).parents[1]
SECRET = "whsec_test_0123456789abcdef"


@dataclass(frozen=True)
class StripeWorld:
    """A running simulator whose deliveries the test hands over itself, in whatever order it likes."""

    url: str
    process: subprocess.Popen[bytes]

    def api(self, method: str, path: str, **params: Any) -> dict[str, Any]:
        """Call the API as the SDK would."""
        body = urllib.parse.urlencode(params).encode() if method == "POST" else None
        address = f"{self.url}/v1/{path}" + (f"?{urllib.parse.urlencode(params)}" if method == "GET" and params else "")
        request = urllib.request.Request(
            address, data=body, method=method, headers={"Authorization": "Bearer sk_test_x"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def control(self, act: str, *, method: str = "POST", **values: Any) -> None:
        """Do something to the simulated world: `reset`, `faults`, `clock` …"""
        request = urllib.request.Request(
            f"{self.url}/_simulator/{act}",
            data=json.dumps(values).encode(),
            method=method,
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=10).close()

    def pay(self, checkout_url: str, card: str = "4242424242424242") -> str:
        """Fill in the hosted page and press the button; return where the browser is led, or the page it stays on."""
        form = {"number": card, "expiry": "12 / 34", "cvc": "123", "name": "Cleo Marsh", "email": "cleo@example.com"}
        request = urllib.request.Request(checkout_url, data=urllib.parse.urlencode(form).encode(), method="POST")
        opener = urllib.request.build_opener(_NoRedirect)
        try:
            with opener.open(request, timeout=10) as answer:
                return str(answer.read().decode())
        except urllib.error.HTTPError as answer:
            return str(answer.headers.get("Location") or answer.read().decode())

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """Every event so far, oldest first."""
        found = self.api("GET", "events", limit=100)["data"]
        return [event for event in reversed(found) if event["created"] >= after]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def start_stripe_world(state: Path) -> StripeWorld:
    """Start the simulator on a free port."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "portal.simulator", "--port", str(port), "--state", str(state)],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=(state / "simulator.log").open("wb"),
        stderr=subprocess.STDOUT,
    )
    world = StripeWorld(f"http://127.0.0.1:{port}", process)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{world.url}/_simulator/health", timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return world
    raise RuntimeError("the simulator did not start: " + (state / "simulator.log").read_text()[-2000:])


def signature(raw: bytes, at: float, secret: str = SECRET) -> str:
    """Sign a delivery the way Stripe does."""
    digest = hmac.new(secret.encode(), f"{int(at)}.".encode() + raw, hashlib.sha256).hexdigest()
    return f"t={int(at)},v1={digest}"


def deliver(
    client: FlaskClient, event: dict[str, Any], at: float, path: str = "/api/v1/webhooks/stripe"
) -> TestResponse:
    """Hand an event over as Stripe would."""
    raw = json.dumps(event).encode()
    return client.post(
        path, data=raw, headers={"Stripe-Signature": signature(raw, at), "Content-Type": "application/json"}
    )


def hidden_fields(page: str) -> dict[str, str]:
    """Return the hidden fields of a form."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
