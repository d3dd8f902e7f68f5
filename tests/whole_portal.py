"""A whole portal for tests: the demo itself, on free ports with a state of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from portal.demo.servers import forget_postgres, free_port

ROOT = Path(__file__).parents[1]
START_WITHIN = 240.0  # seconds; only ends a run that has failed


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


@contextmanager
def started(state: Path) -> Iterator[Portal]:
    """The demo, started once and stopped by TERM, as a person would stop it."""
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


def _facts(state: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + START_WITHIN
    while not (state / "demo.json").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the demo did not start:\n" + (state / "demo.log").read_text()[-4000:])
        time.sleep(0.1)
    found: dict[str, Any] = json.loads((state / "demo.json").read_text())
    return found
