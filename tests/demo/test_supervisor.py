"""The supervisor heals what crashes, explains what cannot start, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from portal.demo import leftovers, supervisor
from portal.demo.console import Console
from portal.demo.supervisor import Process, ProcessFailedError, Supervisor

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
WITH_HELPER = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]); {SLEEPER}"


def python(name: str, program: str, ready: Callable[[], Awaitable[bool]] | None = None) -> Process:
    return Process(name, (sys.executable, "-c", program), ready)


class Stage:
    """A supervisor under test and what it wrote."""

    def __init__(self, folder: Path) -> None:
        self.stream = io.StringIO()
        self.supervisor = Supervisor(folder, {**os.environ, "PYTHONUNBUFFERED": "1"}, Console(self.stream))

    def written(self, text: str) -> Callable[[], bool]:
        return lambda: text in self.stream.getvalue()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.01)


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Callable[[Stage], Coroutine[Any, Any, None]]], Stage]:
    """Run a story and stop the supervisor afterwards, however the story ends."""

    def run(story: Callable[[Stage], Coroutine[Any, Any, None]]) -> Stage:
        async def whole() -> Stage:
            stage = Stage(tmp_path)
            try:
                await story(stage)
            finally:
                await stage.supervisor.stop()
            return stage

        return asyncio.run(whole())

    return run


Play = Callable[[Callable[[Stage], Coroutine[Any, Any, None]]], Stage]


def test_a_killed_process_is_running_again_under_a_new_number(play: Play) -> None:
    async def story(stage: Stage) -> None:
        await stage.supervisor.start([python("worker", SLEEPER)])
        first = stage.supervisor.pid("worker")
        assert first
        os.kill(first, signal.SIGKILL)
        await stage.until(lambda: stage.supervisor.pid("worker") not in (None, first))

    assert "worker ended (SIGKILL); starting it again in 0.1 s" in play(story).stream.getvalue()


def test_a_process_that_keeps_crashing_is_started_later_and_later(play: Play) -> None:
    async def story(stage: Stage) -> None:
        await stage.supervisor.start([python("worker", "import time; time.sleep(0.05)")])
        await stage.until(stage.written("again in 0.8 s"))

    text = play(story).stream.getvalue()
    assert [word for word in ("0.1 s", "0.2 s", "0.4 s", "0.8 s") if f"again in {word}" not in text] == []


def test_orphans_of_a_killed_process_do_not_stay_in_the_way(play: Play) -> None:
    async def story(stage: Stage) -> None:
        await stage.supervisor.start([python("web", WITH_HELPER)])
        first = stage.supervisor.pid("web")
        assert first
        await stage.until(lambda: len(leftovers.session_members(first)) == 2)
        os.kill(first, signal.SIGKILL)
        await stage.until(lambda: stage.supervisor.pid("web") not in (None, first))
        assert leftovers.session_members(first) == []

    play(story)


def test_stopping_ends_every_process_and_its_helpers(play: Play) -> None:
    leaders: list[int] = []

    async def story(stage: Stage) -> None:
        await stage.supervisor.start([python("web", WITH_HELPER), python("worker", SLEEPER)])
        for name in ("web", "worker"):
            pid = stage.supervisor.pid(name)
            assert pid
            leaders.append(pid)
        await stage.until(lambda: len(leftovers.session_members(leaders[0])) == 2)

    play(story)
    assert [member for leader in leaders for member in leftovers.session_members(leader)] == []


def test_a_process_that_ignores_the_request_to_end_is_forced(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE", 0.2)
    numbers: list[int | None] = []

    async def story(stage: Stage) -> None:
        await stage.supervisor.start([python("worker", STUBBORN)])
        await stage.until(stage.written("up"))
        numbers.append(stage.supervisor.pid("worker"))

    assert "did not end in time" in play(story).stream.getvalue()
    assert numbers[0]
    assert leftovers.started(numbers[0]) == ""


def test_a_second_request_to_stop_does_not_wait(play: Play) -> None:
    async def story(stage: Stage) -> None:
        await stage.supervisor.start([python("worker", STUBBORN)])
        await stage.until(stage.written("up"))
        stage.supervisor.hurry()

    assert "did not end in time" in play(story).stream.getvalue()


def test_a_process_that_cannot_start_is_reported_with_its_last_words(play: Play) -> None:
    async def story(stage: Stage) -> None:
        async def never() -> bool:
            return False

        with pytest.raises(ProcessFailedError, match=r"(?s)web ended 3 times before it was ready.*the reason why"):
            await stage.supervisor.start([python("web", "import sys; sys.exit('the reason why')", never)])

    play(story)


def test_a_program_that_does_not_exist_is_reported(play: Play) -> None:
    async def story(stage: Stage) -> None:
        async def never() -> bool:
            return False

        with pytest.raises(ProcessFailedError, match="No such file"):
            await stage.supervisor.start([Process("web", ("/does/not/exist",), never)])

    play(story)


def test_start_returns_only_when_the_probe_says_ready(play: Play, tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        async def ready() -> bool:
            return (tmp_path / "open").exists()

        starting = asyncio.create_task(stage.supervisor.start([python("web", SLEEPER, ready)]))
        await stage.until(stage.written("up"))
        assert not starting.done()
        (tmp_path / "open").touch()
        await starting

    play(story)


def test_a_process_without_an_address_is_ready_when_it_says_so(play: Play) -> None:
    async def story(stage: Stage) -> None:
        slow = "import sys; print('loading', flush=True); sys.stdin.read(); print('worker started', flush=True)"
        await stage.supervisor.start([Process("worker", (sys.executable, "-c", slow + "; " + SLEEPER), says="started")])
        assert stage.written("worker started")()

    play(story)


def test_a_process_that_dies_before_it_says_so_is_reported(play: Play) -> None:
    async def story(stage: Stage) -> None:
        broken = "import sys; sys.exit('a module is missing')"
        with pytest.raises(ProcessFailedError, match=r"(?s)worker ended 3 times.*a module is missing"):
            await stage.supervisor.start([Process("worker", (sys.executable, "-c", broken), says="started")])

    play(story)


def test_a_failed_command_is_explained_and_a_good_one_is_silent(play: Play) -> None:
    async def story(stage: Stage) -> None:
        await stage.supervisor.run_once("migrate", (sys.executable, "-c", "print('chatter')"))
        with pytest.raises(ProcessFailedError, match=r"(?s)seed ended with 1.*no room"):
            await stage.supervisor.run_once("seed", (sys.executable, "-c", "import sys; sys.exit('no room')"))

    assert play(story).stream.getvalue() == ""


def test_a_line_of_any_length_does_not_stop_the_log(play: Play) -> None:
    async def story(stage: Stage) -> None:
        await stage.supervisor.start([python("web", f"print('x' * 5_000_000, flush=True); {SLEEPER}")])
        await stage.until(stage.written("up"))

    play(story)
