"""Keep a table of processes running: start, wait until ready, restart what crashes, stop everything cleanly.

Each process leads its own session, so Ctrl-C on the terminal reaches only the supervisor, which then asks each process
to end in its own way. A process that dies takes what is left of its session with it (a web server's orphaned workers
would keep the port) and is started again: at once the first time, later and later when it keeps crashing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from portal.demo import leftovers
from portal.demo.console import Console

FIRST_RESTART_AFTER = 0.1  # seconds; doubles with each crash
LONGEST_WAIT = 10.0
STABLE_AFTER = 15.0  # a process that lived this long starts again with a clean record
READY_WITHIN = 60.0
TRIES_BEFORE_READY = 3
GRACE = 8.0  # from TERM to KILL


class ProcessFailedError(RuntimeError):
    """A process never became ready, or a one-off command failed; the message carries its last lines."""


@dataclass(frozen=True)
class Process:
    """One line of the process table.

    It counts as ready when `ready` answers yes, or once it has written a line that contains `says`; with neither, when
    it runs.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], Awaitable[bool]] | None = None
    says: str = ""


@dataclass
class _Child:
    process: Process
    running: asyncio.subprocess.Process | None = None
    started_at: float = 0.0
    crashes: int = 0
    has_spoken: bool = False
    last_lines: list[str] = field(default_factory=list)


class Supervisor:
    """Runs processes with one working folder and one environment. Use from a single asyncio loop."""

    def __init__(self, folder: Path, environment: Mapping[str, str], console: Console) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.console = console
        self._hurry = asyncio.Event()
        self._stop_asked = asyncio.Event()
        self._children: dict[str, _Child] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}

    async def start(self, processes: Sequence[Process]) -> None:
        """Start them together and return when all are ready. Raises ProcessFailedError."""
        waits = []
        for process in processes:
            child = self._children[process.name] = _Child(process)
            self._keepers[process.name] = asyncio.create_task(self._keep(child))
            waits.append(self._until_ready(child))
        await asyncio.gather(*waits)

    async def run_once(self, name: str, command: Sequence[str]) -> None:
        """Run a command to its end, silently when it succeeds. Raises ProcessFailedError."""
        child = _Child(Process(name, command))
        try:
            running = await self._spawn(child)
            await self._follow(child, show=False)
            code = await _exit_code(running)
        except asyncio.CancelledError:
            await self._end(child)
            raise
        if code:
            raise ProcessFailedError(_report(child, f"ended with {code}"))

    def pid(self, name: str) -> int | None:
        """The process id right now, or None between a crash and the restart."""
        child = self._children[name]
        return child.running.pid if child.running and child.running.returncode is None else None

    async def stop(self) -> None:
        """Ask every process to end, force those that do not within the grace period. Stopping twice is fine."""
        self._stop_asked.set()
        await asyncio.gather(*(self._end(child) for child in self._children.values()))
        await asyncio.gather(*self._keepers.values())

    def hurry(self) -> None:
        """Do not wait out the grace period."""
        self._hurry.set()

    async def _keep(self, child: _Child) -> None:
        while not self._stop_asked.is_set():
            try:
                code = await self._live(child)
            except OSError as problem:  # the program is missing or may not be run
                code = 127
                child.last_lines.append(str(problem))
            if self._stop_asked.is_set():
                return
            if time.monotonic() - child.started_at > STABLE_AFTER:
                child.crashes = 0
            child.crashes += 1
            wait = min(FIRST_RESTART_AFTER * 2 ** (child.crashes - 1), LONGEST_WAIT)
            self.console.note(f"{child.process.name} ended ({_reason(code)}); starting it again in {wait:.1f} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop_asked.wait(), wait)

    async def _live(self, child: _Child) -> int:
        """One life of a process, from start to end."""
        running = await self._spawn(child)
        if self._stop_asked.is_set():
            await self._end(child)
        await self._follow(child, show=True)
        code = await _exit_code(running)
        self._sweep(child)
        return code

    async def _spawn(self, child: _Child) -> asyncio.subprocess.Process:
        child.started_at, child.has_spoken = time.monotonic(), False
        child.running = await asyncio.create_subprocess_exec(
            *child.process.command,
            cwd=self.folder,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=1 << 20,
        )
        return child.running

    async def _follow(self, child: _Child, *, show: bool) -> None:
        """Pass the process's lines on until it ends, or until only a straggler of its session holds the pipe."""
        assert child.running is not None
        ended = asyncio.create_task(_exit_code(child.running))
        reading = asyncio.create_task(self._read(child, show=show))
        try:
            await asyncio.wait({ended, reading}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                await asyncio.wait({reading}, timeout=0.2)
            else:
                await ended
        finally:
            reading.cancel()
            ended.cancel()

    async def _read(self, child: _Child, *, show: bool) -> None:
        assert child.running is not None
        assert child.running.stdout is not None
        while True:
            try:
                line = await child.running.stdout.readline()
            except ValueError:  # a line beyond the limit: asyncio has dropped it
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()
            child.last_lines = [*child.last_lines[-29:], text]
            child.has_spoken = child.has_spoken or child.process.says in text
            if show and text:
                self.console.log(child.process.name, text)

    async def _until_ready(self, child: _Child) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while not self._stop_asked.is_set():
            if child.crashes >= TRIES_BEFORE_READY:
                raise ProcessFailedError(_report(child, f"ended {child.crashes} times before it was ready"))
            if time.monotonic() > deadline:
                raise ProcessFailedError(_report(child, f"was not ready within {READY_WITHIN:.0f} seconds"))
            if self.pid(child.process.name) is not None and await _is_ready(child):
                return
            await asyncio.sleep(0.05)

    async def _end(self, child: _Child) -> None:
        running = child.running
        if running is None:
            return
        if running.returncode is None:
            running.send_signal(signal.SIGTERM)
            ended, hurry = asyncio.create_task(_exit_code(running)), asyncio.create_task(self._hurry.wait())
            await asyncio.wait({ended, hurry}, timeout=GRACE, return_when=asyncio.FIRST_COMPLETED)
            hurry.cancel()
            if not ended.done():
                self.console.note(f"{child.process.name} did not end in time and was forced to")
                _kill(running.pid)
            await ended
        self._sweep(child)

    def _sweep(self, child: _Child) -> None:
        """Kill what is left of an ended process's session."""
        if child.running is not None:
            for pid in leftovers.session_members(child.running.pid):
                _kill(pid)


async def _is_ready(child: _Child) -> bool:
    if child.process.ready is not None:
        return await child.process.ready()
    return child.has_spoken or not child.process.says


async def _exit_code(running: asyncio.subprocess.Process) -> int:
    """Wait for the process alone: asyncio's own `wait` also waits for every orphan that still holds its output."""
    while running.returncode is None:
        await asyncio.sleep(0.05)
    return running.returncode


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _reason(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def _report(child: _Child, what: str) -> str:
    lines = "\n".join(f"  {line}" for line in child.last_lines[-30:])
    return f"{child.process.name} {what}. Its last lines:\n{lines or '  (none)'}"
