"""Writing acts, sealing them, and doing to the tables what only their owner could."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from flask import Flask

from portal.audit.sealing import seal_new
from portal.audit.service import record
from portal.db import SYSTEM, in_transaction, transaction
from portal.settings import Settings

Owner = Callable[..., None]


def act(count: int = 1, **facts: object) -> None:
    """Record acts, each in a unit of work of its own."""
    for n in range(count):
        with transaction(SYSTEM):
            record("test.act", f"thing:{n}", actor="user:1", reason="To see", after={"n": n, **facts})


def seal() -> int:
    """Run the sealing job once."""
    return in_transaction(lambda _session: seal_new(), scope=SYSTEM)


@pytest.fixture
def owner(app: Flask, settings: Settings) -> Owner:
    """Run a statement as who owns the tables, with the triggers switched off."""
    assert app

    def run(statement: str, *values: object) -> None:
        with psycopg.connect(settings.sqlalchemy_url.replace("+psycopg", ""), autocommit=True) as link:
            link.execute("SET session_replication_role = replica")
            link.execute(statement, values)

    return run
