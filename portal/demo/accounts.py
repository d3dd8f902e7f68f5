"""Which operating-system account a server may run as, and what that account can reach."""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
import subprocess
from pathlib import Path
from typing import TypedDict


class RunAs(TypedDict, total=False):
    """Keyword arguments for `subprocess` that change the account; empty means "as we are"."""

    user: int
    group: int
    extra_groups: list[int]


def unprivileged() -> RunAs:
    """PostgreSQL refuses to run as root, so root hands over to `nobody`; everybody else stays who they are."""
    if os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam("nobody")
    except KeyError:
        raise RuntimeError(
            "PostgreSQL will not run as root, and this machine has no account named 'nobody' to run it as. "
            "Start the demo as an ordinary user instead."
        ) from None
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def can_run(program: Path, run_as: RunAs) -> bool:
    """True when the account can reach and start the program (a virtualenv below a 0700 home is out of its reach)."""
    try:
        done = subprocess.run([program, "--version"], cwd="/", check=False, capture_output=True, **run_as)
    except OSError:
        return False
    return done.returncode == 0


def passable(folder: Path) -> bool:
    """True when any account may walk through the folder and all its parents."""
    return all(path.stat().st_mode & stat.S_IXOTH for path in (folder, *folder.parents) if path.exists())


def sheltered(name: str, origin: Path) -> Path:
    """A folder of our own below /var/tmp, one per origin, for what must not live below a private folder.

    The name is predictable and /var/tmp is open to all, so a folder that somebody else put there is refused.
    """
    digest = hashlib.sha256(str(origin).encode()).hexdigest()[:12]
    folder = Path("/var/tmp") / f"mercato-{name}-{digest}"  # noqa: S108 (owner checked below)
    folder.mkdir(mode=0o755, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise RuntimeError(f"{folder} exists but is not ours; remove it and start again.")
    folder.chmod(0o755)
    return folder
