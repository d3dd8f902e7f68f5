"""Sealing what has been committed: one run at a time, behind the transactions that write the trail and never before them.

An entry is sealed once its transaction is certainly over and so is every transaction that began before it. Whoever
records an act takes no lock, waits for nobody and knows nothing of the chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from sqlalchemy import Row, insert, text

from portal.audit.chain import ENTRY_FIELDS, fields_of, find_head
from portal.audit.models import AuditSeal
from portal.audit.rules import BEGINNING, entry_hash, sealed
from portal.audit.types import Seal
from portal.db import db

_AT_ONCE = 2_000
_ONE_SEALER = text("SELECT pg_try_advisory_xact_lock(7301027)")
# All transactions below the horizon are over, and what they wrote can be seen by every later statement.
_HORIZON = text("""
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon, at, (at AT TIME ZONE 'UTC')::text AS at_text
    FROM clock_timestamp() AS at
""")
_UNSEALED = f"""
    SELECT {ENTRY_FIELDS} FROM audit_entries e
    WHERE NOT EXISTS (SELECT FROM audit_seals s WHERE s.entry_id = e.id)
"""  # noqa: S608
# What lies below the last horizon was sealed by the run that set it; what turns up there later was slipped in.
_NEW = text(f"{_UNSEALED} AND e.transaction_id >= :last AND e.transaction_id < :horizon ORDER BY e.id")
_ALL = text(f"{_UNSEALED} ORDER BY e.id")


def seal_new() -> int:
    """Seal every entry that may be; return how many. Nothing is done while another run is sealing.

    Run it as the system in a unit of work of its own.
    """
    if not db.session.scalar(_ONE_SEALER):
        return 0
    head, now = find_head(), db.session.execute(_HORIZON).one()
    seals, count = _seals(head, now), 0
    while some := list(islice(seals, _AT_ONCE)):
        db.session.execute(insert(AuditSeal), [_values(seal) for seal in some])
        count += len(some)
    return count


def _seals(head: Seal | None, now: Row[Any]) -> Iterator[Seal]:
    last = head
    for row in _unsealed(head.horizon if head else 0, now.horizon):
        fields = fields_of(row)
        seal = Seal(
            number=last.number + 1 if last else 1,
            entry_id=int(fields[0] or 0),
            entry_hash=entry_hash(fields),
            previous_hash=last.hash if last else BEGINNING,
            horizon=now.horizon,
            sealed_at=now.at,
            sealed_text=now.at_text,
        )
        last = sealed(seal)
        yield last


def _unsealed(last: int, horizon: int) -> Iterator[Row[Any]]:
    """Yield unsealed entries in order, read in pieces.

    A horizon below the last one means that the data was restored into another cluster, which counts its transactions
    anew: then everything that is there is over.
    """
    query = _ALL if horizon < last else _NEW.bindparams(last=last, horizon=horizon)
    pieces = db.session.execute(query, execution_options={"yield_per": _AT_ONCE}).partitions()
    return (row for piece in pieces for row in piece)


def _values(seal: Seal) -> dict[str, Any]:
    names = ("number", "entry_id", "entry_hash", "previous_hash", "hash", "horizon", "sealed_at")
    return {name: getattr(seal, name) for name in names}
