"""Runs, the disagreements they found, and what was done about them."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class ReconRun(Base):
    """One pass over everything. `stage` and `cursor` say where it stands; a run whose worker died goes on from there.

    `total` counts the records compared, each with one verdict; `skipped` those whose last read was younger than
    `min_age_seconds`. `expected` is an estimate, made at the start. `by_code` counts what was found.
    """

    __tablename__ = "recon_runs"
    __table_args__ = (
        CheckConstraint("\"trigger\" IN ('schedule', 'operator', 'command')", name="recon_runs_trigger"),
        CheckConstraint("status IN ('running', 'done', 'failed')", name="recon_runs_status"),
        CheckConstraint("total = in_sync + mismatched + unknown + healed", name="recon_runs_adds_up"),
        CheckConstraint("least(in_sync, mismatched, unknown, healed, skipped, repaired) >= 0", name="recon_runs_signs"),
        CheckConstraint("(status = 'running') = (finished_at IS NULL)", name="recon_runs_finished"),
        Index("recon_runs_one_running", "status", unique=True, postgresql_where=text("status = 'running'")),
        Index("recon_runs_one_a_day", "slot", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    trigger: Mapped[str]
    actor: Mapped[str]
    slot: Mapped[str | None]
    status: Mapped[str] = mapped_column(server_default=text("'running'"))
    error: Mapped[str | None]
    since: Mapped[datetime]
    min_age_seconds: Mapped[int]
    may_repair: Mapped[bool] = mapped_column(server_default=text("false"))
    stage: Mapped[str]
    cursor: Mapped[str] = mapped_column(server_default=text("''"))
    expected: Mapped[int] = mapped_column(server_default=text("0"))
    total: Mapped[int] = mapped_column(server_default=text("0"))
    in_sync: Mapped[int] = mapped_column(server_default=text("0"))
    mismatched: Mapped[int] = mapped_column(server_default=text("0"))
    unknown: Mapped[int] = mapped_column(server_default=text("0"))
    healed: Mapped[int] = mapped_column(server_default=text("0"))
    skipped: Mapped[int] = mapped_column(server_default=text("0"))
    repaired: Mapped[int] = mapped_column(server_default=text("0"))
    left_over: Mapped[int] = mapped_column(server_default=text("0"))
    by_code: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    lease_token: Mapped[uuid.UUID | None]
    lease_until: Mapped[datetime | None]


class ReconMismatch(Base):
    """One disagreement from when it was first seen until it was gone.

    `record` is what was compared when it was found, `subject` what disagrees. `resolution`: repaired (by an act of ours),
    gone (a later comparison did not find it).
    """

    __tablename__ = "recon_mismatches"
    __table_args__ = (
        CheckConstraint("severity BETWEEN 1 AND 4", name="recon_mismatches_severity"),
        CheckConstraint("resolution IN ('repaired', 'gone')", name="recon_mismatches_resolution"),
        CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name="recon_mismatches_resolved"),
        CheckConstraint("(at_risk IS NULL) = (currency IS NULL)", name="recon_mismatches_money"),
        Index(
            "recon_mismatches_open", "subject", "reason_code", unique=True, postgresql_where=text("resolved_at IS NULL")
        ),
        Index("recon_mismatches_record", "record", postgresql_where=text("resolved_at IS NULL")),
        Index("recon_mismatches_run", "last_run_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    record: Mapped[str]
    subject: Mapped[str]
    reason_code: Mapped[str]
    severity: Mapped[int]
    cause: Mapped[str]
    differences: Mapped[list[Any]]
    repairs: Mapped[list[str]]
    title: Mapped[str]
    whose: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    subscription_id: Mapped[int | None] = mapped_column(ForeignKey("subscriptions.id"), index=True)
    at_risk: Mapped[int | None]
    currency: Mapped[str | None]
    first_run_id: Mapped[int | None] = mapped_column(ForeignKey("recon_runs.id"))
    last_run_id: Mapped[int | None] = mapped_column(ForeignKey("recon_runs.id"))
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    resolution: Mapped[str | None]
    suppressed_until: Mapped[datetime | None]


class ReconAction(Base):
    """What somebody did about a disagreement, and what looking again said afterwards. Never changed, never removed.

    `step`: applied (written with the effect itself), verified (`outcome` says what the comparison found then).
    """

    __tablename__ = "recon_actions"
    __table_args__ = (
        CheckConstraint("step IN ('applied', 'verified')", name="recon_actions_step"),
        CheckConstraint("(step = 'verified') = (outcome IS NOT NULL)", name="recon_actions_outcome"),
        CheckConstraint("outcome IN ('agrees', 'differs', 'unknown')", name="recon_actions_outcomes"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    step: Mapped[str] = mapped_column(server_default=text("'applied'"))
    key: Mapped[str] = mapped_column(unique=True)
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    mismatch_id: Mapped[int | None] = mapped_column(ForeignKey("recon_mismatches.id"), index=True)
    run_id: Mapped[int | None] = mapped_column(ForeignKey("recon_runs.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    actor: Mapped[str]
    reason: Mapped[str]
    source_hash: Mapped[str]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    outcome: Mapped[str | None]
