"""API keys, quota counters and what a gateway should know."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class ApiKey(Base):
    """A consumer's credential for one subscribed API. The text is shown once; a keyed hash is kept.

    `admitted_at` is when the gateway first knew it. `sealed_text` holds the encrypted text from issue until then, and
    only for a gateway that must be given the clear key.
    """

    __tablename__ = "api_keys"
    __table_args__ = (CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="api_keys_name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id"), index=True)
    name: Mapped[str]
    prefix: Mapped[str] = mapped_column(server_default=text("'mk_test'"))
    public_id: Mapped[str] = mapped_column(unique=True)
    key_hash: Mapped[bytes]
    last_four: Mapped[str]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    admitted_at: Mapped[datetime | None]
    sealed_text: Mapped[bytes | None]


class QuotaCounter(Base):
    """Calls handed out in one period of a subscription.

    The data plane takes leases from it, so a hard cap holds across restarts and processes.
    """

    __tablename__ = "quota_counters"
    __table_args__ = (CheckConstraint("used >= 0", name="quota_counters_used"),)

    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscriptions.id"), primary_key=True)
    period_start: Mapped[datetime] = mapped_column(primary_key=True)
    used: Mapped[int] = mapped_column(server_default=text("0"))
    updated_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
