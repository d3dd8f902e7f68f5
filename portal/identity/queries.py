"""Reads of identity. The credential look-ups are one round trip each: they run before every request, as the system."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Integer, Row, Select, and_, bindparam, column, func, select, table, text
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from portal.db import db, system_row
from portal.identity.errors import UnknownOrganisation
from portal.identity.models import Membership, Organisation, OrganisationToken, User, UserSession
from portal.identity.rules import SESSION_IDLE, TOKEN_PREFIX
from portal.identity.types import LiveCredential, Member, OrganisationView, SessionView, TokenView
from portal.kit.tokens import is_hash_of, plain_hash, public_id_of
from portal.web.principal import Principal, Role

Read = Callable[[Select[*tuple[Any, ...]], Mapping[str, Any]], Row[Any] | None]

# Projects sit above identity, so their account is read by name: which account the marketplace bills for whom.
_accounts = table("accounts", column("id", Integer), column("organisation_id", Integer), column("project_id", Integer))
_MARKETPLACE = 1
# A token of the right length that belongs to nobody: unknown ids cost the same hash as known ones.
_NOBODY = b"\x00" * 32


def _with_organisation(statement: Select[*tuple[Any, ...]], *, joined: Any) -> Select[*tuple[Any, ...]]:
    # The membership decides: a session whose person has left the organisation acts for none.
    return (
        statement.add_columns(
            Organisation.id.label("organisation_id"),
            Organisation.slug,
            Organisation.name.label("organisation_name"),
            _accounts.c.id.label("account_id"),
        )
        .outerjoin(Membership, joined)
        .outerjoin(Organisation, Organisation.id == Membership.organisation_id)
        .outerjoin(_accounts, _account_of(Organisation.id))
    )


def _names_of_organisations(user_id: Any) -> Any:
    """Id and name of the organisations a person belongs to, by name, as a list of pairs."""
    theirs = aliased(Membership)
    pair = func.jsonb_build_array(Organisation.id, Organisation.name)
    names = func.jsonb_agg(aggregate_order_by(pair, func.lower(Organisation.name), Organisation.id))
    return (
        select(func.coalesce(names, text("'[]'::jsonb")))
        .select_from(theirs)
        .join(Organisation, Organisation.id == theirs.organisation_id)
        .where(theirs.user_id == user_id)
        .correlate(UserSession)
        .scalar_subquery()
    )


def _account_of(organisation_id: Any) -> Any:
    return and_(_accounts.c.organisation_id == organisation_id, _accounts.c.project_id == _MARKETPLACE)


# Built once: putting them together takes longer than asking.
_SESSION = _with_organisation(
    select(
        UserSession.id.label("row_id"),
        UserSession.last_seen_at,
        User.id.label("user_id"),
        User.name,
        User.email,
        User.is_operator,
        User.email_confirmed_at,
        User.locale,
        User.time_zone,
        Membership.role,
        _names_of_organisations(UserSession.user_id).label("organisations"),
    )
    .select_from(UserSession)
    .join(User, User.id == UserSession.user_id),
    joined=and_(Membership.organisation_id == UserSession.organisation_id, Membership.user_id == UserSession.user_id),
).where(
    UserSession.token_hash == bindparam("token_hash"),
    UserSession.revoked_at.is_(None),
    UserSession.expires_at > bindparam("now"),
    UserSession.last_seen_at > bindparam("used_after"),
    User.disabled_at.is_(None),
)
_TOKEN = (
    select(
        OrganisationToken.id.label("row_id"),
        OrganisationToken.name,
        OrganisationToken.role,
        OrganisationToken.token_hash,
        OrganisationToken.last_used_at,
        Organisation.id.label("organisation_id"),
        Organisation.slug,
        Organisation.name.label("organisation_name"),
        _accounts.c.id.label("account_id"),
    )
    .select_from(OrganisationToken)
    .join(Organisation, Organisation.id == OrganisationToken.organisation_id)
    .outerjoin(_accounts, _account_of(Organisation.id))
    .where(OrganisationToken.public_id == bindparam("public_id"), OrganisationToken.revoked_at.is_(None))
)


def find_session(token_text: str, now: datetime, *, read: Read = system_row) -> LiveCredential | None:
    """Return the live session of a cookie's token with its person, acting organisation, role and account.

    `read` fetches the row; the unit of work that has just started a session reads it by itself.
    """
    values = {"token_hash": plain_hash(token_text), "now": now, "used_after": now - SESSION_IDLE}
    row = read(_SESSION, values)
    if row is None:
        return None
    principal = Principal(
        kind="session",
        user_id=row.user_id,
        name=row.name,
        email=row.email,
        is_operator=row.is_operator,
        is_confirmed=row.email_confirmed_at is not None,
        session_id=row.row_id,
        locale=row.locale,
        time_zone=row.time_zone,
        **_organisation_of(row),
    )
    organisations = tuple((number, name) for number, name in row.organisations)
    return LiveCredential(principal, row.row_id, row.last_seen_at, organisations)


def find_token(text: str, pepper: bytes) -> LiveCredential | None:
    """Return the live organisation token of a bearer credential. Unknown, revoked and mistyped ones look the same."""
    public_id = public_id_of(text) if text.startswith(f"{TOKEN_PREFIX}_") else None
    row = system_row(_TOKEN, {"public_id": public_id or ""})
    if not is_hash_of(text, row.token_hash if row else _NOBODY, pepper) or row is None:
        return None
    principal = Principal(
        kind="organisation_token", user_id=None, name=row.name, email=None, session_id=None, **_organisation_of(row)
    )
    return LiveCredential(principal=principal, row_id=row.row_id, last_seen_at=row.last_used_at)


def get_organisation(organisation_id: int) -> OrganisationView:
    """Return an organisation. Raises UnknownOrganisation."""
    return _view(db.session.get(Organisation, organisation_id))


def get_organisation_by_slug(slug: str) -> OrganisationView:
    """Return the organisation at an address. Raises UnknownOrganisation."""
    return _view(db.session.scalar(select(Organisation).where(Organisation.slug == slug)))


def list_members(organisation_id: int) -> list[Member]:
    """Return the people of an organisation, longest-standing first."""
    rows = db.session.execute(
        select(User.id, User.name, User.email, Membership.role, Membership.created_at)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.organisation_id == organisation_id)
        .order_by(Membership.created_at, Membership.id)
    )
    return [Member(user_id=r.id, name=r.name, email=r.email, role=r.role, since=r.created_at) for r in rows]


def list_tokens(organisation_id: int) -> list[TokenView]:
    """Return an organisation's tokens without their secrets: live ones first, then the revoked, newest first."""
    rows = db.session.execute(
        select(OrganisationToken, User.name.label("author"))
        .outerjoin(User, User.id == OrganisationToken.created_by)
        .where(OrganisationToken.organisation_id == organisation_id)
        .order_by(OrganisationToken.revoked_at.is_not(None), OrganisationToken.id.desc())
        .limit(200)
    )
    return [
        TokenView(
            id=token.id,
            name=token.name,
            role=cast("Role", token.role),
            public_id=token.public_id,
            last_four=token.last_four,
            created_by=author,
            created_at=token.created_at,
            last_used_at=token.last_used_at,
            revoked_at=token.revoked_at,
        )
        for token, author in rows
    ]


