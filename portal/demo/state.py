"""What a demo remembers between starts: its secrets, its inner ports, and who holds it right now.

Everything lies in one folder, `PORTAL_STATE` (`.state` in the checkout). Secrets are random, made once, and readable
by their owner alone.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

SECRETS: Mapping[str, str] = {  # environment variable -> prefix its readers expect
    "SECRET_KEY": "",
    "KEY_PEPPER": "",
    "INTERNAL_ADMIN_API_KEY": "",
    "GATEWAY_LOG_TOKEN": "",
    "METRICS_TOKEN": "",
    "STRIPE_WEBHOOK_SECRET": "whsec_",
}


class StateInUseError(RuntimeError):
    """Another supervisor runs on this state."""


@dataclass(frozen=True)
class State:
    """The state folder. Make it with `State.at`."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> State:
        """Open or make the folder."""
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for private in ("logs", "simulator", "gateway"):
            (folder / private).mkdir(mode=0o700, exist_ok=True)
        return cls(folder)

    def hold(self) -> IO[str]:
        """Keep every other supervisor out until the returned file is closed. Raises StateInUseError."""
        lock = (self.folder / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip()
            lock.close()
            raise StateInUseError(owner) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        return lock

    def secrets(self) -> dict[str, str]:
        """Every secret by the name of its environment variable; made on first use, kept afterwards."""
        kept: dict[str, str] = self.read("secrets.json")
        missing = {name: prefix + secrets.token_urlsafe(36) for name, prefix in SECRETS.items() if name not in kept}
        if missing:
            kept |= missing
            self.write("secrets.json", kept)
        return kept

    def remember_port(self, name: str, port: int) -> None:
        """Keep a port for the next start."""
        self.write("ports.json", self.read("ports.json") | {name: port})

    def remembered_port(self, name: str) -> int | None:
        """The port kept under this name, if any."""
        port = self.read("ports.json").get(name)
        return port if isinstance(port, int) else None

    def read(self, name: str) -> dict[str, Any]:
        """A JSON object of ours; empty when it is absent or was cut short."""
        try:
            found = json.loads((self.folder / name).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Replace a JSON object in one step; only its owner may read it."""
        fresh = self.folder / f"{name}.new"
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file, indent=2)
            file.write("\n")
        fresh.replace(self.folder / name)

    def empty_folder(self, name: str) -> Path:
        """A folder of ours without what an earlier run left in it."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / name).mkdir()
        return self.folder / name

    def remove(self, name: str) -> None:
        """Remove one of our files; fine when it is not there."""
        (self.folder / name).unlink(missing_ok=True)
