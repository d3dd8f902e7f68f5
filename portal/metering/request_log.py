"""Writing calls into the request log: COPY when every key is new, row by row only where one is not.

COPY is twice as fast as INSERT … ON CONFLICT, and a gateway repeats itself rarely; so the batch is first copied as if
nothing were repeated, and only a key that turns out to exist makes it sort the known from the new.
docs/algorithms/rollups.md has the reasons and the figures.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, cast

import msgspec
import psycopg
from psycopg import errors

from portal.db import db
from portal.metering.types import LogEntry

_COLUMNS = (
    "request_id, started_at, method, path, status, source, latency_ms, upstream_ms, bytes_in, bytes_out,"
    " decision, client_ip, api_key_id, subscription_id, billable, account_id, api_id"
)
_KEYS = "api_request_keys (request_id, checksum, started_at)"


class Row(msgspec.Struct, frozen=True, gc=False):
    """An entry with the account and API our own rows give it, as COPY text.

    The checksum is over what the gateway reported alone: a repeat must not become a conflict because our own rows
    changed meanwhile.
    """

    entry: LogEntry
    account_id: int | None
    checksum: int
    line: str

    @classmethod
    def of(cls, entry: LogEntry, account_id: int | None, api_id: int | None) -> Row:
        """Return the row of an entry."""
        reported = _reported(entry)
        billable = "t" if entry.billable and account_id is not None else "f"
        line = f"{reported}\t{billable}\t{_null(account_id)}\t{_null(api_id)}\n"
        return cls(entry, account_id, zlib.crc32(reported.encode()), line)

    @property
    def request_id(self) -> str:
        """The key."""
        return self.entry.request_id

    def key_line(self) -> str:
        """Return the request key as COPY text."""
        return f"{self.entry.request_id}\t{self.checksum}\t{self.entry.started_at}\n"


def _reported(entry: LogEntry) -> str:
    fields = (
        f"{entry.request_id}\t{entry.started_at}\t{entry.method}\t{entry.path}\t{entry.status}\t{entry.source}"
        f"\t{entry.latency_ms}\t{_null(entry.upstream_ms)}\t{entry.bytes_in}\t{entry.bytes_out}"
        f"\t{_null(entry.decision)}\t{_null(entry.client_ip)}"
        f"\t{_null(entry.api_key_id)}\t{_null(entry.subscription_id)}"
    )
    # Control characters were replaced when the entry was read, so a backslash is all that COPY could misread.
    return fields.replace("\\", "\\\\") if "\\" in fields else fields


def _null(value: int | str | None) -> int | str:
    """Write NULL as nothing: no text of ours is ever empty (a missing path is a dash)."""
    return "" if value is None else value


def kept(entry: LogEntry) -> dict[str, Any]:
    """Return an entry as the quarantine keeps it."""
    return {
        name: value
        for name in LogEntry.__struct_fields__
        if name != "given_id" and (value := getattr(entry, name)) is not None
    }


def add(rows: Sequence[Row]) -> tuple[Sequence[Row], dict[str, int]]:
    """Add rows whose keys are new; return those, and the checksums of the keys that were known before.

    Rows are written in the order of their keys, so that two batches with common keys wait for each other instead of
    deadlocking.
    """
    rows = sorted(rows, key=attrgetter("entry.request_id"))
    cursor = _cursor()
    cursor.execute("SAVEPOINT optimistic")
    try:
        _copy(cursor, _KEYS, [row.key_line() for row in rows])
        for leaf, members in _by_month(rows).items():
            _copy(cursor, f"{leaf} ({_COLUMNS})", [row.line for row in members])
    except (errors.UniqueViolation, errors.UndefinedTable):
        cursor.execute("ROLLBACK TO SAVEPOINT optimistic")
        return _add_with_care(cursor, rows)
    return rows, {}


def _add_with_care(cursor: psycopg.Cursor[Any], rows: Sequence[Row]) -> tuple[Sequence[Row], dict[str, int]]:
    """Add rows of which some are known already, or whose month has no partition yet."""
    known = _claim_keys(cursor, rows)
    fresh = [row for row in rows if row.request_id not in known]
    for leaf, members in _by_month(fresh).items():
        _copy_into_leaf(cursor, leaf, [row.line for row in members])
    return fresh, known


def _claim_keys(cursor: psycopg.Cursor[Any], rows: Sequence[Row]) -> dict[str, int]:
    """Claim the keys that are new and return the checksums of the others."""
    arrays = (
        [row.request_id for row in rows],
        [row.checksum for row in rows],
        [row.entry.started_at for row in rows],
    )
    cursor.execute(
        "INSERT INTO api_request_keys (request_id, checksum, started_at)"
        " SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::timestamptz[])"
        " ON CONFLICT DO NOTHING RETURNING request_id",
        arrays,
    )
    claimed = {key.hex for (key,) in cursor.fetchall()}
    others = [row.request_id for row in rows if row.request_id not in claimed]
    cursor.execute("SELECT request_id, checksum FROM api_request_keys WHERE request_id = ANY(%s::uuid[])", (others,))
    return {key.hex: checksum for key, checksum in cursor.fetchall()}


def _by_month(rows: Iterable[Row]) -> dict[str, list[Row]]:
    months: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        months[row.entry.started_at[:7]].append(row)
    return {f"api_requests_log_{month.replace('-', '_')}": members for month, members in months.items()}


def _copy_into_leaf(cursor: psycopg.Cursor[Any], leaf: str, lines: list[str]) -> None:
    """Write to the month's partition, or to the default one while the month has none.

    COPY is refused on a table with row security, and the parent has it; the leaves are closed to everybody but us. A
    partition that appears in between sends us from the default back to the month.
    """
    for target in (leaf, "api_requests_log_default", leaf):
        cursor.execute("SAVEPOINT leaf")
        try:
            _copy(cursor, f"{target} ({_COLUMNS})", lines)
        except (errors.UndefinedTable, errors.CheckViolation):
            cursor.execute("ROLLBACK TO SAVEPOINT leaf")
        else:
            return
    raise RuntimeError(f"no partition takes the rows of {leaf}")


def _copy(cursor: psycopg.Cursor[Any], target: str, lines: Iterable[str]) -> None:
    with cursor.copy(f"COPY {target} FROM STDIN (NULL '')") as copy:
        copy.write("".join(lines))


def _cursor() -> psycopg.Cursor[Any]:
    connection = db.session.connection().connection.driver_connection
    return cast("psycopg.Connection[Any]", connection).cursor()
