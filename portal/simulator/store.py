"""Durable state: one SQLite file, one transaction per request, so that a kill -9 loses nothing that was answered."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.simulator.records import Record

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_kind ON objects (kind, seq);
CREATE INDEX IF NOT EXISTS objects_customer ON objects (kind, json_extract(body, '$.customer'));
CREATE INDEX IF NOT EXISTS objects_status ON objects (kind, json_extract(body, '$.status'));
CREATE TABLE IF NOT EXISTS answers (
  key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
  request_id TEXT NOT NULL, created REAL NOT NULL);
CREATE INDEX IF NOT EXISTS answers_created ON answers (created);
CREATE TABLE IF NOT EXISTS deliveries (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, type TEXT NOT NULL, endpoint TEXT NOT NULL,
  state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL, last_status INTEGER,
  last_error TEXT, delivered_at REAL);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (state, due);
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event);
CREATE TABLE IF NOT EXISTS agenda (id TEXT PRIMARY KEY, clock TEXT, due INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS agenda_due ON agenda (clock, due);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_FIELD = re.compile(r"[a-z_.]+")


class Store:
    """Objects by kind and id, newest last; plus raw access for deliveries and stored answers."""

    def __init__(self, directory: Path | None) -> None:
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
        path = ":memory:" if directory is None else str(directory / "simulator.sqlite3")
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.row_factory = sqlite3.Row
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "temp_store=MEMORY"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.connection.executescript(_SCHEMA)
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; nested uses join the outer one."""
        if self._depth == 0:
            self.connection.execute("BEGIN IMMEDIATE")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            if self._depth == 0:
                self.connection.execute("ROLLBACK")
            raise
        self._depth -= 1
        if self._depth == 0:
            self.connection.execute("COMMIT")

    def put(self, record: Record) -> None:
        """Insert or replace; an existing object keeps its place in the order."""
        self.connection.execute(
            "INSERT INTO objects (kind, id, body) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            (record["object"], record["id"], json.dumps(record, separators=(",", ":"))),
        )

    def find(self, kind: str, identifier: str) -> Record | None:
        """The object of this kind, or None. Deleted objects are still found, marked ``deleted``."""
        row = self.connection.execute(
            "SELECT body FROM objects WHERE id = ? AND kind = ?", (identifier, kind)
        ).fetchone()
        return None if row is None else json.loads(row["body"])

    def find_any(self, identifier: str) -> Record | None:
        """The object with this id, whatever its kind."""
        row = self.connection.execute("SELECT body FROM objects WHERE id = ?", (identifier,)).fetchone()
        return None if row is None else json.loads(row["body"])

    def place(self, identifier: str) -> int | None:
        """Where the object stands in the order of creation."""
        row = self.connection.execute("SELECT seq FROM objects WHERE id = ?", (identifier,)).fetchone()
        return None if row is None else int(row["seq"])

    def newest(
        self,
        kind: str,
        *,
        before: int | None = None,
        after: int | None = None,
        oldest_first: bool = False,
        limit: int = -1,
        where: dict[str, str | None] | None = None,
        **equal: str | None,
    ) -> Iterator[Record]:
        """Objects of a kind, newest first. Keywords compare top-level fields (``customer="cus_1"``)."""
        clauses, values = ["kind = ?"], [kind]
        for name, value in {**(where or {}), **equal}.items():
            if value is None or not _FIELD.fullmatch(name):
                continue
            clauses.append(f"json_extract(body, '$.{name}') = ?")
            values.append(value)
        bounds = [(clause, seq) for clause, seq in (("seq < ?", before), ("seq > ?", after)) if seq is not None]
        query = f"SELECT body FROM objects WHERE {' AND '.join(clauses + [c for c, _ in bounds])}"  # noqa: S608
        order = " ORDER BY seq ASC LIMIT ?" if oldest_first else " ORDER BY seq DESC LIMIT ?"
        rows = self.connection.execute(query + order, (*values, *(seq for _, seq in bounds), limit)).fetchall()
        for row in rows:
            yield json.loads(row["body"])

    def count(self, kind: str) -> int:
        """How many objects of this kind there are, deleted ones included."""
        row = self.connection.execute("SELECT count(*) AS n FROM objects WHERE kind = ?", (kind,)).fetchone()
        return int(row["n"])

    def holds_more_than(self, kind: str) -> bool:
        """Whether there ever was an object of another kind."""
        row = self.connection.execute("SELECT 1 FROM objects WHERE kind != ? LIMIT 1", (kind,)).fetchone()
        return row is not None

    def schedule(self, identifier: str, clock: str | None, due: int | None) -> None:
        """Remember when time alone will next change this object; None forgets it."""
        if due is None:
            self.connection.execute("DELETE FROM agenda WHERE id = ?", (identifier,))
        else:
            self.connection.execute(
                "INSERT OR REPLACE INTO agenda (id, clock, due) VALUES (?, ?, ?)", (identifier, clock, due)
            )

    def first_due(self, clock: str | None, until: int) -> tuple[str, int] | None:
        """The object on this clock whose turn comes first, at or before ``until``."""
        row = self.connection.execute(
            "SELECT id, due FROM agenda WHERE clock IS ? AND due <= ? ORDER BY due, rowid LIMIT 1", (clock, until)
        ).fetchone()
        return None if row is None else (str(row["id"]), int(row["due"]))

    def queue_delivery(self, event: str, kind: str, endpoint: str, due: float) -> None:
        """One event for one endpoint, to be sent as soon as ``due`` (machine time) has come."""
        self.connection.execute(
            "INSERT INTO deliveries (event, type, endpoint, state, due) VALUES (?, ?, ?, 'pending', ?)",
            (event, kind, endpoint, due),
        )

    def undelivered(self, event: str) -> int:
        """How many endpoints have not answered 2xx to this event yet."""
        row = self.connection.execute(
            "SELECT count(*) AS n FROM deliveries WHERE event = ? AND state != 'delivered'", (event,)
        ).fetchone()
        return int(row["n"])

    def remove(self, identifier: str) -> None:
        """Forget an object entirely."""
        self.connection.execute("DELETE FROM objects WHERE id = ?", (identifier,))

    def setting(self, name: str, default: str = "") -> str:
        """A remembered setting of the simulator itself."""
        row = self.connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return default if row is None else str(row["value"])

    def set_setting(self, name: str, value: str) -> None:
        """Remember a setting of the simulator itself."""
        self.connection.execute("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (name, value))

    def clear(self) -> None:
        """Forget everything."""
        for table in ("objects", "answers", "deliveries", "agenda", "settings"):
            self.connection.execute(f"DELETE FROM {table}")  # noqa: S608

    def close(self) -> None:
        """Release the file."""
        self.connection.close()
