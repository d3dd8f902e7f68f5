"""Start a real PostgreSQL and a real Valkey from their wheels: for the demo, and for every test.

    with temporary_state() as state, start_postgres(state / "postgres", fast=True) as server:
        connect(server.url)

Both run as root (PostgreSQL then runs as `nobody`) and as an ordinary user, listen on 127.0.0.1 only, and end
when the process that started them ends, however that happens.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from portal.demo import postgres, valkey
from portal.demo.accounts import RunAs

READY_WITHIN = 30.0  # seconds; a cluster that replays its log after a crash needs more than an instant


class ServerStartError(RuntimeError):
    """A server ended or stayed silent while we waited for it; the message carries the end of its log."""


@dataclass
class RunningServer:
    """A server that answers. `url` is ready for SQLAlchemy or redis-py; leaving the `with` block stops it."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals
    tether: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def stop(self, timeout: float = 10.0) -> None:
        """Ask it to end and wait; force it after `timeout` seconds. Stopping twice is fine."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.tether.kill()
        self.tether.communicate()

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def start_postgres(state_dir: str | Path, *, fast: bool = False, port: int | None = None) -> RunningServer:
    """Start PostgreSQL 18 with its cluster below `state_dir`, made on first use and kept afterwards.

    `fast` gives up safety against a power cut (not against killed processes) for speed: right for tests.
    A server left over from a killed owner of the same cluster is shut down first.
    The URL names the superuser and the database `postgres`. Raises `ServerStartError`.
    """
    cluster = postgres.prepare(Path(state_dir), fast=fast)
    postgres.end_leftover(cluster.home)
    port = port or free_port()
    url = f"postgresql+psycopg://postgres:{cluster.password}@127.0.0.1:{port}/postgres"
    command = postgres.command(cluster, port, fast=fast)
    server = _launch(command, url, port, signal.SIGINT, cluster.log, cluster.run_as, postgres.ENVIRONMENT)
    return _once_ready(server, lambda: postgres.answers(cluster, server.pid), cluster.log)


def start_valkey(state_dir: str | Path, *, fast: bool = False, port: int | None = None) -> RunningServer:
    """Start Valkey (it speaks Redis) with its files below `state_dir`; `fast` keeps nothing on disk.

    Raises `ServerStartError`.
    """
    folder = Path(state_dir).resolve()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    port, log = port or free_port(), folder / "valkey.log"
    command = valkey.command(folder, port, fast=fast)
    server = _launch(command, f"redis://127.0.0.1:{port}/0", port, signal.SIGTERM, log, {}, None)
    return _once_ready(server, lambda: valkey.answers(port, server.pid), log)


@contextmanager
def temporary_state() -> Iterator[Path]:
    """A folder for throw-away servers that every account may enter, removed with all its content afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="mercato-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def forget_postgres(state_dir: str | Path) -> None:
    """Remove a cluster, wherever it was kept, after ending what still runs on it. Forgetting what never was is fine."""
    postgres.end_leftover(postgres.home_of(Path(state_dir)))
    for folder in {Path(state_dir).resolve(), postgres.home_of(Path(state_dir))}:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _launch(
    command: list[str],
    url: str,
    port: int,
    stop_signal: signal.Signals,
    log: Path,
    run_as: RunAs,
    environment: dict[str, str] | None,
) -> RunningServer:
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd="/",
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **run_as,
        )
    return RunningServer(url, port, process, stop_signal, _tether(process.pid, stop_signal, run_as))


def _tether(pid: int, stop_signal: signal.Signals, run_as: RunAs) -> subprocess.Popen[bytes]:
    """End the server when we end, even by `kill -9`: a shell waits on a pipe that only we hold open."""
    script = f"read -r _; kill -{stop_signal.name.removeprefix('SIG')} {pid} 2>/dev/null"
    return subprocess.Popen(
        ["/bin/sh", "-c", script],
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        **run_as,
    )


def _once_ready(server: RunningServer, answers: Callable[[], bool], log: Path) -> RunningServer:
    """Wait until the server answers; a server that ends or never answers is stopped and reported."""
    deadline = time.monotonic() + READY_WITHIN
    while not answers():
        ended = server.process.poll() is not None
        if ended or time.monotonic() > deadline:
            server.stop()
            tail = log.read_text(errors="replace")[-1500:].strip()
            state = "ended" if ended else f"gave no answer for {READY_WITHIN:.0f} seconds"
            raise ServerStartError(f"The server {state}. Its log, {log}, ends with:\n{tail}")
        time.sleep(0.02)
    return server
