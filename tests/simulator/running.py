"""Starting a simulator for a test: the real process or the real application in a thread, on a free port."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import requests
import stripe
from aiohttp import web

from portal.simulator.engine import Configuration, Simulator
from portal.simulator.server import make_runner

Value = TypeVar("Value")
PATIENCE = 30.0
ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    """A port nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(look: Callable[[], Value], *, within: float = PATIENCE) -> Value:
    """Look again and again until there is something; fail after ``within`` seconds."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {within} seconds for {look}")
        time.sleep(0.01)


@dataclass
class Running:
    """A simulator that answers at ``url``."""

    url: str

    def client(self, key: str = "sk_test_spine", http_client: stripe.HTTPClient | None = None) -> stripe.StripeClient:
        """The official SDK, pointed here, without its own retries."""
        addresses: stripe.BaseAddresses = dict.fromkeys(("api", "connect", "files", "meter_events"), self.url)  # type: ignore[assignment]
        return stripe.StripeClient(key, base_addresses=addresses, max_network_retries=0, http_client=http_client)

    def control(self, path: str, **body: object) -> dict[str, object]:
        """Call one of the controls and expect it to work."""
        answer = requests.post(f"{self.url}/_simulator/{path}", json=body, timeout=20)
        assert answer.status_code == 200, answer.text
        found: dict[str, object] = answer.json()
        return found


@contextmanager
def in_thread(**options: object) -> Iterator[Running]:
    """The application in a thread of this process."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    loop = asyncio.new_event_loop()
    ready = threading.Event()
    stop = asyncio.Event()

    async def serve() -> None:
        runner = make_runner(Simulator(Configuration(url, **options)))  # type: ignore[arg-type]
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        yield Running(url)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)


@contextmanager
def as_process(state: Path, port: int, *flags: str) -> Iterator[tuple[Running, subprocess.Popen[bytes]]]:
    """The real process, as the demo starts it."""
    command = [sys.executable, "-m", "portal.simulator", "--port", str(port), "--state", str(state), *flags]
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    running = Running(f"http://127.0.0.1:{port}")
    try:
        wait_until(lambda: _healthy(running.url))
        yield running, process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)


def _healthy(url: str) -> bool:
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(f"{url}/_simulator/health", timeout=2).status_code == 200
    return False
