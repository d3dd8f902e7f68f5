"""The ground that benchmarks stand on: their own PostgreSQL and Valkey, a migrated database, a real web process."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade

from portal.app import create_app
from portal.db import SYSTEM, db, enter_scope
from portal.demo.servers import free_port, start_postgres, start_valkey, temporary_state
from portal.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "gateway-log-token-of-the-benchmarks"
WEBHOOK_SECRET = "whsec_of_the_benchmarks_0123456789"


@dataclass(frozen=True, slots=True)
class Ground:
    """Addresses, and the application with a context pushed in the system's scope."""

    database_url: str
    redis_url: str
    settings: Settings
    app: Flask

    @property
    def libpq_url(self) -> str:
        """The database address as psycopg and libpq want it."""
        return self.database_url.replace("+psycopg", "")

    @property
    def environment(self) -> dict[str, str]:
        """What a process of ours needs to run on this ground."""
        return {
            **os.environ,
            "ENVIRONMENT": "demo",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "GATEWAY_LOG_TOKEN": TOKEN,
            "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "PYTHONPATH": str(ROOT),
            "PYTHONWARNINGS": "ignore",
        }


@contextmanager
def ground() -> Iterator[Ground]:
    """Start the servers as in production (safe against a power cut), migrate, and clean up afterwards."""
    with (
        temporary_state() as state,
        start_postgres(state / "postgres") as postgres,
        start_valkey(state / "valkey", fast=True) as valkey,
    ):
        settings = Settings(
            _env_file=None,  # type: ignore[call-arg]
            environment="test",
            database_url=postgres.url,
            redis_url=valkey.url,
            gateway_log_token=TOKEN,
        )
        app = create_app(settings)
        with app.app_context():
            upgrade()
            enter_scope(SYSTEM)
            try:
                yield Ground(postgres.url, valkey.url, settings, app)
            finally:
                db.session.remove()
                db.engine.dispose()


@contextmanager
def web(on: Ground, target: str = "wsgi:app", *, workers: int = 1, threads: int = 1) -> Iterator[int]:
    """Run a WSGI application as production does; gives its port."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", str(workers), "--blocking-threads", str(threads), "--no-ws", "--log-level", "error", target),
    ]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=ROOT, env=on.environment, stdout=output, stderr=output)
        try:
            _wait_for(port, process)
            yield port
        except RuntimeError as problem:
            output.seek(max(0, output.seek(0, os.SEEK_END) - 5000))
            problem.add_note(output.read().decode(errors="replace"))
            raise
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError("the web process ended while starting")
        try:
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            link.request("GET", "/live")
            link.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the web process did not answer within 30 seconds")
