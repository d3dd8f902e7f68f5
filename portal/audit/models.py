"""The trail of privileged acts, and the chain of seals that proves it whole."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class AuditEntry(Base):
    """One act. Rows are never changed or removed; the database refuses both.

    `id`, `at` and `transaction_id` are the database's own: no role of ours may say them. `transaction_id` is the number
    of the transaction that wrote the entry, 0 for entries that are older than the seals.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("audit_entries_subject", "subject", "id"),
        Index("audit_entries_actor", "actor", "id"),
        Index("audit_entries_action", "action", "id"),
        Index("audit_entries_at", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    actor: Mapped[str]
    organisation_id: Mapped[int | None] = mapped_column(index=True)
    action: Mapped[str]
    subject: Mapped[str]
    reason: Mapped[str | None]
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]
    request_id: Mapped[str | None]
    transaction_id: Mapped[int] = mapped_column(server_default=text("pg_current_xact_id()::text::bigint"), index=True)


class AuditSeal(Base):
    """One link of the chain (docs/algorithms/audit.md): entry `entry_id`, as it read at `sealed_at`.

    Numbers begin at 1 and have no gaps. Every transaction below `horizon` was over when the seal was made.
    """

    __tablename__ = "audit_seals"
    __table_args__ = (
        CheckConstraint("number > 0", name="audit_seals_number"),
        CheckConstraint(
            "octet_length(entry_hash) = 32 AND octet_length(previous_hash) = 32 AND octet_length(hash) = 32",
            name="audit_seals_hashes",
        ),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(ForeignKey("audit_entries.id"), unique=True)
    entry_hash: Mapped[bytes]
    previous_hash: Mapped[bytes] = mapped_column(unique=True)
    hash: Mapped[bytes] = mapped_column(unique=True)
    horizon: Mapped[int]
    sealed_at: Mapped[datetime]
