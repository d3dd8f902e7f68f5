"""Commands of identity: one function per thing a person does."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from portal.audit.service import record
from portal.db import db
from portal.identity import links, second_factor, throttle
from portal.identity.errors import EmailTaken, NotAMember, UnknownSession, UnknownToken
from portal.identity.models import Membership, Organisation, OrganisationToken, User, UserSession
from portal.identity.passwords import Hashing
from portal.identity.rules import (
    KEPT_AFTER_END,
    SESSION_ABSOLUTE,
    TOKEN_PREFIX,
    clean_name,
    normalise_email,
    printable,
    slug_of,
)
from portal.identity.types import IssuedToken, NewPerson, SessionToken
from portal.kit.tokens import keyed_hash, new_token, plain_hash, random_text
from portal.outbox.service import announce_mail
from portal.web.principal import Role


def sign_up(
    email: str,
    password: str,
    name: str,
    organisation_name: str,
    *,
    now: datetime,
    hashing: Hashing | None = None,
    locale: str = "en",
    is_confirmed: bool = True,
) -> NewPerson:
    """Make a person and an organisation they own. The password must have passed the policy.

    Whoever vouches for the address (the demo, a script) makes a confirmed person; raises EmailTaken when there is one.
    A stranger's address is unconfirmed, which never clashes with anybody's, and a mail to it is announced.
    """
    confirmed_at = now if is_confirmed else None
    person = make_person(email, password, name, now=now, hashing=hashing, locale=locale, confirmed_at=confirmed_at)
    organisation = create_organisation(person, organisation_name, now=now)
    if not is_confirmed:
        announce_mail("identity.confirm", f"signed-up:{person}", user_id=person)
    return NewPerson(user_id=person, organisation_id=organisation)


def create_organisation(user_id: int, name: str, *, now: datetime) -> int:
    """Make an organisation that a person owns; return its number."""
    organisation = _make_organisation(clean_name(name), now)
    db.session.add(Membership(organisation_id=organisation, user_id=user_id, role="owner", created_at=now))
    subject = f"organisation:{organisation}"
    record("organisation.created", subject, actor=f"user:{user_id}", organisation_id=organisation)
    return organisation


def join(
    email: str, password: str, name: str, organisation_id: int, role: Role, *, now: datetime, actor: str
) -> NewPerson:
    """Make a person, whose address is vouched for, in an organisation that exists. Raises EmailTaken."""
    person = make_person(email, password, name, now=now, confirmed_at=now)
    db.session.add(Membership(organisation_id=organisation_id, user_id=person, role=role, created_at=now))
    record("member.joined", f"user:{person}", actor=actor, organisation_id=organisation_id, after={"role": role})
    return NewPerson(user_id=person, organisation_id=organisation_id)


def make_operator(user_id: int, *, actor: str) -> None:
    """Let a person operate the platform."""
    db.session.execute(update(User).where(User.id == user_id).values(is_operator=True))
    record("operator.appointed", f"user:{user_id}", actor=actor)


def make_person(
    email: str,
    password: str,
    name: str,
    *,
    now: datetime,
    hashing: Hashing | None = None,
    locale: str = "en",
    confirmed_at: datetime | None = None,
) -> int:
    """Make a person; return their number. Raises EmailTaken when the address is confirmed and somebody's already."""
    person: int | None = db.session.scalar(
        insert(User)
        .values(
            email=normalise_email(email),
            name=clean_name(name),
            password_hash=(hashing or Hashing()).hash(password),
            locale=locale,
            created_at=now,
            email_confirmed_at=confirmed_at,
        )
        .on_conflict_do_nothing()
        .returning(User.id)
    )
    if person is None:
        raise EmailTaken
    return person


def start_session(
    user_id: int, *, ip: str, user_agent: str | None, now: datetime, organisation_id: int | None = None
) -> SessionToken:
    """Start a session for a person whose identity is proven, acting for one of theirs or the organisation joined first."""
    first = select(Membership.organisation_id).where(Membership.user_id == user_id).order_by(Membership.id).limit(1)
    text, expires = random_text(), now + SESSION_ABSOLUTE
    organisation = organisation_id or db.session.scalar(first)
    db.session.add(
        UserSession(
            token_hash=plain_hash(text),
            user_id=user_id,
            organisation_id=organisation,
            user_agent=printable(user_agent or "", 400),
            ip=ip,
            created_at=now,
            last_seen_at=now,
            expires_at=expires,
        )
    )
    db.session.flush()  # the next statement of this unit of work looks it up
    return SessionToken(text=text, user_id=user_id, organisation_id=organisation, expires_at=expires)


