"""Reads of pictures; row level security says whose."""

from __future__ import annotations

from sqlalchemy import select

from portal.db import db
from portal.logos.models import Logo
from portal.logos.types import LARGE


def find_picture(digest: str, size: int) -> bytes | None:
    """Return a picture as WebP, in the larger or the smaller size, if the reader may see it."""
    column = Logo.large if size == LARGE else Logo.small
    return db.session.scalar(select(column).where(Logo.digest == digest).limit(1))


def list_of(organisation_id: int) -> list[str]:
    """Return the digests of an organisation's pictures, the last uploaded first."""
    mine = select(Logo.digest).where(Logo.organisation_id == organisation_id)
    return list(db.session.scalars(mine.order_by(Logo.drawn_at.desc(), Logo.id.desc()).limit(50)))
