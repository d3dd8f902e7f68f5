"""The process table: everything that makes up a running portal, one line each."""

from __future__ import annotations

import asyncio
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path

from portal.demo.ports import Ports
from portal.demo.supervisor import Process

PYTHON = sys.executable
FLASK = (PYTHON, "-m", "flask", "--app", "wsgi")
MIGRATE = (*FLASK, "db", "upgrade")
SEED = (PYTHON, "-m", "portal.demo.world")

GRANIAN = (
    *(PYTHON, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--no-ws"),
    *("--workers", "2", "--blocking-threads", "4", "--backlog", "512"),
    *("--respawn-failed-workers", "--respawn-interval", "0.2", "--workers-kill-timeout", "3"),
)


def outside_world(ports: Ports, folder: Path, webhook_secret: str) -> list[Process]:
    """What a real portal finds on the internet: Stripe, and the providers' own servers. Seeding needs them up."""
    simulator = (PYTHON, "-m", "portal.simulator", "--port", str(ports.simulator), "--state", str(folder / "simulator"))
    webhook = f"http://127.0.0.1:{ports.portal}/api/webhooks/stripe"
    upstreams = (PYTHON, "-m", "portal.upstreams", "--port", str(ports.upstreams))
    return [
        Process(
            "simulator",
            (*simulator, "--webhook-url", webhook, "--webhook-secret", webhook_secret),
            _listens(ports.simulator),
        ),
        Process("upstreams", upstreams, _listens(ports.upstreams)),
    ]


def product(ports: Ports) -> list[Process]:
    """The portal itself."""
    gateway = (PYTHON, "-m", "portal.dataplane", "--port", str(ports.gateway))
    return [
        Process("web", (*GRANIAN, "--port", str(ports.portal), "wsgi:app"), _says_ready(ports.portal, "/ready")),
        Process("worker", (PYTHON, "-m", "jobs.worker"), says="worker started"),
        Process("scheduler", (PYTHON, "-m", "jobs.scheduler"), says="scheduler started"),
        Process("gateway", gateway, _says_ready(ports.gateway, "/_gateway/ready")),
    ]


def _listens(port: int) -> Callable[[], Awaitable[bool]]:
    async def answer() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    return answer


def _says_ready(port: int, path: str) -> Callable[[], Awaitable[bool]]:
    def answer() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as reply:
                return bool(reply.status == 200)
        except (OSError, urllib.error.HTTPError):
            return False

    async def answer_aside() -> bool:
        return await asyncio.to_thread(answer)

    return answer_aside
