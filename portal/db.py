"""The database: one truth, one place that commits, and the tenant set on every transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar, cast

import psycopg
from flask_sqlalchemy import SQLAlchemy
from psycopg.pq import TransactionStatus
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    LargeBinary,
    Numeric,
    Row,
    Select,
    Text,
    any_,
    event,
    literal,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Session, registry, scoped_session

Result = TypeVar("Result")


class Base(DeclarativeBase):
    """Every table of ours. Python types choose the column types, so a column cannot be naive or a float by accident."""

    registry = registry(
        type_annotation_map={
            int: BigInteger,
            str: Text,
            bytes: LargeBinary,
            datetime: TIMESTAMP(timezone=True),
            Decimal: Numeric(38, 18),
            dict[str, Any]: JSONB,
            list[Any]: JSONB,
            list[str]: ARRAY(Text),
        }
    )


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows a transaction may touch; PostgreSQL's row level security reads it.

    `portal_app` sees the rows of its organisation, account and project and what is public. `portal_system`
    (workers, operators after their own check) sees every row and is named explicitly wherever it is used.
    """

    role: Literal["portal_app", "portal_system"] = "portal_app"
    organisation_id: int | None = None
    account_id: int | None = None
    project_id: int | None = None
    user_id: int | None = None


_LIMITS = (
    "-c statement_timeout=8000 -c lock_timeout=4000 -c idle_in_transaction_session_timeout=15000"
    " -c timezone=UTC -c jit=off"
)

PUBLIC = Scope()
SYSTEM = Scope(role="portal_system")
_scope: ContextVar[Scope] = ContextVar("database scope", default=PUBLIC)


class NestedTransaction(RuntimeError):
    """A second unit of work inside the first: an edge called another edge."""


def current_scope() -> Scope:
    """Return the scope that the next transaction will start with."""
    return _scope.get()


def enter_scope(scope: Scope) -> None:
    """Make `scope` the scope of this request or job, ending any read that ran under another one."""
    _session().rollback()
    _scope.set(scope)


@contextmanager
def scoped(scope: Scope) -> Iterator[Session]:
    """Read under another scope for the length of a block; rows read in it stay readable afterwards, detached."""
    session = _session()
    _refuse_nesting(session)
    session.rollback()
    before = set(session.identity_map.values())
    token = _scope.set(scope)
    try:
        yield session
    finally:
        for row in set(session.identity_map.values()) - before:
            session.expunge(row)  # else the rollback expires it, and a reload outside this scope may not find it
        session.rollback()
        _scope.reset(token)


@contextmanager
def transaction(scope: Scope | None = None) -> Iterator[Session]:
    """One unit of work: everything in the block is committed together or not at all.

    Opened by edges only. Functions registered with `on_commit` run after the commit and are forgotten on
    rollback. Raises NestedTransaction when a unit of work is already open.
    """
    session = _session()
    _refuse_nesting(session)
    session.rollback()
    token = _scope.set(scope or _scope.get())
    callbacks: list[Callable[[], None]] = []
    session.info["unit_of_work"] = callbacks
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop("unit_of_work", None)
        _scope.reset(token)
    for callback in callbacks:
        callback()


def on_commit(callback: Callable[[], None]) -> None:
    """Run `callback` once the open unit of work has been committed; it must tolerate never running (a crash)."""
    callbacks = _session().info.get("unit_of_work")
    if callbacks is None:
        raise RuntimeError("there is no unit of work to wait for")
    callbacks.append(callback)


def in_transaction(work: Callable[[Session], Result], *, scope: Scope | None = None, attempts: int = 4) -> Result:
    """Run `work` as a unit of work, again from the start when PostgreSQL asks for it (deadlock, serialization)."""
    for attempt in range(1, attempts + 1):
        try:
            with transaction(scope) as session:
                return work(session)
        except (OperationalError, psycopg.OperationalError) as problem:  # the latter from COPY, which is the driver's
            fault = problem.orig if isinstance(problem, OperationalError) else problem
            if attempt == attempts or getattr(fault, "sqlstate", None) not in ("40001", "40P01", "55P03"):
                raise
    raise AssertionError("unreachable")


