"""APIs, versions, documents and operations."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Computed, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, BIT, JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base

LISTED = "state IN ('published', 'deprecated')"
UNPRICED = f"(price_points[1] = -1 OR price_lines IS NULL) AND {LISTED}"


class Api(Base):
    """A listing. Lives at `/marketplace/<organisation>/<slug>` and is called at `<gateway>/<organisation>/<slug>`.

    `has_free` and `has_paid` follow the active prices (a trigger keeps them); `calls_30d`,
    `uptime_ppm` and `p95_ms` are copied from `api_facts` so that lists can be ordered by them (the last two are empty
    below the smallest sample that ranks); `is_verified` is the provider's (triggers); `is_new` lasts 30 days;
    `facets` is everything an API can be filtered by; `price_points` is the least it can cost per step of volume
    (`portal.catalog.finding.costs`), -1 while not computed, and `price_lines` are the lines below its costs, of the same
    moment; `provider_name` is the organisation's name, for searching (a trigger follows it); `logo` is its own picture,
    empty for its provider's.
    """

    __tablename__ = "apis"
    __table_args__ = (
        UniqueConstraint("organisation_id", "slug", name="apis_slug"),
        CheckConstraint("slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'", name="apis_slug_shape"),
        CheckConstraint("state IN ('draft', 'published', 'deprecated', 'retired', 'blocked')", name="apis_state"),
        CheckConstraint(
            "CASE WHEN state = 'blocked' THEN blocked_at IS NOT NULL AND blocked_reason IS NOT NULL"
            " AND COALESCE(blocked_from IN ('published', 'deprecated'), false)"
            " ELSE blocked_at IS NULL AND blocked_reason IS NULL AND blocked_from IS NULL END",
            name="apis_blocked",
        ),
        CheckConstraint("replaced_by <> id", name="apis_replaced_by_another"),
        ForeignKeyConstraint(
            ["organisation_id", "logo"], ["logos.organisation_id", "logos.digest"], name="apis_logo", use_alter=True
        ),
        Index("apis_search", "search", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        Index("apis_newest", text("published_at DESC"), text("id DESC"), postgresql_where=text(LISTED)),
        Index("apis_used", text("calls_30d DESC"), text("id DESC"), postgresql_where=text(LISTED)),
        Index("apis_by_name", text("lower(name)"), "id", postgresql_where=text(LISTED)),
        Index(
            "apis_reliable",
            text("uptime_ppm DESC NULLS LAST"),
            text("calls_30d DESC"),
            text("id DESC"),
            postgresql_where=text(LISTED),
        ),
        Index("apis_fast", "p95_ms", text("calls_30d DESC"), text("id DESC"), postgresql_where=text(LISTED)),
        Index("apis_facets", "facets", postgresql_using="gin", postgresql_where=text(LISTED)),
        Index("apis_updated", text("updated_at DESC"), text("id DESC"), postgresql_where=text(LISTED)),
        Index("apis_unpriced", "id", postgresql_where=text(UNPRICED)),
        Index("apis_new", "published_at", postgresql_where=text("is_new")),
        *(
            Index(f"apis_cheap_{n}", text(f"(price_points[{n}])"), "id", postgresql_where=text(LISTED))
            for n in range(1, 7)
        ),
        Index("apis_category", "category", text("calls_30d DESC"), text("id DESC"), postgresql_where=text(LISTED)),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"))
    product_id: Mapped[int | None] = mapped_column(ForeignKey("products.id"), unique=True)
    slug: Mapped[str]
    name: Mapped[str]
    summary: Mapped[str] = mapped_column(server_default=text("''"))
    description: Mapped[str] = mapped_column(server_default=text("''"))
    category: Mapped[str] = mapped_column(server_default=text("'other'"))
    tags: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    state: Mapped[str] = mapped_column(server_default=text("'draft'"))
    upstream_url: Mapped[str | None]
    logo: Mapped[str | None]
    operation_words: Mapped[str] = mapped_column(server_default=text("''"))
    provider_name: Mapped[str] = mapped_column(server_default=text("''"))
    has_free: Mapped[bool] = mapped_column(server_default=text("false"))
    has_paid: Mapped[bool] = mapped_column(server_default=text("false"))
    calls_30d: Mapped[int] = mapped_column(server_default=text("0"))
    migration_note: Mapped[str] = mapped_column(server_default=text("''"))
    deprecated_at: Mapped[datetime | None]
    sunset_at: Mapped[datetime | None]
    replaced_by: Mapped[int | None] = mapped_column(ForeignKey("apis.id"))
    blocked_at: Mapped[datetime | None]
    blocked_reason: Mapped[str | None]
    blocked_from: Mapped[str | None]
    no_card: Mapped[bool] = mapped_column(server_default=text("false"))
    metered: Mapped[bool] = mapped_column(server_default=text("false"))
    monthly_fee: Mapped[int | None]
    is_verified: Mapped[bool] = mapped_column(server_default=text("false"))
    auth: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    is_new: Mapped[bool] = mapped_column(server_default=text("false"))
    price_points: Mapped[list[int]] = mapped_column(
        ARRAY(BIGINT), server_default=text("'{-1,-1,-1,-1,-1,-1}'"), deferred=True
    )
    price_lines: Mapped[list[Any] | None] = mapped_column(JSONB, deferred=True)
    uptime_ppm: Mapped[int | None]
    p95_ms: Mapped[int | None]
    facets: Mapped[list[str]] = mapped_column(
        Computed(
            "catalog_facets(category, has_free, has_paid, no_card, metered, monthly_fee, is_verified, auth,"
            " uptime_ppm, p95_ms, is_new)",
            persisted=True,
        ),
        deferred=True,
    )
    published_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    updated_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    search: Mapped[Any] = mapped_column(
        TSVECTOR,
        Computed(
            "setweight(portal_words(name), 'A') || setweight(portal_words(summary), 'B')"
            " || setweight(portal_words(tags), 'B') || setweight(portal_words(provider_name), 'B')"
            " || setweight(portal_words(left(description, 20000)), 'C')"
            " || setweight(portal_words(left(operation_words, 200000)), 'D')",
            persisted=True,
        ),
        deferred=True,
    )


class ApiVersion(Base):
    """One version of an API, read from one OpenAPI document."""

    __tablename__ = "api_versions"
    __table_args__ = (
        UniqueConstraint("api_id", "name", name="api_versions_name"),
        CheckConstraint("state IN ('draft', 'published', 'deprecated', 'retired')", name="api_versions_state"),
        Index("api_versions_default", "api_id", unique=True, postgresql_where=text("is_default")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    api_id: Mapped[int] = mapped_column(ForeignKey("apis.id"))
    name: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=text("'published'"))
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))
    title: Mapped[str] = mapped_column(server_default=text("''"))
    openapi: Mapped[str]
    media_type: Mapped[str]
    document_sha256: Mapped[bytes]
    document: Mapped[bytes] = mapped_column(deferred=True)
    byte_size: Mapped[int]
    operation_count: Mapped[int]
    problems: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    overview: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    outline: Mapped[list[Any]] = mapped_column(server_default=text("'[]'"))
    created_at: Mapped[datetime] = mapped_column(server_default=text("clock_timestamp()"))
    deprecated_at: Mapped[datetime | None]
    sunset_at: Mapped[datetime | None]
    migration_note: Mapped[str] = mapped_column(server_default=text("''"))


class ApiOperation(Base):
    """One operation of a version, prepared at import so that a page reads one row however large the document is."""

    __tablename__ = "api_operations"
    __table_args__ = (
        UniqueConstraint("version_id", "slug", name="api_operations_slug"),
        UniqueConstraint("version_id", "ordinal", name="api_operations_ordinal"),
        Index("api_operations_tag", "version_id", "tag", "ordinal"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    version_id: Mapped[int] = mapped_column(ForeignKey("api_versions.id", ondelete="CASCADE"))
    ordinal: Mapped[int]
    slug: Mapped[str]
    method: Mapped[str]
    path: Mapped[str]
    summary: Mapped[str] = mapped_column(server_default=text("''"))
    tag: Mapped[str] = mapped_column(server_default=text("''"))
    deprecated: Mapped[bool] = mapped_column(server_default=text("false"))
    detail: Mapped[dict[str, Any]] = mapped_column(deferred=True)


class ApiFact(Base):
    """What was measured about an API over whole UTC days up to `asof`; no row means that nobody called it.

    The definitions are in docs/algorithms/measured-facts.md. `daily` holds thirty counts, the oldest day first.
    """

    __tablename__ = "api_facts"
    __table_args__ = (
        Index("api_facts_rising", text("growth_7d DESC"), text("api_id DESC"), postgresql_where=text("growth_7d > 0")),
    )

    api_id: Mapped[int] = mapped_column(ForeignKey("apis.id", ondelete="CASCADE"), primary_key=True)
    asof: Mapped[datetime]
    calls_30d: Mapped[int]
    failures_30d: Mapped[int]
    calls_90d: Mapped[int]
    failures_90d: Mapped[int]
    p95_ms: Mapped[int | None]
    daily: Mapped[list[int]] = mapped_column(ARRAY(BIGINT))
    growth_7d: Mapped[int] = mapped_column(server_default=text("0"))


class CatalogWord(Base):
    """A word of the listings and in how many of them it stands: what a mistyped search is corrected to."""

    __tablename__ = "catalog_words"
    __table_args__ = (
        Index("catalog_words_trigram", "word", postgresql_using="gin", postgresql_ops={"word": "gin_trgm_ops"}),
    )

    word: Mapped[str] = mapped_column(primary_key=True)
    apis: Mapped[int]


class CatalogCount(Base):
    """How many APIs are listed per category and kind of price, and per provider. Triggers keep it; nobody writes it.

    `organisation_id` 0 stands for every provider, an empty category or price for every one of them.
    """

    __tablename__ = "catalog_counts"
    __table_args__ = (
        Index(
            "catalog_counts_providers",
            text("listed DESC"),
            "organisation_id",
            postgresql_where=text("category = '' AND price = ''"),
        ),
    )

    category: Mapped[str] = mapped_column(primary_key=True)
    price: Mapped[str] = mapped_column(primary_key=True)
    organisation_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    listed: Mapped[int]


class CatalogShelf(Base):
    """One bit per listed API and facet, 4,096 APIs to a row; facet '' is "listed". Triggers keep it; nobody writes it."""

    __tablename__ = "catalog_shelf"
    __table_args__ = ({"postgresql_with": {"fillfactor": 60}},)

    block: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    facet: Mapped[str] = mapped_column(primary_key=True)
    bits: Mapped[Any] = mapped_column(BIT(4096))


class SavedApi(Base):
    """An API that a person keeps."""

    __tablename__ = "saved_apis"
    __table_args__ = (Index("saved_apis_api", "api_id"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    api_id: Mapped[int] = mapped_column(ForeignKey("apis.id", ondelete="CASCADE"), primary_key=True)
    saved_at: Mapped[datetime]


class SearchGap(Base):
    """Words somebody searched in vain and asked providers for: one row per person, words and UTC day.

    `who` is a keyed hash of the person or of a stranger's address, so that counting needs to know nobody.
    """

    __tablename__ = "search_gaps"
    __table_args__ = (
        CheckConstraint("length(words) BETWEEN 1 AND 100", name="search_gaps_words"),
        Index("search_gaps_words_day", "words", "day"),
    )

    day: Mapped[date] = mapped_column(primary_key=True)
    words: Mapped[str] = mapped_column(primary_key=True)
    who: Mapped[bytes] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
