"""What the market knows about a provider: who it is, what was measured over all its APIs, what changed lately.

Whoever has nothing in the market does not exist here, except for itself: that an organisation is a customer is not public.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from sqlalchemy import text

from portal.catalog.errors import CatalogError
from portal.catalog.models import LISTED
from portal.catalog.types import SMALLEST_SAMPLE
from portal.db import db

_MOST_CHANGES = 20
_PROVIDER = text("""
    SELECT o.id, o.slug, o.name, o.description, o.about, o.website, o.support, o.is_verified, o.logo,
        COALESCE((SELECT c.listed FROM catalog_counts c
            WHERE c.organisation_id = o.id AND c.category = '' AND c.price = ''), 0) AS listed,
        (SELECT min(a.published_at) FROM apis a
            WHERE a.organisation_id = o.id AND a.state IN ('published', 'deprecated', 'retired')) AS since
    FROM organisations o WHERE o.slug = :slug
""")
_MEASURED = text(f"""
    SELECT count(*) AS apis, COALESCE(sum(f.calls_30d), 0)::bigint AS calls_30d,
        COALESCE(sum(f.calls_90d), 0)::bigint AS calls_90d, COALESCE(sum(f.failures_90d), 0)::bigint AS failures_90d,
        min(a.p95_ms) AS quickest, max(a.p95_ms) AS slowest, count(a.p95_ms) AS timed, max(f.asof) AS asof
    FROM apis a JOIN api_facts f ON f.api_id = a.id WHERE a.organisation_id = :provider AND a.{LISTED}
""")  # noqa: S608 - a constant
# APIs are not all measured in one moment: around midnight the days of two may end a day apart, so days are told by date.
_DAILY = text(f"""
    SELECT sum(counted.calls)::bigint FROM apis a JOIN api_facts f ON f.api_id = a.id,
        unnest(f.daily) WITH ORDINALITY AS counted (calls, place)
    WHERE a.organisation_id = :provider AND a.{LISTED}
    GROUP BY (f.asof AT TIME ZONE 'UTC')::date - (cardinality(f.daily) - counted.place)::int
    ORDER BY (f.asof AT TIME ZONE 'UTC')::date - (cardinality(f.daily) - counted.place)::int DESC LIMIT 30
""")  # noqa: S608 - a constant
_CHANGES = text(f"""
    WITH own AS (
        SELECT id, slug, name, state, published_at, deprecated_at, sunset_at FROM apis
        WHERE organisation_id = :provider AND {LISTED}
    )
    SELECT * FROM (
        SELECT 'published' AS kind, a.slug, a.name, '' AS version, a.published_at AS at, NULL::timestamptz AS until FROM own a
        UNION ALL
        SELECT 'version', a.slug, a.name, v.name, v.created_at, NULL FROM own a JOIN api_versions v ON v.api_id = a.id
            WHERE v.state <> 'draft' AND v.created_at > a.published_at
        UNION ALL
        SELECT 'version ends', a.slug, a.name, v.name, v.deprecated_at, v.sunset_at
            FROM own a JOIN api_versions v ON v.api_id = a.id WHERE v.state = 'deprecated'
        UNION ALL
        SELECT 'ends', a.slug, a.name, '', a.deprecated_at, a.sunset_at FROM own a WHERE a.state = 'deprecated'
    ) happened WHERE at IS NOT NULL ORDER BY at DESC, slug, version LIMIT :most
""")  # noqa: S608 - a constant


class UnknownProvider(CatalogError):
    """No such provider, or nobody that the market knows: the two look the same on purpose."""

    status, kind = 404, "unknown-provider"


@dataclass(frozen=True, slots=True)
class ProviderView:
    """A provider as its readers see it. `listed` counts its APIs in the market, `since` is when the first came there."""

    id: int
    slug: str
    name: str
    description: str | None
    about: str | None
    website: str | None
    support: str | None
    is_verified: bool
    logo: str | None
    listed: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured over all listed APIs of a provider: docs/algorithms/measured-facts.md.

    There is no p95 over several APIs; `quickest` and `slowest` are the ends of theirs, over the `timed` that rank.
    """

    apis: int
    calls_30d: int
    calls_90d: int
    failures_90d: int
    quickest: int | None
    slowest: int | None
    timed: int
    asof: datetime | None
    daily: tuple[int, ...] = ()

    @property
    def uptime(self) -> Fraction | None:
        """The share of calls in 90 days that did not fail; None below the smallest sample that says something."""
        if self.calls_90d < SMALLEST_SAMPLE:
            return None
        return Fraction(self.calls_90d - self.failures_90d, self.calls_90d)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to one API: it was `published`, a `version` came, a `version ends`, or all of it `ends`."""

    kind: str
    api: str
    api_name: str
    version: str
    at: datetime
    until: datetime | None


def get_provider(viewer_organisation_id: int | None, slug: str) -> ProviderView:
    """Return a provider with something in the market, or the reader's own. Raises UnknownProvider."""
    row = db.session.execute(_PROVIDER, {"slug": slug}).one_or_none()
    if row is None or not (row.listed or row.id == viewer_organisation_id):
        raise UnknownProvider("There is no such provider.")
    return ProviderView(*row)


def measured(provider_id: int) -> Measured:
    """Return what was measured over a provider's listed APIs."""
    sums = db.session.execute(_MEASURED, {"provider": provider_id}).one()
    daily = tuple(db.session.scalars(_DAILY, {"provider": provider_id}))[::-1] if sums.calls_30d else ()
    return Measured(**sums._mapping, daily=daily)


def list_changes(provider_id: int, most: int = _MOST_CHANGES) -> list[Change]:
    """Return what happened to a provider's listed APIs, the latest first."""
    return [Change(*row) for row in db.session.execute(_CHANGES, {"provider": provider_id, "most": most})]
