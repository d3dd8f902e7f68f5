"""Pictures by organisation. Which of them is in use, the tables of organisations and APIs say."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class Logo(Base):
    """A picture as we drew it, in two sizes; `drawn_at` moves on when it leaves use.

    Everybody may see those of organisations that came to the market.
    """

    __tablename__ = "logos"
    __table_args__ = (
        UniqueConstraint("organisation_id", "digest", name="logos_once"),
        CheckConstraint("digest ~ '^[0-9a-f]{32}$'", name="logos_digest_shape"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    digest: Mapped[str] = mapped_column(index=True)
    large: Mapped[bytes]
    small: Mapped[bytes]
    drawn_at: Mapped[datetime]
