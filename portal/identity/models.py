"""People, organisations, memberships, sessions and organisation tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class User(Base):
    """A person. The e-mail address keeps its letter case and is unique without it."""

    __tablename__ = "users"
    __table_args__ = (Index("users_email", func.lower(text("email")), unique=True),)

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str | None]
    locale: Mapped[str] = mapped_column(server_default=text("'en'"))
    time_zone: Mapped[str] = mapped_column(server_default=text("'UTC'"))
    is_operator: Mapped[bool] = mapped_column(server_default=text("false"))
    email_confirmed_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class Organisation(Base):
    """Whoever owns things: a team, a company, one person's own."""

    __tablename__ = "organisations"
    __table_args__ = (CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="organisations_slug"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str | None]
    website: Mapped[str | None]
    is_verified: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class Membership(Base):
    """A person's role in an organisation."""

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("organisation_id", "user_id", name="memberships_once"),
        CheckConstraint("role IN ('owner', 'admin', 'developer', 'billing', 'viewer')", name="memberships_role"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    role: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class UserSession(Base):
    """A signed-in browser. The cookie holds a random token; the row holds its hash and can be revoked."""

    __tablename__ = "user_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    user_agent: Mapped[str | None]
    ip: Mapped[str | None]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class OrganisationToken(Base):
    """A bearer credential for scripts of an organisation; the text is shown once, a keyed hash is kept."""

    __tablename__ = "organisation_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str]
    role: Mapped[str] = mapped_column(server_default=text("'developer'"))
    public_id: Mapped[str] = mapped_column(unique=True)
    token_hash: Mapped[bytes]
    last_four: Mapped[str]
    created_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SignInAttempt(Base):
    """A try at a password, counted per address and per account. In PostgreSQL, so losing Redis opens nothing."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (
        Index("sign_in_attempts_email", "email_hash", "at"),
        Index("sign_in_attempts_ip", "ip", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email_hash: Mapped[bytes]
    ip: Mapped[str]
    succeeded: Mapped[bool]
    at: Mapped[datetime]
