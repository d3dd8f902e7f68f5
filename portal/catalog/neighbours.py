"""Reads around one API: all of its operations, what its other versions say, who stands beside it in the market."""

from __future__ import annotations

from sqlalchemy import text

from portal.catalog.differences.changes import Described
from portal.catalog.types import Neighbour, OperationLine, OperationRequest
from portal.db import db

# An operation whose description is the same in both versions needs no comparing; only what differs is read in full.
_DESCRIBED = text("""
    WITH both_versions AS (
        SELECT version_id, slug, lower(method) AS method, path, summary, deprecated, ordinal, detail,
            md5(detail::text) AS mark, regexp_replace(path, '\\{[^{}]*\\}', '{}', 'g') AS shape
        FROM api_operations WHERE version_id IN (:old, :new)
    )
    SELECT one.version_id = :new AS is_new, one.slug, one.method, one.path, one.summary, one.deprecated,
        CASE WHEN EXISTS (SELECT 1 FROM both_versions other WHERE other.version_id <> one.version_id
            AND other.method = one.method AND other.shape = one.shape AND other.mark <> one.mark) THEN one.detail END
    FROM both_versions one ORDER BY one.version_id, one.ordinal
""")
_SIMILAR = text("""
    SELECT organisation, organisation_name, slug, name, summary, product_id, logo FROM (
        SELECT o.slug AS organisation, o.name AS organisation_name, a.slug, a.name, a.summary, a.product_id,
            COALESCE(a.logo, o.logo) AS logo,
            a.calls_30d, a.id, cardinality(ARRAY(SELECT unnest(a.tags) INTERSECT SELECT unnest(CAST(:tags AS text[])))) AS shared
        FROM apis a JOIN organisations o ON o.id = a.organisation_id
        WHERE a.category = :category AND a.state IN ('published', 'deprecated') AND a.id <> :id
            AND a.organisation_id <> :organisation_id
        ORDER BY a.calls_30d DESC, a.id DESC LIMIT 40
    ) AS used ORDER BY shared DESC, calls_30d DESC, id DESC LIMIT :most
""")
_SIBLINGS = text("""
    SELECT o.slug, o.name, a.slug, a.name, a.summary, a.product_id, COALESCE(a.logo, o.logo)
    FROM apis a JOIN organisations o ON o.id = a.organisation_id
    WHERE a.organisation_id = :organisation_id AND a.state IN ('published', 'deprecated') AND a.id <> :id
    ORDER BY a.calls_30d DESC, a.id DESC LIMIT :most
""")
_LINES = text("""
    SELECT slug, method, path, summary, tag, deprecated FROM api_operations WHERE version_id = :version ORDER BY ordinal
""")
_REQUESTS = text("""
    SELECT method, path, summary, tag, detail ->> 'description', detail -> 'parameters',
        coalesce(detail #>> '{body,media,0,type}', ''), coalesce(detail #>> '{body,media,0,examples,0,text}', '')
    FROM api_operations WHERE version_id = :version ORDER BY ordinal
""")


def list_every_operation(version_id: int) -> list[OperationLine]:
    """Return all operations of a version in reading order, a line each."""
    return [OperationLine(*row) for row in db.session.execute(_LINES, {"version": version_id})]


def list_requests(version_id: int) -> list[OperationRequest]:
    """Return how to call each operation of a version, in reading order."""
    return [OperationRequest(*row) for row in db.session.execute(_REQUESTS, {"version": version_id})]


def describe_both(old_id: int, new_id: int) -> tuple[list[Described], list[Described]]:
    """Return the operations of two versions for `changes.compare`, details only where they differ."""
    old: list[Described] = []
    new: list[Described] = []
    for is_new, *facts in db.session.execute(_DESCRIBED, {"old": old_id, "new": new_id}):
        (new if is_new else old).append(Described(*facts))
    return old, new


def list_similar(api_id: int, organisation_id: int, category: str, tags: list[str], most: int = 4) -> list[Neighbour]:
    """Return other providers' APIs of a category, those that share most tags first, then the most used."""
    values = {"id": api_id, "organisation_id": organisation_id, "category": category, "tags": tags, "most": most}
    return [Neighbour(*row) for row in db.session.execute(_SIMILAR, values)]


def list_siblings(api_id: int, organisation_id: int, most: int = 5) -> list[Neighbour]:
    """Return other listed APIs of the same provider, the most used first."""
    values = {"id": api_id, "organisation_id": organisation_id, "most": most}
    return [Neighbour(*row) for row in db.session.execute(_SIBLINGS, values)]
