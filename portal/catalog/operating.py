"""What operators of the platform do to APIs: find them, block them, let them in again. Every act says why and is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import column, func, or_, select, table

from portal.audit.service import record
from portal.catalog.errors import CatalogError, UnknownApi
from portal.catalog.models import Api
from portal.catalog.rules import LISTED_STATES
from portal.db import db
from portal.identity.queries import list_members
from portal.outbox.service import announce, announce_mail
from portal.web.principal import RIGHTS

PAGE = 50
_PROVIDER = table("organisations", column("id"), column("slug"), column("name"))
_COLUMNS = (
    Api.id, Api.name, Api.slug, Api.state, Api.updated_at, Api.blocked_at, Api.blocked_reason,
    _PROVIDER.c.slug.label("organisation"), _PROVIDER.c.name.label("organisation_name"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class JudgedApi:
    """An API as operators see it."""

    id: int
    name: str
    slug: str
    state: str
    updated_at: datetime
    blocked_at: datetime | None
    blocked_reason: str | None
    organisation: str
    organisation_name: str

    @property
    def can_be_blocked(self) -> bool:
        """True while it is in the market: nobody but its provider sees a draft, and nobody can call what is retired."""
        return self.state in LISTED_STATES


def search(words: str, page: int) -> tuple[list[JudgedApi], int]:
    """Return a page of the APIs whose name, address or provider holds the words, blocked ones first, and how many there are."""
    found = [
        or_(
            *(
                each.icontains(words, autoescape=True)
                for each in (Api.name, Api.slug, _PROVIDER.c.name, _PROVIDER.c.slug)
            )
        )
    ]
    shown = select(*_COLUMNS).join(_PROVIDER, _PROVIDER.c.id == Api.organisation_id).where(Api.state != "draft", *found)
    total = db.session.scalar(select(func.count()).select_from(shown.subquery())) or 0
    ordered = shown.order_by(Api.blocked_at.desc().nulls_last(), Api.updated_at.desc(), Api.id.desc())
    rows = db.session.execute(ordered.limit(PAGE).offset((page - 1) * PAGE)).mappings()
    return [JudgedApi(**row) for row in rows], total


def count_blocked() -> int:
    """Return how many APIs are blocked."""
    return db.session.scalar(select(func.count()).select_from(Api).where(Api.blocked_at.is_not(None))) or 0


def get(api_id: int) -> JudgedApi:
    """Return an API that is or was in the market. Raises UnknownApi."""
    known = select(*_COLUMNS).join(_PROVIDER, _PROVIDER.c.id == Api.organisation_id)
    row = db.session.execute(known.where(Api.id == api_id, Api.state != "draft")).mappings().one_or_none()
    if row is None:
        raise UnknownApi("There is no such API.")
    return JudgedApi(**row)


def block(api_id: int, *, reason: str, actor: str, now: datetime) -> None:
    """Take an API out of the market and shut its door, until further notice. Doing so again changes nothing.

    Subscriptions and keys stay as they are: they open nothing meanwhile. Its provider is told why by mail, and whoever
    subscribes that it is shut; the many are told by a worker. Raises UnknownApi; CatalogError for an API that is not in
    the market.
    """
    api = _locked(api_id)
    if api.state == "blocked":
        return
    if api.state not in LISTED_STATES:
        raise CatalogError("Only an API that is in the market can be blocked.")
    api.state, api.blocked_from, api.blocked_at, api.blocked_reason = "blocked", api.state, now, reason
    _tell(api, "api.block", actor, reason, now)
    _mail(api, "blocked", since=now, at=now, reason=reason)


def release(api_id: int, *, reason: str, actor: str, now: datetime) -> None:
    """Let an API back to where it was in the market. Doing so again changes nothing. Raises UnknownApi.

    Whoever was told that it was blocked is told that it is back.
    """
    api = _locked(api_id)
    if api.state != "blocked" or api.blocked_from is None:
        return
    since = api.blocked_at or now
    api.state, api.blocked_from, api.blocked_at, api.blocked_reason = api.blocked_from, None, None, None
    _tell(api, "api.release", actor, reason, now)
    _mail(api, "released", since=since, at=now, reason=reason)


def _locked(api_id: int) -> Api:
    api = db.session.get(Api, api_id, with_for_update=True)
    if api is None:
        raise UnknownApi("There is no such API.")
    return api


def _tell(api: Api, action: str, actor: str, reason: str, now: datetime) -> None:
    announce("gateway.publish", f"{api.id}:{now.isoformat()}", {"api_id": api.id})
    record(
        action,
        f"api:{api.id}",
        actor=actor,
        organisation_id=api.organisation_id,
        reason=reason,
        after={"state": api.state},
    )


def _mail(api: Api, change: str, *, since: datetime, at: datetime, reason: str) -> None:
    """Announce the mails: one to each who manages the provider, and one word to the worker that tells the subscribers."""
    facts = {"change": change, "api_id": api.id, "since": since.isoformat(), "at": at.isoformat()}
    for member in list_members(api.organisation_id):
        if "manage" in RIGHTS[member.role]:
            cause = f"{api.id}:{at.isoformat()}:{member.user_id}"
            announce_mail(f"api.{change}", cause, user_id=member.user_id, reason=reason, **facts)
    announce("api.door", f"{api.id}:{change}:{at.isoformat()}", facts)