def end_session(user_id: int, session_id: int, *, now: datetime) -> None:
    """End one session of a person. Raises UnknownSession when it is not theirs or has ended."""
    ended = db.session.scalar(
        update(UserSession)
        .where(UserSession.id == session_id, UserSession.user_id == user_id, UserSession.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(UserSession.id)
    )
    if ended is None:
        raise UnknownSession


def end_session_quietly(user_id: int, session_id: int, *, now: datetime) -> None:
    """End a session that a new one replaces; it may have ended already."""
    with suppress(UnknownSession):
        end_session(user_id, session_id, now=now)


def end_all_sessions(user_id: int, *, now: datetime, keep: int | None = None) -> int:
    """End every session of a person, except `keep`. Returns how many ended. Takes effect with their next request."""
    ended = db.session.scalars(
        update(UserSession)
        .where(UserSession.user_id == user_id, UserSession.revoked_at.is_(None), UserSession.id != (keep or 0))
        .values(revoked_at=now)
        .returning(UserSession.id)
    ).all()
    record("sessions.ended", f"user:{user_id}", actor=f"user:{user_id}", after={"count": len(ended)})
    return len(ended)


def switch_organisation(user_id: int, session_id: int, organisation_id: int) -> None:
    """Let a session act for another organisation of its person. Raises NotAMember."""
    belongs = select(Membership.id).where(Membership.user_id == user_id, Membership.organisation_id == organisation_id)
    if db.session.scalar(belongs) is None:
        raise NotAMember
    mine = (UserSession.id == session_id, UserSession.user_id == user_id)
    db.session.execute(update(UserSession).where(*mine).values(organisation_id=organisation_id))


def change_profile(user_id: int, *, name: str, locale: str, time_zone: str) -> None:
    """Change how a person is called and in which language and zone they read."""
    db.session.execute(
        update(User).where(User.id == user_id).values(name=clean_name(name), locale=locale, time_zone=time_zone)
    )


def create_token(
    organisation_id: int, name: str, role: Role, *, created_by: int | None, now: datetime, pepper: bytes
) -> IssuedToken:
    """Make a bearer token of an organisation. Its text is in the answer and nowhere else."""
    fresh = new_token(TOKEN_PREFIX)
    row = OrganisationToken(
        organisation_id=organisation_id,
        name=clean_name(name),
        role=role,
        public_id=fresh.public_id,
        token_hash=keyed_hash(fresh.text, pepper),
        last_four=fresh.last_four,
        created_by=created_by,
        created_at=now,
    )
    db.session.add(row)
    db.session.flush()  # the trail names its id
    made = {"name": row.name, "role": role}
    _note_token("token.created", row.id, organisation_id, actor=f"user:{created_by}", after=made)
    return IssuedToken(id=row.id, name=row.name, text=fresh.text)


def revoke_token(organisation_id: int, token_id: int, *, now: datetime, actor: str) -> None:
    """End a token at once. Raises UnknownToken when the organisation has no such live one."""
    ended = db.session.scalar(
        update(OrganisationToken)
        .where(
            OrganisationToken.id == token_id,
            OrganisationToken.organisation_id == organisation_id,
            OrganisationToken.revoked_at.is_(None),
        )
        .values(revoked_at=now)
        .returning(OrganisationToken.id)
    )
    if ended is None:
        raise UnknownToken
    _note_token("token.revoked", token_id, organisation_id, actor=actor)


def note_session_use(session_id: int, now: datetime) -> None:
    """Remember that a session is in use; it ends after twelve hours without this."""
    db.session.execute(update(UserSession).where(UserSession.id == session_id).values(last_seen_at=now))


def note_token_use(token_id: int, now: datetime) -> None:
    """Remember when an organisation token was last used, so that its owner can tell which ones to revoke."""
    db.session.execute(update(OrganisationToken).where(OrganisationToken.id == token_id).values(last_used_at=now))


def forget_old(now: datetime) -> int:
    """Remove what nobody can use or count any more: ended sessions and links of a month ago, old attempts."""
    ended = or_(UserSession.expires_at < now - KEPT_AFTER_END, UserSession.revoked_at < now - KEPT_AFTER_END)
    gone = db.session.scalars(delete(UserSession).where(ended).returning(UserSession.id)).all()
    return len(gone) + throttle.forget_old(now) + second_factor.forget_old(now) + links.forget_old(now)


def _make_organisation(name: str, now: datetime) -> int:
    for slug in _slugs(slug_of(name)):
        made: int | None = db.session.scalar(
            insert(Organisation)
            .values(slug=slug, name=name, created_at=now)
            .on_conflict_do_nothing()
            .returning(Organisation.id)
        )
        if made is not None:
            return made
    raise AssertionError("unreachable: random addresses do not run out")


def _slugs(wish: str) -> Iterator[str]:
    yield wish
    yield from (f"{wish}-{number}" for number in range(2, 10))
    while True:
        yield f"{wish}-{secrets.token_hex(3)}"


def _note_token(
    action: str, token_id: int, organisation_id: int, *, actor: str, after: dict[str, Any] | None = None
) -> None:
    record(action, f"organisation-token:{token_id}", actor=actor, organisation_id=organisation_id, after=after)
