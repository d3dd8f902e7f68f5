"""Shared fixtures: one PostgreSQL and one Valkey per run, a migrated database per worker, clean tables per test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
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
from portal.entitlements.remembering import REMEMBERED
from portal.kit.clock import ManualClock
from portal.settings import Settings
from portal.web.plugs import Plugs
from portal.wiring import plug
from tests.sign_in import Browser
from tests.whole_portal import Portal, started

START = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the journeys: those that share a demo together, and what hurts it at the end.

    Those with a browser come after those without: Playwright keeps a loop running in this thread, and `asyncio.run`
    refuses beside it.
    """

    def place(item: pytest.Item) -> tuple[bool, bool, bool]:
        folders = item.path.parts
        return "chaos" in folders, "browser" in getattr(item, "fixturenames", ()), "browser" in folders

    items.sort(key=place)


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
    plugs.redis.flushdb()
    REMEMBERED.forget_all()
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

    engines = [db.engine, db.engines["system"]]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield asked
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


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
    """Empty every table and begin its numbers anew. Triggers and references that forbid it are off for this session alone.

    Rows are deleted, not truncated: most tables hold a few or none, and truncating one costs as much as a whole test.
    Months of the request log go away whole, for each test decides itself which ones exist.
    """
    address = settings.sqlalchemy_url.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as link:
        link.execute("SET session_replication_role = replica")
        months = link.execute("SELECT relname FROM pg_class WHERE relname ~ '^api_requests_log_[0-9]{4}_[0-9]{2}$'")
        for (month,) in months.fetchall():
            link.execute(f"DROP TABLE {month}")
        link.execute(_emptying(address))


@cache
def _emptying(address: str) -> str:
    """Return the statements that empty a migrated database; project 1 is made by a migration and stays."""
    with psycopg.connect(address) as link:
        tables = link.execute(
            "SELECT quote_ident(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
            " AND c.relname NOT IN ('alembic_version', 'projects')"
        ).fetchall()
        numbers = link.execute(
            "SELECT quote_ident(sequencename) FROM pg_sequences WHERE schemaname = 'public'"
        ).fetchall()
    return "; ".join(
        [
            "BEGIN",
            *(f"DELETE FROM {table}" for (table,) in tables),  # noqa: S608
            *(f"SELECT setval('{name}', 1, false) FROM {name} WHERE is_called" for (name,) in numbers),  # noqa: S608
            "DELETE FROM projects WHERE id > 1",
            "INSERT INTO projects (id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'marketplace') ON CONFLICT DO NOTHING",
            "SELECT setval(pg_get_serial_sequence('projects', 'id'), 1)",  # the next project is number 2
            "COMMIT",
        ]
    )


os.environ.setdefault("FLASK_SKIP_DOTENV", "1")


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """The demo, one for all journeys."""
    with started(tmp_path_factory.mktemp("portal-state")) as portal:
        yield portal


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
