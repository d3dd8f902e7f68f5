"""Logs are tidy everywhere and coloured only where colour helps."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from portal.demo.console import Console
from portal.demo.run import announce


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


DESCRIPTION = {
    "portal_url": "http://127.0.0.1:8000",
    "gateway_url": "http://127.0.0.1:8080",
    "simulator_url": "http://127.0.0.1:12111",
    "people": [
        {"email": "cleo@example.com", "password": "a-word", "roles": ["member"], "organisation": "Acme"},
        {"email": "olive@example.com", "password": "b-word", "roles": [], "organisation": None},
    ],
}


def test_no_escape_codes_outside_a_terminal() -> None:
    stream = io.StringIO()
    console = Console(stream)
    console.log("web", "hello")
    with console.step("A step"):
        pass
    announce(console, DESCRIPTION, 1.0)
    assert "\033" not in stream.getvalue()
    assert "web       │ hello" in stream.getvalue()


@pytest.mark.parametrize(("variable", "coloured"), [("NO_COLOR", False), ("ANYTHING", True)])
def test_a_terminal_gets_colour_unless_no_color_is_set(
    monkeypatch: pytest.MonkeyPatch, variable: str, coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(variable, "1")
    stream = Terminal()
    Console(stream).log("web", "hello")
    assert ("\033[36m" in stream.getvalue()) is coloured


def test_a_log_line_during_a_step_on_a_terminal_stands_above_it() -> None:
    stream = Terminal()
    console = Console(stream)
    with console.step("Starting web"):
        console.log("web", "hello")
    lines = stream.getvalue().split("\n")
    assert lines[0].endswith("hello")
    assert lines[1].startswith("  … Starting web\r\033[K")


def test_a_reader_who_went_away_does_not_stop_the_portal() -> None:
    console = Console(Gone())
    console.log("web", "hello")
    console.log("web", "hello again")


def test_each_process_has_its_own_log_file(tmp_path: Path) -> None:
    console = Console(io.StringIO(), logs=tmp_path)
    console.log("web", "hello")
    console.log("worker", "at work")
    assert (tmp_path / "web.log").read_text() == "hello\n"
    assert (tmp_path / "worker.log").read_text() == "at work\n"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2026-11-21T06:16:16.567429Z [info     ] worker started", "worker started"),
        ("2026-11-21 06:16:14 [info     ] gateway ready                  address=x", "gateway ready  address=x"),
        ("[INFO] Listening", "Listening"),
        ("2026-11-21 06:16:14 [warning  ] poll failed", "[warning  ] poll failed"),
        ("[WARNING] slow", "[WARNING] slow"),
        ("    File x.py, line 3", "    File x.py, line 3"),
        ("2026-11-21 was a Saturday", "2026-11-21 was a Saturday"),
    ],
)
def test_lines_are_tidied_for_reading_along_and_kept_whole_in_the_file(
    tmp_path: Path, written: str, shown: str
) -> None:
    stream = io.StringIO()
    Console(stream, logs=tmp_path).log("web", written)
    assert stream.getvalue() == f"web       │ {shown}\n"
    assert (tmp_path / "web.log").read_text() == f"{written}\n"


def test_the_ready_block_gives_addresses_and_sign_ins() -> None:
    stream = io.StringIO()
    announce(Console(stream), DESCRIPTION, 12.34)
    text = stream.getvalue()
    for expected in ("ready after 12.3 s", "http://127.0.0.1:8000", "cleo@example.com", "a-word", "Acme, member"):
        assert expected in text
