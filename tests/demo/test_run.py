"""The whole portal under its supervisor: started, hurt, killed and started again, as a person or a machine would."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portal.demo import leftovers, ports
from portal.demo.servers import forget_postgres, temporary_state

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.chaos


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait for something another process does; the limit only ends a test that has failed."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "this never happened"
        time.sleep(0.05)
    return found


class Demo:
    """`python -m portal.demo run` on a state of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        portal = ports.first_free(29_000)
        gateway = ports.first_free(portal + 1)
        self.environment = {
            **os.environ,
            "PORTAL_STATE": str(folder / "state"),
            "PORT": str(portal),
            "GATEWAY_PORT": str(gateway),
            "SIMULATOR_PORT": str(ports.first_free(gateway + 1)),
            "STRIPE_SECRET_KEY": "sk_live_must_never_be_used_by_a_demo",
        }
        self.output = folder / "output.txt"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> dict[str, Any]:
        """Start it and return demo.json once it is ready."""
        description = self.folder / "state" / "demo.json"
        description.unlink(missing_ok=True)  # a killed supervisor could not remove it
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "portal.demo", "run"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        until(lambda: description.exists() or self._ended(), 240)  # the first start fills it with months of data
        return dict(json.loads(description.read_text()))

    def _ended(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.text()
        return False

    def text(self) -> str:
        return self.output.read_text(errors="replace")

    def signal(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(30)

    def others(self) -> list[int]:
        return leftovers.marked(self.folder / "state")


@contextmanager
def a_demo() -> Iterator[Demo]:
    with temporary_state() as folder:
        one = Demo(folder)
        try:
            yield one
        finally:
            if one.process is not None and one.process.poll() is None:
                one.signal(signal.SIGTERM)
            leftovers.end(one.others())
            forget_postgres(folder / "state" / "postgres")


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Demo, dict[str, Any]]]:
    """One demo for all the tests of this file, in the order of a life: it is hurt, stopped, killed and started again."""
    with a_demo() as one:
        yield one, one.start()


Running = tuple[Demo, dict[str, Any]]


def serves(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/ready", timeout=5) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def test_scripts_find_everything_in_a_file_that_only_the_owner_can_read(running: Running) -> None:
    demo, described = running
    assert serves(described["portal_url"])
    assert (demo.folder / "state" / "demo.json").stat().st_mode & 0o077 == 0
    assert set(described) == {
        *("portal_url", "gateway_url", "simulator_url", "database_url", "redis_url"),
        *("people", "apps", "shops", "api_keys", "stripe_webhook_secret", "internal_admin_api_key"),
    }


def test_nothing_of_a_production_environment_reaches_the_demo(running: Running) -> None:
    demo, _ = running
    assert demo.others()
    for pid in demo.others():
        told = Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0")
        assert [entry for entry in told if "sk_live" in entry or "mail.example" in entry] == []


def test_a_second_start_on_the_same_state_is_refused_and_harms_nothing(running: Running) -> None:
    demo, described = running
    second = subprocess.run(
        [sys.executable, "-m", "portal.demo", "run"],
        cwd=ROOT,
        env=demo.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert serves(described["portal_url"])


def test_a_killed_web_server_heals(running: Running) -> None:
    demo, described = running
    web = until(lambda: re.search(r"main PID: (\d+)", demo.text()))
    os.kill(int(web[1]), signal.SIGKILL)
    until(lambda: "web ended (SIGKILL)" in demo.text())
    until(lambda: serves(described["portal_url"]))


def test_a_killed_database_heals(running: Running) -> None:
    demo, described = running
    postmaster = demo.folder / "state" / "postgres" / "data" / "postmaster.pid"
    os.kill(int(postmaster.read_text().split("\n")[0]), signal.SIGKILL)
    until(lambda: "postgres ended" in demo.text())
    until(lambda: serves(described["portal_url"]))


def test_it_stops_cleanly_when_asked(running: Running) -> None:
    demo, _ = running
    assert demo.signal(signal.SIGTERM) == 0
    assert demo.others() == []
    assert not (demo.folder / "state" / "demo.json").exists()
    assert not (demo.folder / "state" / "postgres" / "data" / "postmaster.pid").exists()
    assert "stopped; the data is kept" in demo.text()


def test_after_a_killed_supervisor_nothing_stays_behind_and_the_next_start_has_the_data(running: Running) -> None:
    demo, _ = running
    if demo.process is not None and demo.process.poll() is None:
        demo.signal(signal.SIGTERM)
    described = demo.start()
    with psycopg.connect(described["database_url"], autocommit=True) as link:
        link.execute("create table kept as select 7 as n")
    demo.signal(signal.SIGKILL)
    again = demo.start()
    assert again["portal_url"] == described["portal_url"]
    with psycopg.connect(again["database_url"]) as link:
        assert link.execute("select n from kept").fetchone() == (7,)
    demo.signal(signal.SIGKILL)
    until(lambda: not demo.others())
    until(lambda: not (demo.folder / "state" / "postgres" / "data" / "postmaster.pid").exists())
