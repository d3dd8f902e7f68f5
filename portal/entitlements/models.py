"""Entitlements: append, close, revoke; never overlap for one source."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class Entitlement(Base):
    """The right to a feature during `[valid_from, valid_to)` because of one source row."""

    __tablename__ = "entitlements"
    __table_args__ = (
        CheckConstraint(
            "source IN ('subscription', 'purchase', 'manual', 'trial', 'plan_default', 'grace')",
            name="entitlements_source",
        ),
        CheckConstraint("valid_to > valid_from", name="entitlements_window"),
        CheckConstraint(
            "source <> 'manual' OR (granted_by IS NOT NULL AND reason IS NOT NULL)", name="entitlements_manual"
        ),
        CheckConstraint("(revoked_at IS NULL) = (revoke_reason IS NULL)", name="entitlements_revoked"),
        ExcludeConstraint(
            ("account_id", "="),
            ("feature_id", "="),
            ("source", "="),
            ("source_id", "="),
            (
                func.tstzrange(text("valid_from"), text("COALESCE(valid_to, 'infinity'::timestamptz)"), text("'[)'")),
                "&&",
            ),
            where=text("revoked_at IS NULL"),
            using="gist",
            name="entitlements_no_overlap",
        ),
        Index(
            "entitlements_read", "account_id", "feature_id", "valid_from", postgresql_where=text("revoked_at IS NULL")
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    feature_id: Mapped[int] = mapped_column(ForeignKey("features.id"))
    source: Mapped[str]
    source_id: Mapped[int]
    quantity: Mapped[Decimal | None]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revoke_reason: Mapped[str | None]
    granted_by: Mapped[str | None]
    reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
