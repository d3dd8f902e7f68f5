"""Announcements waiting for their reaction."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class OutboxMessage(Base):
    """One announcement. `dedupe_key` is a business key: the same fact is announced once however often it is met."""

    __tablename__ = "outbox_messages"
    __table_args__ = (
        Index("outbox_messages_due", "run_at", postgresql_where=text("state = 'waiting'")),
        CheckConstraint("state IN ('waiting', 'done', 'dead')", name="outbox_messages_state"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    topic: Mapped[str]
    dedupe_key: Mapped[str] = mapped_column(unique=True)
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(server_default=text("'waiting'"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    run_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    lease_token: Mapped[uuid.UUID | None]
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    done_at: Mapped[datetime | None]
