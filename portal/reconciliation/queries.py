"""Reading runs, disagreements and acts, for operators only: as the system, after their own check."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from portal.db import db
from portal.kit.money import Money
from portal.reconciliation.errors import UnknownRecord
from portal.reconciliation.models import ReconAction, ReconMismatch, ReconRun
from portal.reconciliation.types import Difference
from portal.reconciliation.views import ActionView, MismatchView, Overview, RunView

PAGE = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which disagreements to list. `state`: open (and not left out), suppressed, resolved."""

    state: Literal["open", "suppressed", "resolved"] = "open"
    severity: int | None = None
    code: str | None = None
    words: str = ""


def find_latest_run(*, finished: bool = False) -> RunView | None:
    """Return the newest run, or the newest that went through to its end."""
    query = select(ReconRun).order_by(ReconRun.id.desc()).limit(1)
    row = db.session.scalars(query.where(ReconRun.status == "done") if finished else query).one_or_none()
    return None if row is None else _run(row)


def list_runs(limit: int = 30) -> list[RunView]:
    """Return the newest runs, newest first."""
    return [_run(row) for row in db.session.scalars(select(ReconRun).order_by(ReconRun.id.desc()).limit(limit))]


def list_mismatches(
    wanted: Wanted, now: datetime, *, page: int = 1, limit: int = PAGE
) -> tuple[list[MismatchView], int]:
    """Return a page of disagreements, the worst and oldest first, and how many there are."""
    where = _where(wanted, now)
    total = db.session.scalar(select(func.count()).select_from(ReconMismatch).where(*where)) or 0
    order = (
        (ReconMismatch.resolved_at.desc(), ReconMismatch.id.desc())
        if wanted.state == "resolved"
        else (ReconMismatch.severity, ReconMismatch.first_seen_at, ReconMismatch.id)
    )
    rows = db.session.scalars(
        select(ReconMismatch).where(*where).order_by(*order).limit(limit).offset((page - 1) * limit)
    )
    return [_mismatch(row) for row in rows], total


def list_chosen(ids: Collection[int]) -> list[MismatchView]:
    """Return some open disagreements by their numbers."""
    query = select(ReconMismatch).where(ReconMismatch.id.in_(ids), ReconMismatch.resolved_at.is_(None))
    return [_mismatch(row) for row in db.session.scalars(query.order_by(ReconMismatch.severity, ReconMismatch.id))]


def get_mismatch(mismatch_id: int) -> MismatchView:
    """Return one disagreement, open or not. Raises UnknownRecord."""
    row = db.session.get(ReconMismatch, mismatch_id, populate_existing=True)
    if row is None:
        raise UnknownRecord(f"mismatch {mismatch_id}")
    return _mismatch(row)


def list_actions(subject: str, *, limit: int = 50) -> list[ActionView]:
    """Return what was done about a subject, newest first."""
    query = select(ReconAction).where(ReconAction.subject == subject).order_by(ReconAction.id.desc()).limit(limit)
    return [
        ActionView(row.at, row.step, row.action, row.subject, row.actor, row.reason, row.before, row.after, row.outcome)
        for row in db.session.scalars(query)
    ]


def overview(now: datetime) -> Overview:
    """Return the open disagreements in figures, those left out counted by themselves."""
    shown = _where(Wanted(), now)
    money = select(ReconMismatch.currency, func.sum(ReconMismatch.at_risk)).where(*shown, ReconMismatch.at_risk > 0)
    return Overview(
        open=_count(*shown),
        suppressed=_count(*_where(Wanted("suppressed"), now)),
        by_severity=_counts(ReconMismatch.severity, shown),
        by_code=_counts(ReconMismatch.reason_code, shown),
        at_risk=tuple(
            Money(int(total or 0), currency or "eur")
            for currency, total in db.session.execute(money.group_by(ReconMismatch.currency))
        ),
    )


def _counts(column: InstrumentedAttribute[Any], where: list[ColumnElement[bool]]) -> dict[Any, int]:
    rows = db.session.execute(select(column, func.count()).where(*where).group_by(column).order_by(column))
    return {value: int(count) for value, count in rows}


def _count(*where: ColumnElement[bool]) -> int:
    return db.session.scalar(select(func.count()).select_from(ReconMismatch).where(*where)) or 0


def _where(wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
    left_out = ReconMismatch.suppressed_until > now
    states: dict[str, list[ColumnElement[bool]]] = {
        "open": [ReconMismatch.resolved_at.is_(None), or_(ReconMismatch.suppressed_until.is_(None), ~left_out)],
        "suppressed": [ReconMismatch.resolved_at.is_(None), left_out],
        "resolved": [ReconMismatch.resolved_at.is_not(None)],
    }
    where = states[wanted.state]
    if wanted.severity is not None:
        where.append(ReconMismatch.severity == wanted.severity)
    if wanted.code is not None:
        where.append(ReconMismatch.reason_code == wanted.code)
    if wanted.words:
        said = (ReconMismatch.whose, ReconMismatch.title, ReconMismatch.subject)
        where.append(or_(*(column.icontains(wanted.words, autoescape=True) for column in said)))
    return where


def _run(row: ReconRun) -> RunView:
    return RunView(
        **{name: getattr(row, name) for name in RunView.__dataclass_fields__ if name != "by_code"},
        by_code=dict(row.by_code),
    )


def _mismatch(row: ReconMismatch) -> MismatchView:
    taken = {"code", "differences", "repairs", "at_risk"}
    return MismatchView(
        **{name: getattr(row, name) for name in MismatchView.__dataclass_fields__ if name not in taken},
        code=row.reason_code,  # type: ignore[arg-type]  # written from the same list
        differences=tuple(Difference(**one) for one in row.differences),
        repairs=tuple(row.repairs),  # type: ignore[arg-type]
        at_risk=None if row.at_risk is None or row.currency is None else Money(row.at_risk, row.currency),
    )
