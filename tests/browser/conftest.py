"""A whole portal for browser tests: the demo itself, on free ports with a state of its own, and a real browser."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from portal.demo.servers import forget_postgres, free_port

ROOT = Path(__file__).parents[2]
START_WITHIN = 120.0  # seconds; only ends a run that has failed


@dataclass(frozen=True)
class Portal:
    """A running demo. `facts` is its demo.json."""

    facts: dict[str, Any]
    state: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return str(self.facts["portal_url"])

    @property
    def gateway(self) -> str:
        return str(self.facts["gateway_url"])

    def person(self, name: str) -> dict[str, Any]:
        """The demo person whose e-mail starts with a name."""
        return next(one for one in self.facts["people"] if one["email"].startswith(name.lower()))


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The demo, started once for all browser tests and stopped by TERM, as a person would stop it."""
    state = tmp_path_factory.mktemp("portal-state")
    ports = {name: str(free_port()) for name in ("PORT", "GATEWAY_PORT", "SIMULATOR_PORT")}
    environment = {**os.environ, **ports, "PORTAL_STATE": str(state), "NO_COLOR": "1"}
    log = (state / "demo.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "portal.demo", "run"],
        cwd=ROOT,
        env=environment,
        stdout=log,
        stderr=log,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield Portal(_facts(state, process), state, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        forget_postgres(state / "postgres")


@pytest.fixture
def page(browser: Browser, running: Portal) -> Iterator[Page]:
    """A fresh browser profile that fails the test on a script error or a refused policy."""
    context = browser.new_context(base_url=running.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(10_000)
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console", lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None
    )
    yield page
    context.close()
    assert faults == []


def _facts(state: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + START_WITHIN
    while not (state / "demo.json").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the demo did not start:\n" + (state / "demo.log").read_text()[-4000:])
        time.sleep(0.1)
    found: dict[str, Any] = json.loads((state / "demo.json").read_text())
    return found
