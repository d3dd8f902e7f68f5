"""Mails that are kept instead of sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class KeptMail(Base):
    """A mail of development or the demo; nobody's mailbox. In production mails leave and nothing of them stays."""

    __tablename__ = "kept_mails"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    recipient: Mapped[str]
    language: Mapped[str]
    subject: Mapped[str]
    text: Mapped[str]
    html: Mapped[str]
    kept_at: Mapped[datetime]
