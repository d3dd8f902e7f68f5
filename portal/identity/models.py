"""People, organisations, memberships, sessions, organisation tokens, and what proves who somebody is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base


class User(Base):
    """A person. The e-mail address keeps its letter case.

    An address belongs to one person once they have confirmed it; before that, anybody may have typed it (ADR 0010).
    """

    __tablename__ = "users"
    __table_args__ = (
        Index(
            "users_email",
            func.lower(text("email")),
            unique=True,
            postgresql_where=text("email_confirmed_at IS NOT NULL"),
        ),
        Index("users_any_email", func.lower(text("email"))),
    )

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
    """Whoever owns things: a team, a company, one person's own.

    `description` is one line, `about` Markdown for its page in the market, `support` an e-mail or web address; `logo` names
    one of its pictures.
    """

    __tablename__ = "organisations"
    __table_args__ = (
        CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="organisations_slug"),
        ForeignKeyConstraint(
            ["id", "logo"], ["logos.organisation_id", "logos.digest"], name="organisations_logo", use_alter=True
        ),
        Index("organisations_words", func.portal_words(text("name")), postgresql_using="gin"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    description: Mapped[str | None]
    about: Mapped[str | None]
    website: Mapped[str | None]
    support: Mapped[str | None]
    logo: Mapped[str | None]
    billing_email: Mapped[str | None]
    billing_version: Mapped[int] = mapped_column(server_default=text("0"))
    is_verified: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class BillingProfile(Base):
    """Whom invoices are made out to, where that is another than the organisation's name. No row: nothing was said.

    `country` is ISO 3166; `tax_number` is held to the form of that country's numbers, never verified with an office.
    """

    __tablename__ = "billing_profiles"
    __table_args__ = (
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="billing_profiles_country"),
        CheckConstraint("tax_number IS NULL OR country IS NOT NULL", name="billing_profiles_tax"),
    )

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), primary_key=True, autoincrement=False)
    name: Mapped[str | None]
    line1: Mapped[str | None]
    line2: Mapped[str | None]
    postal_code: Mapped[str | None]
    city: Mapped[str | None]
    state: Mapped[str | None]
    country: Mapped[str | None]
    tax_number: Mapped[str | None]
    changed_at: Mapped[datetime]


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
    """A try at a password or a code, or a mail somebody asked for, counted per account and per network address.

    In PostgreSQL, so losing Redis opens nothing.
    """

    __tablename__ = "sign_in_attempts"
    __table_args__ = (
        Index("sign_in_attempts_email", "email_hash", "at"),
        Index("sign_in_attempts_ip", "ip", "at"),
        CheckConstraint("kind IN ('password', 'code', 'mail')", name="sign_in_attempts_kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(server_default=text("'password'"))
    email_hash: Mapped[bytes]
    ip: Mapped[str]
    succeeded: Mapped[bool]
    at: Mapped[datetime]


class Invitation(Base):
    """Somebody was asked, by mail, to act for an organisation. Open until accepted or revoked; the link ends earlier."""

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint("role IN ('owner', 'admin', 'developer', 'billing', 'viewer')", name="invitations_role"),
        CheckConstraint("accepted_at IS NULL OR revoked_at IS NULL", name="invitations_one_end"),
        Index(
            "invitations_open",
            "organisation_id",
            func.lower(text("email")),
            unique=True,
            postgresql_where=text("accepted_at IS NULL AND revoked_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    email: Mapped[str]
    role: Mapped[str]
    locale: Mapped[str]
    invited_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    sendings: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    revoked_at: Mapped[datetime | None]


class MailLink(Base):
    """A link in a mail: works once, ends by itself. `cause` is the mail's key, so a mail sent again carries the same link."""

    __tablename__ = "mail_links"
    __table_args__ = (
        CheckConstraint("purpose IN ('confirm', 'reset', 'address', 'invite')", name="mail_links_purpose"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    cause: Mapped[str] = mapped_column(unique=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"), index=True)
    invitation_id: Mapped[int | None] = mapped_column(ForeignKey("invitations.id"))
    email: Mapped[str]
    salt: Mapped[bytes]
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SecondFactor(Base):
    """The authenticator app of a person. Counts once a first code has been typed; `last_step` forbids using one twice."""

    __tablename__ = "second_factors"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True, autoincrement=False)
    sealed_secret: Mapped[bytes]
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(server_default=text("0"))


class RecoveryCode(Base):
    """A code for the day the phone is gone. Shown once, kept as a keyed hash, good for one sign-in."""

    __tablename__ = "recovery_codes"
    __table_args__ = (UniqueConstraint("user_id", "code_hash", name="recovery_codes_once"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    code_hash: Mapped[bytes]
    used_at: Mapped[datetime | None]


class SecondStep(Base):
    """A browser whose person has given the right password and still owes the code."""

    __tablename__ = "second_steps"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
