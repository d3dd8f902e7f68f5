"""How an API looks in the market: its own logo, or its provider's."""

from __future__ import annotations

from sqlalchemy import select

from portal.audit.service import record
from portal.catalog.errors import UnknownApi
from portal.catalog.models import Api
from portal.db import db
from portal.logos import service as logos


def choose_logo(organisation_id: int, api_id: int, digest: str | None, *, actor: str) -> None:
    """Use one of the organisation's pictures for an API, or the provider's own. Raises UnknownApi, UnknownLogo.

    The listing does not count as changed by it: "recently updated" is for those who call.
    """
    logos.check(organisation_id, digest)
    own = select(Api).where(Api.organisation_id == organisation_id, Api.id == api_id)
    api = db.session.scalar(own.with_for_update())
    if api is None:
        raise UnknownApi("There is no such API in your organisation.")
    before, api.logo = api.logo, digest
    if before != digest:
        logos.set_aside(organisation_id, before)
        record(
            "api.logo-changed",
            f"api:{api.id}",
            actor=actor,
            organisation_id=organisation_id,
            before={"logo": before},
            after={"logo": digest},
        )
