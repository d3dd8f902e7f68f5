"""Migrations and models say the same."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask

from portal.app import ROOT
from portal.db import Base, db


def test_migrations_have_one_head() -> None:
    assert len(ScriptDirectory(str(ROOT / "migrations")).get_heads()) == 1


def test_the_migrated_database_matches_the_models(app: Flask) -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": _ours})
        differences = compare_metadata(context, Base.metadata)
    assert differences == []


def _ours(_thing: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    if kind == "table":
        return name not in ("schedule_slots",) and not str(name).startswith("api_requests_log_")
    return kind != "index" or not str(name).startswith("api_requests_log_")
