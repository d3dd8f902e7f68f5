"""Writing to the trail."""

from __future__ import annotations

from typing import Any

from portal.audit.models import AuditEntry
from portal.db import db


def record(
    action: str,
    subject: str,
    *,
    actor: str,
    organisation_id: int | None = None,
    reason: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    request_id: str | None = None,
) -> None:
    """Add one act to the open unit of work, so the act and its trace stand or fall together."""
    db.session.add(
        AuditEntry(
            action=action,
            subject=subject,
            actor=actor,
            organisation_id=organisation_id,
            reason=reason,
            before=before,
            after=after,
            request_id=request_id,
        )
    )
