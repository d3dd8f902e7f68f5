"""Who acts for an organisation, and as what. Each act locks the organisation, so two at once cannot leave it ownerless."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import delete, func, select, update

from portal.audit.service import record
from portal.db import db
from portal.identity.billing import note_change
from portal.identity.errors import LastOwner, NotYours, UnknownMember
from portal.identity.models import Membership, Organisation, OrganisationToken, UserSession
from portal.identity.rules import may_give
from portal.logos import service as logos
from portal.outbox.service import announce_mail
from portal.web.principal import Role


def change_role(organisation_id: int, user_id: int, role: Role, *, by: int) -> None:
    """Give a member another role. Raises UnknownMember, NotYours, LastOwner."""
    _lock(organisation_id)
    acting, member = _membership(organisation_id, by), _membership(organisation_id, user_id)
    if not may_give(cast("Role", acting.role), cast("Role", member.role), role):
        raise NotYours
    if member.role == role:
        return
    if member.role == "owner":
        _refuse_without_owner(organisation_id)
    before, member.role = member.role, role
    record(
        "member.role-changed",
        f"user:{user_id}",
        actor=f"user:{by}",
        organisation_id=organisation_id,
        before={"role": before},
        after={"role": role},
    )


def remove(organisation_id: int, user_id: int, *, by: int, now: datetime) -> int:
    """End a membership, one's own or another's; return how many tokens ended with it. Takes effect with the next request.

    Organisation tokens that the member made are revoked, because they know them. Raises UnknownMember, NotYours, LastOwner.
    """
    _lock(organisation_id)
    acting, member = _membership(organisation_id, by), _membership(organisation_id, user_id)
    if by != user_id and not may_give(cast("Role", acting.role), cast("Role", member.role), "viewer"):
        raise NotYours
    if member.role == "owner":
        _refuse_without_owner(organisation_id)
    db.session.execute(delete(Membership).where(Membership.id == member.id))
    _leave_sessions(organisation_id, user_id)
    revoked = db.session.execute(
        update(OrganisationToken)
        .where(
            OrganisationToken.organisation_id == organisation_id,
            OrganisationToken.created_by == user_id,
            OrganisationToken.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .returning(OrganisationToken.id)
    ).all()
    action = "member.left" if by == user_id else "member.removed"
    after = {"role": member.role, "tokens_revoked": len(revoked)}
    record(action, f"user:{user_id}", actor=f"user:{by}", organisation_id=organisation_id, before=after)
    if by != user_id:
        cause = f"{organisation_id}:{user_id}:{now.isoformat()}"
        announce_mail("identity.removed", cause, user_id=user_id, organisation_id=organisation_id)
    return len(revoked)


def change_organisation(
    organisation_id: int,
    *,
    name: str,
    description: str | None,
    website: str | None,
    about: str | None = None,
    support: str | None = None,
    actor: str,
) -> None:
    """Change what an organisation says about itself. Its address in the market stays: others link to it."""
    row = db.session.get(Organisation, organisation_id, with_for_update=True)
    if row is None:
        raise UnknownMember
    wanted = {"name": name, "description": description, "website": website, "about": about, "support": support}
    before = {key: getattr(row, key) for key in wanted}
    changed = {key: value for key, value in wanted.items() if value != before[key]}
    if not changed:
        return
    for key, value in changed.items():
        setattr(row, key, value)
    if "name" in changed:
        note_change(row)
    record(
        "organisation.changed",
        f"organisation:{organisation_id}",
        actor=actor,
        organisation_id=organisation_id,
        before={key: before[key] for key in changed},
        after=changed,
    )


def choose_logo(organisation_id: int, digest: str | None, *, actor: str) -> None:
    """Use one of the organisation's pictures as its logo, or none. Raises UnknownMember, UnknownLogo."""
    logos.check(organisation_id, digest)
    row = db.session.get(Organisation, organisation_id, with_for_update=True)
    if row is None:
        raise UnknownMember
    before, row.logo = row.logo, digest
    if before != digest:
        logos.set_aside(organisation_id, before)
        record(
            "organisation.logo-changed",
            f"organisation:{organisation_id}",
            actor=actor,
            organisation_id=organisation_id,
            before={"logo": before},
            after={"logo": digest},
        )


def _lock(organisation_id: int) -> None:
    db.session.execute(select(Organisation.id).where(Organisation.id == organisation_id).with_for_update())


def _membership(organisation_id: int, user_id: int) -> Membership:
    found = db.session.scalar(
        select(Membership).where(Membership.organisation_id == organisation_id, Membership.user_id == user_id)
    )
    if found is None:
        raise UnknownMember
    return found


def _refuse_without_owner(organisation_id: int) -> None:
    owners = select(func.count()).where(Membership.organisation_id == organisation_id, Membership.role == "owner")
    if (db.session.scalar(owners) or 0) < 2:
        raise LastOwner


def _leave_sessions(organisation_id: int, user_id: int) -> None:
    """Let the person's browsers act for another organisation of theirs, or for none."""
    other = (
        select(Membership.organisation_id).where(Membership.user_id == user_id).order_by(Membership.id).limit(1)
    ).scalar_subquery()
    db.session.execute(
        update(UserSession)
        .where(UserSession.user_id == user_id, UserSession.organisation_id == organisation_id)
        .values(organisation_id=other)
    )
