"""How a product is called and where it lives: one query for any number of products."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from portal.catalog.rules import LISTED_STATES
from portal.db import db


@dataclass(frozen=True, slots=True)
class ProductLabel:
    """How a product is named and where it lives in the marketplace."""

    product_id: int
    feature_id: int | None
    api_id: int
    api_name: str
    api_slug: str
    organisation_name: str
    organisation_slug: str
    sample_path: str
    state: str
    blocked_at: datetime | None = None
    logo: str | None = None

    @property
    def is_listed(self) -> bool:
        """True while the market shows it; a draft and a retired API take no new subscriptions."""
        return self.state in LISTED_STATES

    @property
    def is_blocked(self) -> bool:
        """True while operators of the marketplace keep it shut."""
        return self.blocked_at is not None


def find_label(product_id: int) -> ProductLabel | None:
    """Return how a product is named, or None when it has no listing."""
    return labels([product_id]).get(product_id)


def find_label_of_api(api_id: int) -> ProductLabel | None:
    """Return how what an API sells is named, or None when it sells nothing."""
    product_id = db.session.scalar(text("SELECT product_id FROM apis WHERE id = :id"), {"id": api_id})
    return None if product_id is None else find_label(product_id)


def find_blocked(organisation: str, slug: str) -> int | None:
    """Return the product at an address whose API operators keep shut, or None when none is blocked there."""
    found = text(
        "SELECT a.product_id FROM apis a JOIN organisations o ON o.id = a.organisation_id"
        " WHERE o.slug = :organisation AND a.slug = :slug AND a.state = 'blocked'"
    )
    product_id: int | None = db.session.scalar(found, {"organisation": organisation, "slug": slug})
    return product_id


def labels(product_ids: list[int]) -> dict[int, ProductLabel]:
    """Return names and addresses of products in one query."""
    rows = db.session.execute(
        text(
            "SELECT p.id, p.feature_id, a.id AS api_id, a.name, a.slug, a.state, a.blocked_at, o.name AS organisation_name,"
            " o.slug AS organisation_slug, COALESCE(a.logo, o.logo) AS logo,"
            " COALESCE((SELECT op.path FROM api_versions v JOIN api_operations op"
            " ON op.version_id = v.id WHERE v.api_id = a.id AND v.is_default AND op.method = 'get'"
            " ORDER BY op.path LIKE '%{%', op.ordinal LIMIT 1), '/') AS sample_path"
            " FROM products p JOIN apis a ON a.product_id = p.id JOIN organisations o ON o.id = a.organisation_id"
            " WHERE p.id = ANY(:ids)"
        ),
        {"ids": product_ids},
    )
    return {
        row.id: ProductLabel(
            product_id=row.id,
            feature_id=row.feature_id,
            api_id=row.api_id,
            api_name=row.name,
            api_slug=row.slug,
            organisation_name=row.organisation_name,
            organisation_slug=row.organisation_slug,
            sample_path=row.sample_path,
            state=row.state,
            blocked_at=row.blocked_at,
            logo=row.logo,
        )
        for row in rows
    }
