"""One run of the demo, from leftovers of the last one to a clean stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from alembic.script import ScriptDirectory

from portal.demo import leftovers, ports, processes
from portal.demo.console import Console
from portal.demo.ports import Ports
from portal.demo.servers import RunningServer, start_postgres, start_valkey
from portal.demo.state import State
from portal.demo.supervisor import Supervisor

ROOT = Path(__file__).resolve().parents[2]
DATABASE = "mercato"
SEEDED = ("people", "apps", "shops", "api_keys")


def run(state: State) -> None:
    """Run until Ctrl-C or TERM. Raises PortError, StateInUseError, ServerStartError or ProcessFailedError."""
    began = time.monotonic()
    console = Console(logs=state.folder / "logs")
    with state.hold():
        leftovers.end(leftovers.marked(state.folder))
        state.remove("demo.json")
        chosen = ports.choose(state, ask=_ask if sys.stdin.isatty() and sys.stdout.isatty() else None)
        guard = leftovers.start_guard(state.folder)
        try:
            asyncio.run(_Run(state, chosen, console, began).live())
        finally:
            state.remove("demo.json")
            guard.kill()
            guard.communicate()


class _Run:
    def __init__(self, state: State, chosen: Ports, console: Console, began: float) -> None:
        self.state, self.ports, self.console, self.began = state, chosen, console, began
        self.secrets = state.secrets()
        self.servers: dict[str, RunningServer] = {}

    async def live(self) -> None:
        loop, this = asyncio.get_running_loop(), asyncio.current_task()
        assert this is not None
        supervisor: Supervisor | None = None
        asked = 0

        def wish_to_stop() -> None:
            nonlocal asked
            asked += 1
            if asked == 1:
                this.cancel()
            elif supervisor is not None:
                supervisor.hurry()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, wish_to_stop)
        with ExitStack() as stack:
            watchers: list[asyncio.Task[None]] = []
            try:
                self._start_servers(stack)
                supervisor = Supervisor(ROOT, self.environment(), self.console)
                watchers = [asyncio.create_task(self._watch(name)) for name in self.servers]
                await self._set_up(supervisor)
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.console.line()
                self.console.note("stopping")
            finally:
                for watcher in watchers:
                    watcher.cancel()
                if supervisor is not None:
                    await supervisor.stop()
        self.console.note("stopped; the data is kept")

    async def _set_up(self, supervisor: Supervisor) -> None:
        secret = self.secrets["STRIPE_WEBHOOK_SECRET"]
        outside = processes.outside_world(self.ports, self.state.folder, secret)
        if not self._is_at_head():
            with self.console.step("Bringing the database up to date"):
                await supervisor.run_once("migrate", processes.MIGRATE)
        with self.console.step(f"Starting {_listed([one.name for one in outside])}"):
            await supervisor.start(outside)
        if not self.state.read("seeded.json"):
            with self.console.step("Filling it with demo data"):
                await supervisor.run_once("seed", processes.SEED)
        product = processes.product(self.ports)
        with self.console.step(f"Starting {_listed([one.name for one in product])}"):
            await supervisor.start(product)
        description = self.description()
        self.state.write("demo.json", description)
        announce(self.console, description, time.monotonic() - self.began)

    def _start_servers(self, stack: ExitStack) -> None:
        with self.console.step("Starting PostgreSQL and Valkey"):
            for name in ("postgres", "valkey"):
                self.servers[name] = self._server(name)
                stack.callback(self._stop_server, name)
            admin = self.servers["postgres"].url.replace("+psycopg", "")
            with psycopg.connect(admin, autocommit=True) as link:
                known = link.execute("SELECT datname FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                if known is None:
                    link.execute(f"CREATE DATABASE {DATABASE}")

    def _is_at_head(self) -> bool:
        """True when there is nothing to migrate; asking costs milliseconds, starting the migrator seconds."""
        try:
            with psycopg.connect(self._addresses()["database_url"]) as link:
                found = link.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return False
        return found == (ScriptDirectory(str(ROOT / "migrations")).get_current_head(),)

    def _server(self, name: str) -> RunningServer:
        start: Callable[..., RunningServer] = {"postgres": start_postgres, "valkey": start_valkey}[name]
        return start(self.state.folder / name, port=getattr(self.ports, name))

    def _stop_server(self, name: str) -> None:
        self.servers[name].stop()

    async def _watch(self, name: str) -> None:
        """Start a server again, on its port, when it dies."""
        while True:
            code = await _ended(self.servers[name])
            self.console.note(f"{name} ended ({code}); starting it again")
            self.servers[name].stop()
            self.servers[name] = await asyncio.to_thread(self._server, name)

    def environment(self) -> dict[str, str]:
        """What every process of this run is told; nothing of a production environment may leak in."""
        at = self._addresses()
        return {
            **os.environ,
            **self.secrets,
            leftovers.MARK: str(self.state.folder),
            "PYTHONUNBUFFERED": "1",
            "PROMETHEUS_MULTIPROC_DIR": str(self.state.empty_folder("metrics")),
            "ENVIRONMENT": "demo",
            "PORTAL_STATE": str(self.state.folder),
            "PUBLIC_URL": at["portal_url"],
            "TRUSTED_HOSTS": "",
            "PROXY_HOPS": "0",
            "DATABASE_URL": at["database_url"],
            "REDIS_URL": at["redis_url"],
            "GATEWAY_PUBLIC_URL": at["gateway_url"],
            "GATEWAY_ALLOW_PRIVATE_UPSTREAMS": "true",
            "UPSTREAMS_URL": f"http://127.0.0.1:{self.ports.upstreams}",
            "SIMULATOR_URL": at["simulator_url"],
            "STRIPE_API_BASE": checking_proxy(os.environ) or at["simulator_url"],
            "STRIPE_PAGE_ORIGINS": at["simulator_url"],
            "STRIPE_SECRET_KEY": "sk_test_simulator",
            "STRIPE_PUBLISHABLE_KEY": "pk_test_simulator",
            "MAIL_URL": "",
            "SEALING_KEYS": "",
            "ENABLE_BILLING": "true",
            "ENABLE_KONG": "false",
            "KONG_ADMIN_URL": "",
            "KONG_PROXY_URL": "",
            "LOG_FORMAT": "console",
        }

    def description(self) -> dict[str, Any]:
        """What scripts need to drive this run; `demo.json`."""
        seeded = self.state.read("seeded.json")
        return {
            **self._addresses(),
            **{name: seeded.get(name, []) for name in SEEDED},
            "stripe_webhook_secret": self.secrets["STRIPE_WEBHOOK_SECRET"],
            "internal_admin_api_key": self.secrets["INTERNAL_ADMIN_API_KEY"],
        }

    def _addresses(self) -> dict[str, str]:
        postgres = self.servers["postgres"].url.replace("+psycopg", "")
        return {
            "portal_url": f"http://127.0.0.1:{self.ports.portal}",
            "gateway_url": f"http://127.0.0.1:{self.ports.gateway}",
            "simulator_url": f"http://127.0.0.1:{self.ports.simulator}",
            "database_url": f"{postgres.rpartition('/')[0]}/{DATABASE}",
            "redis_url": self.servers["valkey"].url,
        }


def announce(console: Console, description: Mapping[str, Any], seconds: float) -> None:
    """The one block people look for: addresses and sign-ins."""
    rows = [
        ("Portal", description["portal_url"], ""),
        ("Gateway", description["gateway_url"], ""),
        ("Stripe simulator", description["simulator_url"], "pay with card 4242 4242 4242 4242"),
    ]
    console.line()
    console.line(f"  {console.strong(console.paint('Mercato is ready', 32))} after {seconds:.1f} s")
    console.line()
    for name, address, hint in rows:
        console.line(f"    {name:<18}{console.strong(address)}" + (f"   {hint}" if hint else ""))
    for number, person in enumerate(description["people"]):
        title = "" if number else "Sign in as"
        roles = person.get("roles") or []
        place = ", ".join(
            filter(None, [person.get("organisation") or "", *([roles] if isinstance(roles, str) else roles)])
        )
        story = f": {person['story']}" if person.get("story") else ""
        console.line(f"    {title:<18}{person['email']:<26} {person['password']:<26} {place}{story}")
    console.line()
    console.line("    Ctrl-C stops everything and keeps the data. `make demo-reset` begins again.")
    console.line()


def checking_proxy(environment: Mapping[str, str]) -> str:
    """Return `STRIPE_API_BASE` when it names this machine: something that stands before the simulator and looks on.

    Any other address is left out, so that a demo never talks to a provider that takes real money.
    """
    wanted = environment.get("STRIPE_API_BASE", "").strip()
    try:
        host = urlsplit(wanted).hostname
    except ValueError:
        return ""
    return wanted if host in ("127.0.0.1", "localhost", "::1") else ""


async def _ended(server: RunningServer) -> int:
    while (code := server.process.poll()) is None:
        await asyncio.sleep(0.1)
    return code


def _ask(question: str) -> bool:
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