def among(column: InstrumentedAttribute[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Ask whether a column holds one of some values, sent as one array.

    `in_()` makes another statement for each number of values, and none of them comes often enough to be prepared.
    """
    return column == any_(literal(list(values), ARRAY(column.type)))


def system_statement(statement: str, values: Sequence[Any]) -> tuple[Any, ...]:
    """Run one statement as the system, committed by itself, and return its one row. Parameters are `$1`, `$2`, ….

    For hot intakes whose unit of work is a single idempotent statement: one round trip instead of five, by the bare
    driver, because SQLAlchemy costs more than the statement. A connection that died while idle is replaced and the
    statement sent once more. Raises psycopg's errors.
    """
    for attempt in (1, 2):
        with _system_cursor() as cursor:
            try:
                row = cursor.execute(statement.encode(), values).fetchone()
            except psycopg.OperationalError:
                if attempt == 2 or not cursor.connection.closed:
                    raise
            else:
                if row is None:
                    raise RuntimeError("the statement returned no row")
                return row
        db.engines["system"].dispose()  # what ended one idle connection has ended the others
    raise AssertionError("unreachable")


def system_row(statement: Select[*tuple[Any, ...]], values: Mapping[str, Any] | None = None) -> Row[Any] | None:
    """Read at most one row as the system, in a transaction of its own that takes one round trip and sees what is committed.

    For what is asked before every request. A connection that died while idle is replaced and the statement sent once
    more. Raises MultipleResultsFound and SQLAlchemy's errors.
    """
    engine = db.engines["system"]
    for attempt in (1, 2):
        try:
            with engine.connect() as connection:
                return connection.execute(statement, values or {}).one_or_none()
        except OperationalError as problem:
            if attempt == 2 or not problem.connection_invalidated:
                raise
    raise AssertionError("unreachable")


@contextmanager
def _system_cursor() -> Iterator[psycopg.RawCursor[tuple[Any, ...]]]:
    """Lend a connection that commits each statement, with its cursor; one that is left broken is not lent again."""
    lent = db.engines["system"].raw_connection()
    connection = cast("psycopg.Connection[tuple[Any, ...]]", lent.driver_connection)
    # Kept with its connection: a new one for each statement costs as much again as sending it.
    cursor = lent.info.get("cursor")
    if cursor is None:
        cursor = lent.info["cursor"] = psycopg.RawCursor(connection)
    try:
        yield cursor
    finally:
        if connection.pgconn.transaction_status != TransactionStatus.IDLE:
            lent.invalidate()
        lent.close()


def system_engine_options(url: str, pool_size: int) -> dict[str, Any]:
    """Return the engine of the system's own statements: autocommit, as `portal_system` from the first byte."""
    options = engine_options(pool_size)
    connect = {**options["connect_args"], "options": f"{_LIMITS} -c role=portal_system", "autocommit": True}
    # Nothing to ask and nothing to undo when a connection changes hands: each statement was a transaction of its own.
    return {**options, "url": url, "connect_args": connect, "pool_pre_ping": False, "pool_reset_on_return": None}


def engine_options(pool_size: int) -> dict[str, Any]:
    """Return the pool and session settings of every connection that serves people or jobs."""
    # Compiling a plan costs more than any statement of ours can win by it.
    return {
        "pool_size": pool_size,
        "max_overflow": 4,
        "pool_timeout": 5,
        "pool_pre_ping": True,
        "connect_args": {"options": _LIMITS, "connect_timeout": 5, "prepare_threshold": 5},
    }


_BEGINNING = text(
    "SELECT set_config('role', :role, true), set_config('app.organisation_id', :organisation, true),"
    " set_config('app.account_id', :account, true), set_config('app.project_id', :project, true),"
    " set_config('app.user_id', :person, true), set_config('transaction_read_only', :reads, true)"
)


@event.listens_for(Session, "after_begin")
def _begin(session: Session, _transaction: Any, connection: Connection) -> None:
    """Set the tenant, and let nothing be written outside a unit of work."""
    # One round trip; `true` makes each setting local to the transaction, so a pooled connection carries nothing over.
    scope, reads = _scope.get(), "unit_of_work" not in session.info
    connection.info["reads"] = reads
    connection.execute(
        _BEGINNING,
        {
            "role": scope.role,
            "organisation": _text(scope.organisation_id),
            "account": _text(scope.account_id),
            "project": _text(scope.project_id),
            "person": _text(scope.user_id),
            "reads": "on" if reads else "off",
        },
    )


@event.listens_for(Engine, "rollback")
def _end_reading(connection: Connection) -> None:
    """End what only read by COMMIT: at a ROLLBACK the driver forgets the statements it has prepared, and then PostgreSQL
    plans every one of them anew on every page, which takes longer than running them.
    """
    if connection.invalidated:
        return
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    if connection.info.pop("reads", False) and driver.info.transaction_status == TransactionStatus.INTRANS:
        with suppress(psycopg.OperationalError):  # gone: what comes next says so
            driver.commit()


def _text(value: int | None) -> str:
    return "" if value is None else str(value)


def _session() -> Session:
    sessions: scoped_session[Any] = db.session
    found: Session = sessions()
    return found


def _refuse_nesting(session: Session) -> None:
    if "unit_of_work" in session.info:
        raise NestedTransaction("a unit of work is already open")
