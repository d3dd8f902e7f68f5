"""How a product is called and where it lives: one query for any number of products."""

from __future__ import annotations

from dataclasses import dataclass

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
    logo: str | None = None

    @property
    def is_listed(self) -> bool:
        """True while the market shows it; a draft and a retired API take no new subscriptions."""
        return self.state in LISTED_STATES


def find_label(product_id: int) -> ProductLabel | None:
    """Return how a product is named, or None when it has no listing."""
    return labels([product_id]).get(product_id)


def labels(product_ids: list[int]) -> dict[int, ProductLabel]:
    """Return names and addresses of products in one query."""
    rows = db.session.execute(
        text(
            "SELECT p.id, p.feature_id, a.id AS api_id, a.name, a.slug, a.state, o.name AS organisation_name,"
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
            logo=row.logo,
        )
        for row in rows
    }
