"""Answers that are kept for a while, so that a request sent twice has one effect."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class IdempotentRequest(Base):
    """A request with an `Idempotency-Key`: being worked on until `locked_until`, or answered. The answer is sealed."""

    __tablename__ = "idempotent_requests"
    __table_args__ = (
        CheckConstraint("(status IS NULL) = (answer IS NULL)", name="idempotent_requests_answered"),
        Index("idempotent_requests_age", "created_at"),
    )

    principal: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    body_sha256: Mapped[bytes]
    status: Mapped[int | None]
    answer: Mapped[bytes | None]
    locked_until: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
