"""What is measured about each API, kept for cards, orders and filters. Metering measures; this remembers."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert

from portal.catalog.models import LISTED, Api, ApiFact
from portal.catalog.types import MeasuredFacts
from portal.db import among, db

_BATCH = 500
# A changed row of `apis` is written anew into some twenty indexes, the text index among them. So a count that moved by
# no more than a hundredth waits: it only orders; what people read comes from `api_facts`.
_RANK = text("""
    UPDATE apis SET calls_30d = COALESCE(new.calls, 0), uptime_ppm = new.uptime, p95_ms = new.p95
    FROM unnest(CAST(:measured AS bigint[])) AS a (id)
    LEFT JOIN unnest(CAST(:ids AS bigint[]), CAST(:calls AS bigint[]), CAST(:uptimes AS bigint[]), CAST(:p95s AS bigint[]))
        AS new (id, calls, uptime, p95) ON new.id = a.id
    WHERE apis.id = a.id AND (
        abs(apis.calls_30d - COALESCE(new.calls, 0)) * 100 > COALESCE(new.calls, 0)
        OR (apis.uptime_ppm, apis.p95_ms) IS DISTINCT FROM (new.uptime, new.p95))
""")


def list_listed(*, after: int) -> list[int]:
    """Return the next few hundred listed APIs by id, for going through all of them."""
    statement = select(Api.id).where(text(LISTED), Api.id > after).order_by(Api.id).limit(_BATCH)
    return list(db.session.scalars(statement))


def note(measured: Sequence[int], found: Collection[MeasuredFacts]) -> None:
    """Remember what was found about the APIs that were measured. One without facts was not called: its old ones go."""
    known = [fact.api_id for fact in found]
    db.session.execute(delete(ApiFact).where(ApiFact.api_id.in_(set(measured) - set(known))))
    if found:
        fresh = insert(ApiFact)
        columns = {column.name: column for column in fresh.excluded if column.name != "api_id"}
        db.session.execute(
            fresh.on_conflict_do_update(index_elements=[ApiFact.api_id], set_=columns), [_row(fact) for fact in found]
        )
    ranks = {
        "measured": list(measured),
        "ids": known,
        "calls": [fact.calls_30d for fact in found],
        "uptimes": [fact.ranked_uptime_ppm for fact in found],
        "p95s": [fact.ranked_p95_ms for fact in found],
    }
    db.session.execute(_RANK, ranks)


def _row(fact: MeasuredFacts) -> dict[str, object]:
    values = {name: getattr(fact, name) for name in _COLUMNS}
    return values | {"daily": list(fact.daily), "growth_7d": fact.growth_7d}


_COLUMNS = ("api_id", "asof", "calls_30d", "failures_30d", "calls_90d", "failures_90d", "p95_ms")


def find_facts(api_id: int) -> MeasuredFacts | None:
    """Return what was measured about an API, or None while nobody has called it. Public."""
    return list_facts([api_id]).get(api_id)


def list_facts(api_ids: Collection[int]) -> dict[int, MeasuredFacts]:
    """Return what was measured about each of some APIs; those that nobody called are left out. Public."""
    if not api_ids:
        return {}
    rows = db.session.scalars(select(ApiFact).where(among(ApiFact.api_id, api_ids)))
    return {
        row.api_id: MeasuredFacts(**{name: getattr(row, name) for name in _COLUMNS}, daily=tuple(row.daily))
        for row in rows
    }
