"""Reading the trail."""

from __future__ import annotations

from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.audit.types import Act
from portal.db import db


def list_about(subject: str, *, limit: int = 50) -> list[Act]:
    """Return what was done to a subject, newest first."""
    rows = db.session.scalars(
        select(AuditEntry).where(AuditEntry.subject == subject).order_by(AuditEntry.id.desc()).limit(limit)
    )
    return [Act(row.at, row.actor, row.action, row.reason) for row in rows]
