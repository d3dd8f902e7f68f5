"""Shared fixtures: one PostgreSQL and one Valkey per run, a migrated database per worker, clean tables per test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Playwright
from sqlalchemy import event

from portal.adapters.inline_queue import RememberingBell
from portal.app import create_app
from portal.db import SYSTEM, db, enter_scope
from portal.demo.servers import start_postgres, start_valkey, temporary_state
from portal.kit.clock import ManualClock
from portal.settings import Settings
from portal.web.plugs import Plugs
from portal.wiring import plug
from tests.sign_in import Browser

START = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright keeps a loop running in this thread, and `asyncio.run` refuses beside it."""
    items.sort(key=lambda item: "browser" in getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[str, str]]:
    """Addresses of a running PostgreSQL and Valkey that belong to this run alone."""
    with (
        temporary_state() as state,
        start_postgres(state / "postgres", fast=True) as postgres,
        start_valkey(state / "valkey", fast=True) as valkey,
    ):
        yield postgres.url, valkey.url


@pytest.fixture(scope="session")
def settings(servers: tuple[str, str]) -> Settings:
    """Settings of the application under test: everything explicit, nothing from the environment."""
    postgres_url, redis_url = servers
    return Settings(
        _env_file=None,
        environment="test",
        database_url=postgres_url,
        redis_url=redis_url,
        secret_key="t" * 16 + "est-secret-key-for-tests-only",
        key_pepper="test-pepper-for-tests-only-0123456789",
        stripe_webhook_secret="whsec_test_0123456789abcdef",
        internal_admin_api_key="internal-admin-key-for-tests",
        gateway_log_token="gateway-log-token-for-tests",
        metrics_token="metrics-token-for-tests",
        gateway_allow_private_upstreams=True,
        password_memory_kib=64,
        password_passes=1,
        rate_limits=False,
    )


@pytest.fixture(scope="session")
def migrated(settings: Settings) -> Iterator[Flask]:
    """The application over a migrated database; one per run, for making it takes longer than most tests.

    `app` is what tests ask for.
    """
    app = create_app(settings, plug(settings))
    app.test_client_class = Browser
    with app.app_context():
        upgrade()
        db.engine.dispose()
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def clock() -> ManualClock:
    """Tuesday 10 March 2026, 09:00 UTC, until the test moves it."""
    return ManualClock(START)


@pytest.fixture
def queue() -> RememberingBell:
    return RememberingBell()


@pytest.fixture
def app(migrated: Flask, settings: Settings, clock: ManualClock, queue: RememberingBell) -> Iterator[Flask]:
    """The application with a manual clock and empty tables, inside an application context."""
    with plugged(migrated, replace(plug(settings), clock=clock, queue=queue)) as app:
        yield app


@contextmanager
def plugged(app: Flask, plugs: Plugs) -> Iterator[Flask]:
    """Lend an application its ports and empty tables for the length of a test, inside an application context."""
    app.extensions["portal"] = plugs
    empty_tables(plugs.settings)
    with app.app_context():
        enter_scope(SYSTEM)
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """What the database is asked during the test, in order; `clear()` it where counting begins."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield asked
    event.remove(db.engine, "before_cursor_execute", note)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A stranger's browser; `tests.sign_in.sign_in_as(client, user)` makes it somebody's."""
    return app.test_client()


@pytest.fixture
def redis_connection(settings: Settings) -> Iterator[redis.Redis]:
    connection = redis.Redis.from_url(settings.redis_url)
    connection.flushall()
    yield connection
    connection.close()


def empty_tables(settings: Settings) -> None:
    """Empty what the last test filled. Triggers that forbid it are off for this session alone.

    Only tables that hold a row or gave out a number: emptying all of them costs more than most tests. Months of the
    request log go away whole: each test decides itself which ones exist.
    """
    with psycopg.connect(settings.sqlalchemy_url.replace("+psycopg", ""), autocommit=True) as link:
        link.execute("SET session_replication_role = replica")
        touched = [row[0] for row in link.execute(_touched(link)) if row[0]]
        if touched:
            link.execute(f"TRUNCATE {', '.join(touched)} RESTART IDENTITY CASCADE")
        months = link.execute("SELECT relname FROM pg_class WHERE relname ~ '^api_requests_log_[0-9]{4}_[0-9]{2}$'")
        for (month,) in months.fetchall():
            link.execute(f"DROP TABLE {month}")
        link.execute("DELETE FROM projects WHERE id > 1")
        link.execute(
            "INSERT INTO projects (id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'marketplace') ON CONFLICT DO NOTHING"
        )
        link.execute("SELECT setval(pg_get_serial_sequence('projects', 'id'), 1)")  # the next project is number 2


def _touched(link: psycopg.Connection[Any]) -> str:
    """Return a statement that names the tables which a test has written to."""
    tables = link.execute(
        "SELECT quote_ident(t.tablename), s.sequencename FROM pg_tables t"
        " LEFT JOIN pg_sequences s ON s.sequencename = t.tablename || '_id_seq'"
        " WHERE t.schemaname = 'public' AND t.tablename NOT IN ('alembic_version', 'projects')"
        " AND t.tablename NOT LIKE 'api_requests_log_%'"
    ).fetchall()
    checks = []
    for table, sequence in tables:
        used = f"EXISTS (SELECT FROM {table})" + (f" OR (SELECT is_called FROM {sequence})" if sequence else "")  # noqa: S608
        checks.append(f"SELECT '{table}' WHERE {used}")
    return " UNION ALL ".join(checks)


os.environ.setdefault("FLASK_SKIP_DOTENV", "1")


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Chromium]:
    """One Chromium for the run: the system's, or the one that set-up brought."""
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not program:
        pytest.fail("there is no Chromium on this machine; `make test` brings one")
    flags = [
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
    ]
    chromium = playwright.chromium.launch(executable_path=program, args=list(flags))
    yield chromium
    chromium.close()
