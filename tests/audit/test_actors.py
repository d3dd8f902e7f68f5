"""Who runs a command, as the trail names them."""

from __future__ import annotations

import os
import pwd

import pytest
from flask import Flask
from sqlalchemy import select

from portal.audit.actors import command_actor
from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped

NAMES = ("LOGNAME", "USER", "LNAME", "USERNAME")  # where `getpass` looks before it asks the password file


@pytest.fixture
def _nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account of a container: a number that no password file knows, and no name in the environment."""
    unknown = next(uid for uid in range(54_321, 60_000) if uid not in {one.pw_uid for one in pwd.getpwall()})
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: unknown)


def test_a_command_is_run_by_the_account_that_runs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    assert command_actor() == "command:ada"
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    assert command_actor() == f"command:{pwd.getpwuid(os.getuid()).pw_name}"


@pytest.mark.usefixtures("_nameless")
def test_an_account_without_a_name_can_run_commands_and_is_unknown() -> None:
    with pytest.raises((KeyError, OSError)):
        pwd.getpwuid(os.getuid())
    assert command_actor() == "command:unknown"


@pytest.mark.usefixtures("_nameless")
@pytest.mark.parametrize(
    "command",
    [
        ["premium", "offer", "--monthly", "900", "--yearly", "9000"],
        ["projects", "create", "space_journal"],
    ],
)
def test_what_a_nameless_account_does_is_in_the_trail(app: Flask, command: list[str]) -> None:
    done = app.test_cli_runner().invoke(args=command)
    assert done.exit_code == 0, done.output
    with scoped(SYSTEM) as session:
        assert set(session.scalars(select(AuditEntry.actor))) == {"command:unknown"}
