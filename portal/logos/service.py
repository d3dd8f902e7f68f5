"""Keeping what was drawn. An organisation's row is locked meanwhile, so nothing is cleared away while it is being chosen."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from portal.audit.service import record
from portal.db import db
from portal.logos.models import Logo
from portal.logos.types import Drawn, UnknownLogo

KEPT = 8  # pictures that are not in use, to go back to
_LOCK = text("SELECT id FROM organisations WHERE id = :organisation FOR UPDATE")
_SET_ASIDE = text("""
    UPDATE logos SET drawn_at = interval '1 microsecond'
        + (SELECT max(drawn_at) FROM logos WHERE organisation_id = :organisation)
    WHERE organisation_id = :organisation AND digest = :digest
""")
# Which pictures are in use, the neighbours' tables say: by name, their models stay their own.
_CLEAR = text(f"""
    DELETE FROM logos WHERE organisation_id = :organisation
        AND id NOT IN (SELECT id FROM logos WHERE organisation_id = :organisation ORDER BY drawn_at DESC, id DESC LIMIT {KEPT})
        AND digest NOT IN (
            SELECT logo FROM organisations WHERE id = :organisation AND logo IS NOT NULL
            UNION ALL SELECT logo FROM apis WHERE organisation_id = :organisation AND logo IS NOT NULL)
""")  # noqa: S608 - a number of ours; values are bound


def keep(organisation_id: int, drawn: Drawn, *, actor: str, now: datetime) -> None:
    """Keep a picture to choose from. The same one again only becomes the newest; old ones that nothing uses go."""
    lock(organisation_id)
    values = {"organisation_id": organisation_id, "digest": drawn.digest, "large": drawn.large, "small": drawn.small}
    fresh = insert(Logo).values(**values, drawn_at=now)
    db.session.execute(fresh.on_conflict_do_update(constraint="logos_once", set_={"drawn_at": now}))
    db.session.execute(_CLEAR, {"organisation": organisation_id})
    subject = f"organisation:{organisation_id}"
    record("logo.uploaded", subject, actor=actor, organisation_id=organisation_id, after={"logo": drawn.digest})


def check(organisation_id: int, digest: str | None) -> None:
    """Make sure that an organisation may use a picture, and goes on having it. Raises UnknownLogo."""
    lock(organisation_id)
    known = db.session.query(Logo.id).filter_by(organisation_id=organisation_id, digest=digest)
    if digest is not None and known.one_or_none() is None:
        raise UnknownLogo


def set_aside(organisation_id: int, digest: str | None) -> None:
    """Make a picture that is no longer in use the first of those to go back to."""
    db.session.execute(_SET_ASIDE, {"organisation": organisation_id, "digest": digest})


def lock(organisation_id: int) -> None:
    """Let nobody else change the pictures of an organisation until this unit of work ends."""
    db.session.execute(_LOCK, {"organisation": organisation_id})
