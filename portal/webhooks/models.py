"""The inbox: every acknowledged delivery, as it came, until it is done."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class WebhookEvent(Base):
    """One event of the provider. Deduplicated on *done*, not on *seen*: a stored row is worked until it is done."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        UniqueConstraint(
            "provider",
            "connected_account",
            "livemode",
            "external_id",
            name="webhook_events_once",
            postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint(
            "state IN ('pending', 'retry', 'done', 'ignored', 'quarantined', 'dead')", name="webhook_events_state"
        ),
        CheckConstraint(
            "(state IN ('done', 'ignored', 'quarantined')) = (done_at IS NOT NULL)", name="webhook_events_done"
        ),
        Index("webhook_events_due", "next_attempt_at", postgresql_where=text("state IN ('pending', 'retry')")),
        Index("webhook_events_troubled", "state", "id", postgresql_where=text("state IN ('dead', 'quarantined')")),
        Index("webhook_events_object", "object_type", "object_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str]
    endpoint: Mapped[str]
    external_id: Mapped[str]
    type: Mapped[str]
    livemode: Mapped[bool]
    connected_account: Mapped[str | None]
    api_version: Mapped[str | None]
    object_type: Mapped[str | None]
    object_id: Mapped[str | None]
    event_created_at: Mapped[datetime]
    received_at: Mapped[datetime]
    raw: Mapped[bytes] = mapped_column(deferred=True)
    raw_sha256: Mapped[bytes]
    state: Mapped[str] = mapped_column(server_default=text("'pending'"))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    next_attempt_at: Mapped[datetime]
    lease_token: Mapped[uuid.UUID | None]
    lease_until: Mapped[datetime | None]
    last_error: Mapped[str | None]
    outcome: Mapped[dict[str, Any] | None]
    deliveries: Mapped[int] = mapped_column(server_default=text("1"))
    conflicting_body: Mapped[bool] = mapped_column(server_default=text("false"))
    done_at: Mapped[datetime | None]
    other_version: Mapped[bool] = mapped_column(server_default=text("false"))

    @property
    def was_delivered(self) -> bool:
        """False for what only the gap filler has seen."""
        return self.deliveries > 0


class GapRun(Base):
    """One look through the provider's list of events for what never arrived.

    `watermark` is the newest event seen by the provider's clock; the next look begins an hour before it. A look that
    did not get to the end has none, so nothing is skipped.
    """

    __tablename__ = "webhook_gap_runs"
    __table_args__ = (CheckConstraint("seen >= missing AND missing >= 0", name="webhook_gap_runs_counts"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    since: Mapped[datetime]
    watermark: Mapped[datetime | None]
    seen: Mapped[int] = mapped_column(server_default=text("0"))
    missing: Mapped[int] = mapped_column(server_default=text("0"))
    error: Mapped[str | None]
