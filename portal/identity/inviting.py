"""Asking people by mail to act for an organisation. The link proves the address, so whoever opens it needs no other proof."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.dialects.postgresql import insert

from portal.audit.service import record
from portal.db import db
from portal.identity import confirming, links, service
from portal.identity.errors import (
    AlreadyMember,
    LinkGone,
    NotYours,
    OtherAddress,
    TooManyInvitations,
    UnknownInvitation,
)
from portal.identity.links import LIFETIME
from portal.identity.models import Invitation, Membership, Organisation, User
from portal.identity.passwords import Hashing
from portal.identity.rules import may_give, normalise_email
from portal.identity.types import InvitationView
from portal.outbox.service import announce_mail
from portal.web.principal import Role

MOST_OPEN = 100


def invite(organisation_id: int, email: str, role: Role, *, by: int, acting: Role, locale: str, now: datetime) -> int:
    """Ask somebody to join. Raises NotYours, AlreadyMember (or asked already), TooManyInvitations."""
    email = normalise_email(email)
    if not may_give(acting, "viewer", role):
        raise NotYours
    if db.session.scalar(_member(organisation_id, email)) is not None:
        raise AlreadyMember
    open_ones = select(func.count()).where(*_open(organisation_id))
    if (db.session.scalar(open_ones) or 0) >= MOST_OPEN:
        raise TooManyInvitations
    invited: int | None = db.session.scalar(
        insert(Invitation)
        .values(
            organisation_id=organisation_id,
            email=email,
            role=role,
            locale=locale,
            invited_by=by,
            created_at=now,
            expires_at=now + LIFETIME["invite"],
        )
        .on_conflict_do_nothing()
        .returning(Invitation.id)
    )
    if invited is None:
        raise AlreadyMember
    _note("member.invited", invited, organisation_id, by, after={"email": email, "role": role})
    announce_mail("identity.invitation", f"{invited}:1", invitation_id=invited)
    return invited


def send_again(organisation_id: int, invitation_id: int, *, by: int, now: datetime) -> None:
    """Send another mail, whose link lives its full time. Raises UnknownInvitation."""
    row = _get(organisation_id, invitation_id)
    row.sendings, row.expires_at = row.sendings + 1, now + LIFETIME["invite"]
    _note("invitation.sent-again", invitation_id, organisation_id, by)
    announce_mail("identity.invitation", f"{invitation_id}:{row.sendings}", invitation_id=invitation_id)


def revoke(organisation_id: int, invitation_id: int, *, by: int, now: datetime) -> None:
    """Take an invitation back; its links open nothing from now on. Raises UnknownInvitation."""
    _get(organisation_id, invitation_id).revoked_at = now
    _note("invitation.revoked", invitation_id, organisation_id, by)


def list_open(organisation_id: int, now: datetime) -> list[InvitationView]:
    """Return the invitations nobody has answered, newest first."""
    rows = db.session.execute(_views().where(*_open(organisation_id)).order_by(Invitation.id.desc()))
    return [_view(row, now) for row in rows]


def find(invitation_id: int, now: datetime) -> InvitationView | None:
    """Return an invitation that is still open, for the mail that carries it."""
    row = db.session.execute(
        _views().where(
            Invitation.id == invitation_id, Invitation.accepted_at.is_(None), Invitation.revoked_at.is_(None)
        )
    ).one_or_none()
    return _view(row, now) if row else None


def get_by_link(text: str, now: datetime) -> InvitationView:
    """Return what a link invites to. Raises LinkGone, also for an invitation that was answered or taken back."""
    link = links.get("invite", text, now)
    found = find(link.invitation_id or 0, now)
    if found is None or found.is_expired:  # a mail that was late carries a link that would outlive it
        raise LinkGone
    return found


def accept(text: str, user_id: int, *, now: datetime) -> int:
    """Join with an account; return the organisation. Raises LinkGone, OtherAddress, EmailTaken."""
    invitation = _take(text, now)
    user = db.session.get(User, user_id)
    if user is None or user.email.lower() != invitation.email.lower():
        raise OtherAddress
    if user.email_confirmed_at is None:
        confirming.set_confirmed(user_id, user.email, now=now)  # the mail has just proven it
    return _join(invitation, user_id, now)


def sign_up_by_link(
    text: str, name: str, password: str, *, now: datetime, hashing: Hashing, locale: str
) -> tuple[int, int]:
    """Make an account for the invited address and join; return person and organisation. Raises LinkGone, EmailTaken."""
    invitation = _take(text, now)
    person = service.make_person(
        invitation.email, password, name, now=now, hashing=hashing, locale=locale, confirmed_at=now
    )
    return person, _join(invitation, person, now)


def has_account(email: str) -> bool:
    """True when somebody has confirmed the address. For whoever holds a link that was sent to it."""
    known = select(User.id).where(func.lower(User.email) == func.lower(email), User.email_confirmed_at.is_not(None))
    return db.session.scalar(known) is not None


def _take(text: str, now: datetime) -> Invitation:
    link = links.use("invite", text, now)
    row = db.session.get(Invitation, link.invitation_id or 0, with_for_update=True)
    if row is None or row.accepted_at is not None or row.revoked_at is not None or row.expires_at <= now:
        raise LinkGone
    return row


def _join(invitation: Invitation, user_id: int, now: datetime) -> int:
    invitation.accepted_at, invitation.accepted_by = now, user_id
    db.session.execute(
        insert(Membership)
        .values(organisation_id=invitation.organisation_id, user_id=user_id, role=invitation.role, created_at=now)
        .on_conflict_do_nothing()
    )
    _note("member.joined", invitation.id, invitation.organisation_id, user_id, after={"role": invitation.role})
    return invitation.organisation_id


def _get(organisation_id: int, invitation_id: int) -> Invitation:
    row = db.session.scalar(
        select(Invitation).where(Invitation.id == invitation_id, *_open(organisation_id)).with_for_update()
    )
    if row is None:
        raise UnknownInvitation
    return row


def _open(organisation_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Invitation.organisation_id == organisation_id,
        Invitation.accepted_at.is_(None),
        Invitation.revoked_at.is_(None),
    )


def _member(organisation_id: int, email: str) -> Select[int]:
    return (
        select(Membership.id)
        .join(User, User.id == Membership.user_id)
        .where(
            Membership.organisation_id == organisation_id,
            func.lower(User.email) == func.lower(email),
            User.email_confirmed_at.is_not(None),
        )
    )


def _views() -> Select[Invitation, str, str]:
    return (
        select(Invitation, Organisation.name.label("organisation_name"), User.name.label("inviter"))
        .join(Organisation, Organisation.id == Invitation.organisation_id)
        .outerjoin(User, User.id == Invitation.invited_by)
    )


def _view(row: Row[Invitation, str, str], now: datetime) -> InvitationView:
    one: Invitation = row.Invitation
    return InvitationView(
        id=one.id,
        organisation_id=one.organisation_id,
        organisation_name=row.organisation_name,
        email=one.email,
        role=cast("Role", one.role),
        locale=one.locale,
        invited_by=row.inviter,
        created_at=one.created_at,
        expires_at=one.expires_at,
        is_expired=one.expires_at <= now,
    )


def _note(action: str, invitation_id: int, organisation_id: int, by: int, after: dict[str, str] | None = None) -> None:
    record(action, f"invitation:{invitation_id}", actor=f"user:{by}", organisation_id=organisation_id, after=after)
