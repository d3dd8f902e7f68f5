"""Keeping what comparisons found: a disagreement is one row from when it was first seen until it is gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Literal

from sqlalchemy import select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from portal.db import db
from portal.reconciliation.models import ReconMismatch
from portal.reconciliation.types import Found, Mismatch


def keep(
    found: Iterable[Found], *, run_id: int | None, now: datetime, how: Literal["repaired", "gone"] = "gone"
) -> None:
    """Write what was found about each record, and close what was not found again. `unknown` records stay as they are."""
    for one in found:
        if one.verdict == "unknown":
            continue
        for mismatch in one.mismatches:
            _write(one, mismatch, run_id, now)
        _close(one, now, how)


def _write(found: Found, mismatch: Mismatch, run_id: int | None, now: datetime) -> None:
    seen = {
        "record": found.record,
        "cause": mismatch.cause,
        "differences": [asdict(one) for one in mismatch.differences],
        "repairs": list(mismatch.repairs),
        "title": found.title,
        "whose": found.whose,
        "account_id": found.account_id,
        "subscription_id": found.subscription_id,
        "at_risk": mismatch.at_risk.amount if mismatch.at_risk else None,
        "currency": mismatch.at_risk.currency if mismatch.at_risk else None,
        "last_seen_at": now,
        **({"last_run_id": run_id} if run_id is not None else {}),
    }
    statement = insert(ReconMismatch).values(
        subject=mismatch.subject,
        reason_code=mismatch.code,
        severity=mismatch.severity,
        first_seen_at=now,
        first_run_id=run_id,
        **seen,
    )
    db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["subject", "reason_code"], index_where=ReconMismatch.resolved_at.is_(None), set_=seen
        )
    )


def _close(found: Found, now: datetime, how: str) -> None:
    still = [(one.subject, one.code) for one in found.mismatches]
    open_ones = select(ReconMismatch.id).where(
        ReconMismatch.record == found.record, ReconMismatch.resolved_at.is_(None)
    )
    if still:
        open_ones = open_ones.where(tuple_(ReconMismatch.subject, ReconMismatch.reason_code).not_in(still))
    db.session.execute(
        update(ReconMismatch).where(ReconMismatch.id.in_(open_ones)).values(resolved_at=now, resolution=how)
    )


def list_open_records(prefix: str, run_id: int) -> list[str]:
    """Return records of one kind with open disagreements that this run has not looked at: gone from its lists, perhaps."""
    query = select(ReconMismatch.record).where(
        ReconMismatch.record.startswith(prefix, autoescape=True),
        ReconMismatch.resolved_at.is_(None),
        ReconMismatch.last_run_id.is_distinct_from(run_id),
    )
    return list(db.session.scalars(query.distinct().order_by(ReconMismatch.record)))
