"""Giving up an API: saying until when it works and what replaces it, and ending it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import column, select, table

from portal.audit.service import record
from portal.catalog.errors import CatalogError, UnknownApi
from portal.catalog.models import Api
from portal.catalog.rules import LISTED_STATES
from portal.db import db
from portal.outbox.service import announce

LONGEST_NOTE = 4_000
_PROVIDER = table("organisations", column("id"), column("slug"))


def deprecate_api(
    organisation_id: int,
    api_id: int,
    *,
    actor: str,
    now: datetime,
    sunset_at: datetime | None,
    replacement: str = "",
    note: str = "",
) -> None:
    """Tell everybody that an API will go, until when it works, and what to use instead (`organisation/slug`).

    Saying it again changes what was said and keeps when it was first said. Raises UnknownApi; CatalogError for a day
    that has passed, a replacement that is not in the market, a note beyond 4,000 characters.
    """
    api = _own(organisation_id, api_id)
    if api.state not in LISTED_STATES:
        raise CatalogError("Only an API that is in the market can be given up.")
    if sunset_at is not None and sunset_at <= now:
        raise CatalogError("The last day must be in the future, so that people have time to move.")
    check_note(note)
    api.replaced_by = _replacement(replacement, api_id)
    api.state, api.deprecated_at = "deprecated", api.deprecated_at or now
    api.sunset_at, api.migration_note, api.updated_at = sunset_at, note.strip(), now
    after = {"sunset_at": sunset_at.isoformat() if sunset_at else None, "replacement": replacement}
    record("api.deprecate", f"api:{api.id}", actor=actor, organisation_id=organisation_id, after=after)


def retire_api(organisation_id: int, api_id: int, *, actor: str, now: datetime) -> None:
    """End an API: it leaves the market and takes no new subscriptions. It cannot come back.

    Only after it was given up with a last day, and not before that day. Raises UnknownApi, CatalogError.
    """
    api = _own(organisation_id, api_id)
    if api.state != "deprecated" or api.sunset_at is None:
        raise CatalogError("Say first until when it works: deprecate it with a last day.")
    if now < api.sunset_at:
        raise CatalogError("People were told that it works until its last day. Retire it then.")
    api.state, api.updated_at = "retired", now
    announce("gateway.publish", f"{api.id}:{now.isoformat()}", {"api_id": api.id})
    record("api.retire", f"api:{api.id}", actor=actor, organisation_id=organisation_id, after={"state": "retired"})


def check_note(note: str) -> None:
    """Refuse a note that is too long to be read. Raises CatalogError."""
    if len(note) > LONGEST_NOTE:
        raise CatalogError(f"Use at most {LONGEST_NOTE:,} characters for the note.")


def _own(organisation_id: int, api_id: int) -> Api:
    api = db.session.scalar(
        select(Api).where(Api.organisation_id == organisation_id, Api.id == api_id).with_for_update()
    )
    if api is None:
        raise UnknownApi("There is no such API in your organisation.")
    return api


def _replacement(address: str, api_id: int) -> int | None:
    if not address:
        return None
    organisation, _slash, slug = address.strip().strip("/").removeprefix("marketplace/").partition("/")
    found = db.session.scalar(
        select(Api.id)
        .join(_PROVIDER, _PROVIDER.c.id == Api.organisation_id)
        .where(_PROVIDER.c.slug == organisation, Api.slug == slug, Api.state.in_(LISTED_STATES), Api.id != api_id)
    )
    if found is None:
        raise CatalogError("The replacement must be another API in the market, written as organisation/api.")
    return found
