"""What the person in front of the terminal sees: set-up steps, prefixed log lines, and one ready block."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

_HUES = (36, 32, 35, 33, 34, 96, 92, 95)
_WIDTH = 10
_TIME = re.compile(r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)? +")
_USUAL = re.compile(r"^\[(info|debug) *\] *", re.IGNORECASE)
_PADDING = re.compile(r"(?<=\S) {3,}")


class Console:
    """Writes to one stream. Colour only on a terminal, and never under NO_COLOR (no-color.org)."""

    def __init__(self, stream: IO[str] = sys.stdout, logs: Path | None = None) -> None:
        self.stream = stream
        self.logs = logs
        self.terminal = stream.isatty()
        self.colours = self.terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self._hues: dict[str, int] = {}
        self._files: dict[str, IO[str]] = {}
        self._open_step = ""

    def line(self, text: str = "") -> None:
        """One line, above the set-up step that is still open on a terminal."""
        if self._open_step and self.terminal:
            self._write(f"\r\033[K{text}\n  … {self._open_step}")
        else:
            self._write(f"{text}\n")

    def log(self, name: str, text: str) -> None:
        """A line that a process wrote, behind its name; the log file has it as it was."""
        self.line(f"{self.paint(f'{name:<{_WIDTH}}│', self._hue(name))} {tidy(text)}")
        if self.logs:
            if name not in self._files:
                self._files[name] = (self.logs / f"{name}.log").open("w")
            self._files[name].write(text + "\n")
            self._files[name].flush()

    def note(self, text: str) -> None:
        """A word of the supervisor itself."""
        self.log("demo", text)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """A piece of set-up: named while it lasts on a terminal, timed when it is done."""
        began = time.monotonic()
        if self.terminal:
            self._write(f"  … {title}")
        self._open_step, mark = title, "✗"
        try:
            yield
            mark = "✓"
        finally:
            self._open_step = ""
            start = "\r\033[K" if self.terminal else ""
            seconds = time.monotonic() - began
            self.line(f"{start}  {self.paint(mark, 32 if mark == '✓' else 31)} {title:<58} {seconds:>6.1f} s")

    def paint(self, text: str, hue: int) -> str:
        """The text in a colour, where there is colour."""
        return f"\033[{hue}m{text}\033[0m" if self.colours else text

    def strong(self, text: str) -> str:
        """The text in bold, where there is colour."""
        return f"\033[1m{text}\033[0m" if self.colours else text

    def _hue(self, name: str) -> int:
        return self._hues.setdefault(name, 90 if name == "demo" else _HUES[len(self._hues) % len(_HUES)])

    def _write(self, text: str) -> None:
        """A reader who went away (`| head`) is no reason to stop."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except (OSError, ValueError):
            self.stream = open(os.devnull, "w")  # noqa: SIM115 - replaces the stream for the rest of the run


def tidy(text: str) -> str:
    """A log line for reading along: without its time, without the level when that is the usual one."""
    return _PADDING.sub("  ", _USUAL.sub("", _TIME.sub("", text)))
