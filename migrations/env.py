"""Alembic's environment: our metadata, one migrator at a time, short lock waits."""

from __future__ import annotations

from alembic import context
from flask import current_app
from sqlalchemy import text

_ONE_MIGRATOR = (
    7_301_026  # any constant of ours: the advisory lock that makes starting web processes wait for each other
)


def run() -> None:
    """Apply migrations over the app's engine, as the role that owns the tables."""
    extension = current_app.extensions["migrate"]
    engine = extension.db.engine
    with engine.connect() as connection:
        connection.execute(text("SET lock_timeout = '10s'; SET statement_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ONE_MIGRATOR})
        connection.commit()
        try:
            context.configure(
                connection=connection,
                target_metadata=current_app.config["METADATA"],
                compare_type=True,
                transaction_per_migration=True,
            )
            with context.begin_transaction():
                context.run_migrations()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ONE_MIGRATOR})
            connection.execute(text("RESET lock_timeout; RESET statement_timeout"))
            connection.commit()


run()
