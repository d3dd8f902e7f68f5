"""Versions of an API: which one people see, and which one will go."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update

from portal.audit.service import record
from portal.catalog.errors import CatalogError, UnknownApi
from portal.catalog.farewells import check_note
from portal.catalog.models import Api, ApiOperation, ApiVersion
from portal.catalog.openapi.texts import words
from portal.catalog.rules import LISTED_STATES
from portal.db import db


def publish_version(organisation_id: int, version_id: int, *, actor: str, now: datetime, make_default: bool) -> None:
    """Show a version to everybody; with `make_default` it becomes the one people see first. Raises UnknownApi."""
    api, version = _own_version(organisation_id, version_id)
    if version.state == "draft":
        version.state = "published"
    if make_default and not version.is_default:
        db.session.execute(update(ApiVersion).where(ApiVersion.api_id == api.id).values(is_default=False))
        version.is_default = True
        api.summary, api.description = version.overview["summary"], version.overview["description"]
        lines = select(ApiOperation.method, ApiOperation.path, ApiOperation.summary).where(
            ApiOperation.version_id == version.id
        )
        api.operation_words = "\n".join(words(" ".join(row)) for row in db.session.execute(lines))[:200_000]
    api.updated_at = now
    after = {"version": version.name, "default": version.is_default}
    record("api.version.publish", f"api:{api.id}", actor=actor, organisation_id=organisation_id, after=after)


def deprecate_version(
    organisation_id: int, version_id: int, *, actor: str, now: datetime, sunset_at: datetime | None, note: str = ""
) -> None:
    """Tell readers that a version will go, when, and how to move. Raises UnknownApi, CatalogError for a past sunset."""
    api, version = _own_version(organisation_id, version_id)
    if version.state not in LISTED_STATES:
        raise CatalogError("Only a published version can be deprecated.")
    if sunset_at is not None and sunset_at <= now:
        raise CatalogError("The sunset date must be in the future, so that people have time to move.")
    check_note(note)
    version.state, version.deprecated_at, version.sunset_at = "deprecated", version.deprecated_at or now, sunset_at
    version.migration_note = note.strip()
    after = {"version": version.name, "sunset_at": sunset_at.isoformat() if sunset_at else None}
    record("api.version.deprecate", f"api:{api.id}", actor=actor, organisation_id=organisation_id, after=after)


def _own_version(organisation_id: int, version_id: int) -> tuple[Api, ApiVersion]:
    found = db.session.execute(
        select(Api, ApiVersion)
        .join(ApiVersion, ApiVersion.api_id == Api.id)
        .where(Api.organisation_id == organisation_id, ApiVersion.id == version_id)
        .with_for_update()
    ).one_or_none()
    if found is None:
        raise UnknownApi("There is no such version in your organisation.")
    return found[0], found[1]
