"""Products, plans and prices. A price is immutable once written: a change is a new version of it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.db import Base


class Product(Base):
    """What is sold: one API, one tool. At most one live subscription per account and product."""

    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    feature_id: Mapped[int | None] = mapped_column(ForeignKey("features.id"))
    name: Mapped[str]
    description: Mapped[str | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class Plan(Base):
    """A sellable offer of a product: its limits here, its price in the active price rows."""

    __tablename__ = "plans"
    __table_args__ = (
        UniqueConstraint("product_id", "code", name="plans_code"),
        CheckConstraint("requests_per_minute > 0", name="plans_rate"),
        CheckConstraint("code ~ '^[a-z0-9][a-z0-9_-]{0,62}$'", name="plans_code_shape"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    code: Mapped[str]
    name: Mapped[str]
    summary: Mapped[str] = mapped_column(server_default=text("''"))
    position: Mapped[int] = mapped_column(server_default=text("0"))
    requests_per_minute: Mapped[int | None]
    highlights: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))


class PlanFeature(Base):
    """A right that a plan gives beside its product's own; `quantity` of it for each unit subscribed, None counts nothing."""

    __tablename__ = "plan_features"
    __table_args__ = (CheckConstraint("quantity >= 0", name="plan_features_quantity"),)

    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"), primary_key=True, autoincrement=False)
    feature_id: Mapped[int] = mapped_column(ForeignKey("features.id"), primary_key=True, autoincrement=False)
    quantity: Mapped[Decimal | None]


class Price(Base):
    """What one period of a plan costs: a recurring amount, plus usage beyond what is included.

    `amount` is minor units per period. `unit_amount` is minor units per call (or per package) and may be a
    fraction. `included_quantity` calls are free each period. No `usage_model` means usage beyond the included
    quantity is refused (a hard quota), or unlimited when nothing is included either.

    A `one_time` price is paid once and gives its features for `access_days` days, for good without one.
    """

    __tablename__ = "prices"
    __table_args__ = (
        UniqueConstraint("plan_id", "currency", "version", name="prices_version"),
        Index("prices_active", "plan_id", "currency", unique=True, postgresql_where=text("active")),
        CheckConstraint("amount >= 0", name="prices_amount"),
        CheckConstraint("unit_amount >= 0", name="prices_unit_amount"),
        CheckConstraint("included_quantity >= 0", name="prices_included"),
        CheckConstraint("trial_days BETWEEN 0 AND 730", name="prices_trial"),
        CheckConstraint("interval IN ('day', 'week', 'month', 'year')", name="prices_interval"),
        CheckConstraint("interval_count BETWEEN 1 AND 36", name="prices_interval_count"),
        CheckConstraint("usage_model IN ('per_unit', 'package', 'graduated', 'volume')", name="prices_usage_model"),
        CheckConstraint(
            "(usage_model IN ('per_unit', 'package')) = (unit_amount IS NOT NULL)", name="prices_unit_when"
        ),
        CheckConstraint("(usage_model = 'package') = (package_size IS NOT NULL)", name="prices_package_when"),
        CheckConstraint("package_size > 0", name="prices_package_size"),
        CheckConstraint(
            "NOT one_time OR (trial_days = 0 AND usage_model IS NULL AND included_quantity IS NULL)",
            name="prices_one_time",
        ),
        CheckConstraint("one_time OR access_days IS NULL", name="prices_access_when"),
        CheckConstraint("access_days BETWEEN 1 AND 36500", name="prices_access"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plans.id"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    currency: Mapped[str]
    amount: Mapped[int]
    interval: Mapped[str] = mapped_column(server_default=text("'month'"))
    interval_count: Mapped[int] = mapped_column(server_default=text("1"))
    trial_days: Mapped[int] = mapped_column(server_default=text("0"))
    included_quantity: Mapped[int | None]
    usage_model: Mapped[str | None]
    unit_amount: Mapped[Decimal | None]
    package_size: Mapped[int | None]
    one_time: Mapped[bool] = mapped_column(server_default=text("false"))
    access_days: Mapped[int | None]
    stripe_price_id: Mapped[str | None] = mapped_column(unique=True)
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))

    plan: Mapped[Plan] = relationship(lazy="raise")
    tiers: Mapped[list[PriceTier]] = relationship(order_by="PriceTier.ordinal", lazy="selectin")


class PriceTier(Base):
    """One step of a tiered price. `up_to` is inclusive; exactly one tier per price is open-ended (NULL)."""

    __tablename__ = "price_tiers"
    __table_args__ = (
        UniqueConstraint("price_id", "up_to", name="price_tiers_bound"),
        Index("price_tiers_one_open_end", "price_id", unique=True, postgresql_where=text("up_to IS NULL")),
        CheckConstraint(
            "ordinal >= 1 AND unit_amount >= 0 AND flat_amount >= 0 AND up_to > 0", name="price_tiers_signs"
        ),
    )

    price_id: Mapped[int] = mapped_column(ForeignKey("prices.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    up_to: Mapped[Decimal | None]
    unit_amount: Mapped[Decimal] = mapped_column(server_default=text("0"))
    flat_amount: Mapped[int] = mapped_column(server_default=text("0"))
