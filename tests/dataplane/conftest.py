"""A real gateway process in front of a real upstream process, over the database of the run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3

from portal.db import db
from portal.demo.servers import free_port
from portal.kit.clock import SystemClock
from portal.settings import Settings
from tests.factories import (
    make_account,
    make_api,
    make_api_key,
    make_entitlement,
    make_organisation,
    make_plan,
    make_subscription,
)

HERE = Path(__file__).parent


def wait_until(met: Callable[[], Any], within: float = 10.0) -> Any:
    """Poll a condition of another process; fail when it stays false."""
    deadline = time.monotonic() + within
    while not (value := met()):
        assert time.monotonic() < deadline, "the condition was never met"
        time.sleep(0.01)
    return value


@dataclass
class GatewayProcess:
    """A running `python -m portal.dataplane`."""

    port: int
    process: subprocess.Popen[bytes]
    state: Path
    restart: Callable[[], GatewayProcess]
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=15))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(self, path: str, key: str | None = None, method: str = "GET", **request: Any) -> urllib3.BaseHTTPResponse:
        headers = {**({"X-API-Key": key} if key else {}), **request.pop("headers", {})}
        return self.http.request(method, self.url + path, headers=headers, redirect=False, **request)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@dataclass
class LogSink:
    """Stands where the portal's intake stands: keeps batches, and fails while told to."""

    url: str
    batches: list[list[dict[str, Any]]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    status: int = 204

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [entry for batch in list(self.batches) for entry in batch]

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        wait_until(lambda: len(self.entries) >= count)
        return self.entries


@pytest.fixture(scope="session")
def upstream() -> Iterator[str]:
    """An upstream that shows what it received, streams, stalls and breaks (`tests/dataplane/mirror.py`)."""
    port = free_port()
    process = subprocess.Popen([sys.executable, str(HERE / "mirror.py"), str(port)])
    try:
        wait_until(lambda: _answers(f"http://127.0.0.1:{port}/echo"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def log_sink() -> Iterator[LogSink]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sink.tokens.add(self.headers["X-Gateway-Token"])
            if sink.status < 300:
                sink.batches.append(json.loads(body))
            self.send_response(sink.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sink = LogSink(f"http://127.0.0.1:{server.server_port}/api/gateway/logs")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield sink
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def start_gateway(
    app: Any, settings: Settings, log_sink: LogSink, tmp_path: Path
) -> Iterator[Callable[..., GatewayProcess]]:
    """Start gateways; every one is ended with the test."""
    running: list[GatewayProcess] = []

    def start(*flags: str, state: str = "gateway", redis_url: str | None = None, private: bool = True,
              database_url: str | None = None, wait: bool = True) -> GatewayProcess:  # fmt: skip
        port = free_port()
        command = [sys.executable, "-m", "portal.dataplane", "--port", str(port), "--state", str(tmp_path / state)]
        environment = {
            **os.environ,
            "DATABASE_URL": database_url or settings.database_url,
            "REDIS_URL": settings.redis_url if redis_url is None else redis_url,
            "GATEWAY_LOG_URL": log_sink.url,
            "GATEWAY_LOG_TOKEN": settings.gateway_log_token,
            "KEY_PEPPER": settings.key_pepper,
            "PUBLIC_URL": "https://market.example",
        }
        private_flag = ["--allow-private-upstreams"] if private else []
        process = subprocess.Popen([*command, *private_flag, *flags], env=environment)
        gateway = GatewayProcess(
            port, process, tmp_path / state, lambda: start(*flags, state=state, redis_url=redis_url, private=private)
        )
        running.append(gateway)
        if wait:
            wait_until(lambda: _answers(f"{gateway.url}/_gateway/ready"))
        return gateway

    yield start
    for gateway in running:
        with contextlib.suppress(ProcessLookupError):
            gateway.process.kill()
            gateway.process.wait()


@pytest.fixture
def gateway(start_gateway: Callable[..., GatewayProcess]) -> GatewayProcess:
    return start_gateway()


@dataclass
class Customer:
    """Cleo's subscription of Ada's API and a key for it."""

    api: Any
    account: Any
    subscription: Any
    entitlement: Any
    key: Any
    text: str

    path: str


@pytest.fixture
def make_customer(app: Any, settings: Settings, upstream: str) -> Callable[..., Customer]:
    """Make a provider's published API and a consumer who may call it now, by the real clock."""

    def make(*, upstream_url: str | None = None, rpm: int | None = None, **price: Any) -> Customer:
        now = SystemClock().now()
        provider = make_organisation()
        api = make_api(provider, upstream_url=upstream_url or upstream)
        account = make_account(make_organisation())
        plan, price_row = make_plan(api, rpm=rpm, **{"included_quantity": None, **price})
        subscription = make_subscription(account, plan, price_row, now)
        entitlement = make_entitlement(account, api, subscription)
        key, text = make_api_key(subscription, settings.pepper, now)
        path = f"/{provider.slug}/{api.slug}"
        for row in (api, account, subscription, entitlement, key):
            db.session.refresh(row)
        db.session.expunge_all()  # the rows as made: tests read them from threads, too
        return Customer(api, account, subscription, entitlement, key, text, path)

    return make


@pytest.fixture
def customer(make_customer: Callable[..., Customer]) -> Customer:
    return make_customer()


def utc_now() -> datetime:
    return SystemClock().now().astimezone(UTC)


def _answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=1).status == 200
    except urllib3.exceptions.HTTPError:
        return False