def list_sessions(user_id: int, current_id: int | None, now: datetime) -> list[SessionView]:
    """Return the live sessions of a person, the one that asks first."""
    rows = db.session.scalars(
        select(UserSession)
        .where(
            UserSession.user_id == user_id,
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > now,
            UserSession.last_seen_at > now - SESSION_IDLE,
        )
        .order_by((UserSession.id == current_id).desc(), UserSession.last_seen_at.desc())
        .limit(50)
    )
    return [
        SessionView(
            id=row.id,
            user_agent=row.user_agent,
            ip=row.ip,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            is_current=row.id == current_id,
        )
        for row in rows
    ]


def _organisation_of(row: Row[Any]) -> dict[str, Any]:
    return {
        "organisation_id": row.organisation_id,
        "organisation_slug": row.slug,
        "organisation_name": row.organisation_name,
        "role": row.role,
        "account_id": row.account_id,
    }


def _view(row: Organisation | None) -> OrganisationView:
    if row is None:
        raise UnknownOrganisation
    return OrganisationView(
        id=row.id,
        slug=row.slug,
        name=row.name,
        description=row.description,
        website=row.website,
        is_verified=row.is_verified,
        billing_email=row.billing_email,
        about=row.about,
        support=row.support,
        logo=row.logo,
    )


def find_organisation_by_name(name: str) -> int | None:
    """Return the oldest organisation of a name, or None. Names are not unique; addresses go by slug."""
    return db.session.scalar(
        select(Organisation.id).where(Organisation.name == name).order_by(Organisation.id).limit(1)
    )
