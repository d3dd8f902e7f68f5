"""Projects, apps, accounts and features. Project 1 is the marketplace itself."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base
from portal.projects.types import SCOPES


class Project(Base):
    """A product that bills through us; owns products, features, apps and accounts."""

    __tablename__ = "projects"
    __table_args__ = (Index("projects_organisation", "organisation_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class App(Base):
    """A program of an integrator inside one project: what it may do, how often, and where it may send people back to."""

    __tablename__ = "apps"
    __table_args__ = (
        UniqueConstraint("project_id", "name", name="apps_name"),
        CheckConstraint("requests_per_minute BETWEEN 1 AND 100000", name="apps_rate"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    name: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    scopes: Mapped[list[str]] = mapped_column(server_default=text(f"'{{{','.join(SCOPES)}}}'"))
    redirect_origins: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    requests_per_minute: Mapped[int] = mapped_column(server_default=text("600"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class AppKey(Base):
    """A key of an app. At most one lasts; the others end at `expires_at`, when they were replaced with an overlap."""

    __tablename__ = "app_keys"
    __table_args__ = (
        Index(
            "app_keys_one_lasting",
            "app_id",
            unique=True,
            postgresql_where=text("expires_at IS NULL AND revoked_at IS NULL"),
        ),
        Index("app_keys_app", "app_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    app_id: Mapped[int] = mapped_column(ForeignKey("apps.id"))
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    public_id: Mapped[str] = mapped_column(unique=True)
    key_hash: Mapped[bytes] = mapped_column(unique=True)
    last_four: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Account(Base):
    """Whoever is billed inside a project: an end user, an organisation, a shop, a tenant."""

    __tablename__ = "accounts"
    __table_args__ = (
        UniqueConstraint("project_id", "external_id", name="accounts_external"),
        CheckConstraint("kind IN ('user', 'org', 'shop', 'tenant')", name="accounts_kind"),
        CheckConstraint("(kind = 'org' AND organisation_id IS NOT NULL) OR kind <> 'org'", name="accounts_org"),
        Index("accounts_organisation", "organisation_id", unique=True, postgresql_where=text("project_id = 1")),
        Index("accounts_newest", "project_id", "id"),
        Index(
            "accounts_words",
            "external_id",
            "name",
            "email",
            postgresql_using="gin",
            postgresql_ops=dict.fromkeys(("external_id", "name", "email"), "gin_trgm_ops"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    external_id: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str | None]
    email: Mapped[str | None]
    currency: Mapped[str] = mapped_column(server_default=text("'eur'"))
    entitlement_version: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class StripeCustomer(Base):
    """Which Stripe customer an account is, per mode. Written once; a webhook may never re-map it.

    `billing_version` is the version of the organisation's billing details that the customer says, None for those it was
    made with; `billing_problem` what the provider did not take of them.
    """

    __tablename__ = "stripe_customers"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    livemode: Mapped[bool] = mapped_column(primary_key=True)
    stripe_customer_id: Mapped[str] = mapped_column(unique=True)
    billing_version: Mapped[int | None]
    billing_problem: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class Feature(Base):
    """Something an account may be entitled to; entitlement answers carry its code."""

    __tablename__ = "features"
    __table_args__ = (
        UniqueConstraint("project_id", "code", name="features_code"),
        CheckConstraint("code ~ '^[a-z0-9][a-z0-9_.:-]{0,99}$'", name="features_code_shape"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"))
    code: Mapped[str]
    name: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
