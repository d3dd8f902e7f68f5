"""Recognise and end processes that outlived a killed owner, without ever touching a stranger's process.

Run as `python -m portal.demo.leftovers FOLDER` this is the demo's guard: it waits until its standard input closes,
which happens when the supervisor is gone, however it went, and then ends what the supervisor left.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

FAST_SHUTDOWN = signal.SIGINT  # PostgreSQL's word for "roll back what is open, then stop"
MARK = "MERCATO_DEMO"  # in the environment of everything a demo starts: its state folder
_PROC = Path("/proc")


def command_line(pid: int) -> str:
    """How the process was started; empty when there is no such process."""
    if (_PROC / "self").exists():
        return _read(pid, "cmdline").replace("\0", " ")
    return _asked("command=", pid)


def started(pid: int) -> str:
    """A mark that no later process with the same number shares; empty when there is no such process."""
    if (_PROC / "self").exists():
        fields = _stat(pid)
        return fields[19] if fields and fields[0] != "Z" else ""
    return _asked("lstart=", pid)


def session_members(leader: int) -> list[int]:
    """The living processes of the session that `leader` began; only known where there is /proc."""
    return [pid for pid in _all() if (fields := _stat(pid)) and fields[3] == str(leader) and fields[0] != "Z"]


def marked(folder: Path) -> list[int]:
    """The processes that a demo with this state folder started; only known where there is /proc."""
    mark = f"{MARK}={folder}"
    return [pid for pid in _all() if mark in _read(pid, "environ").split("\0")]


def end(pids: Sequence[int], *, gently: signal.Signals = signal.SIGTERM, patience: float = 10.0) -> None:
    """Signal the processes, wait, and kill those left after `patience` seconds. They need not be our children."""
    marks = {pid: started(pid) for pid in pids}
    for wish, seconds in ((gently, patience), (signal.SIGKILL, 5.0)):
        marks = {pid: mark for pid, mark in marks.items() if mark and started(pid) == mark}
        for pid in marks:
            try:
                os.kill(pid, wish)
            except ProcessLookupError:
                continue
        deadline = time.monotonic() + seconds
        while any(started(pid) == mark for pid, mark in marks.items()) and time.monotonic() < deadline:
            time.sleep(0.02)


def start_guard(folder: Path) -> subprocess.Popen[bytes]:
    """Watch over the caller: when it dies, what it left on this state is ended. Kill the guard to call it off."""
    command = [sys.executable, "-m", "portal.demo.leftovers", str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def _all() -> list[int]:
    return [int(entry.name) for entry in _PROC.glob("[0-9]*")]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the third on; the second, a name, may hold anything."""
    return _read(pid, "stat").rpartition(")")[2].split()


def _read(pid: int, name: str) -> str:
    try:
        return (_PROC / str(pid) / name).read_bytes().decode(errors="surrogateescape")
    except OSError:
        return ""


def _asked(field: str, pid: int) -> str:
    return subprocess.run(
        ["ps", "-o", field, "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()


if __name__ == "__main__":
    sys.stdin.read()
    end(marked(Path(sys.argv[1])))
