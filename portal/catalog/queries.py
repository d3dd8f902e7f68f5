"""Reads of one API: its versions, operations and documents. Drafts exist for their own organisation only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Row,
    ScalarSelect,
    Select,
    Text,
    and_,
    column,
    func,
    literal,
    or_,
    select,
    table,
)
from sqlalchemy.orm import aliased

from portal.catalog.errors import UnknownApi
from portal.catalog.models import Api, ApiOperation, ApiVersion, CatalogCount
from portal.catalog.rules import HIDDEN_STATES, LISTED_STATES
from portal.catalog.types import (
    ApiView,
    Block,
    Farewell,
    OperationLine,
    OperationView,
    OwnApi,
    SampleOperation,
    VersionView,
)
from portal.db import among, db

# The neighbour's table by name: its models stay its own.
_PROVIDER = table(
    "organisations",
    column("id"),
    column("slug", Text),
    column("name", Text),
    column("description", Text),
    column("website", Text),
    column("support", Text),
    column("logo", Text),
    column("is_verified", Boolean),
)
_SPEAKS = (
    *(_PROVIDER.c.slug, _PROVIDER.c.name, _PROVIDER.c.description, _PROVIDER.c.website),
    *(_PROVIDER.c.is_verified, _PROVIDER.c.support, _PROVIDER.c.logo),
)
_VERSION = (
    ApiVersion.id,
    ApiVersion.name,
    ApiVersion.state,
    ApiVersion.is_default,
    ApiVersion.openapi,
    ApiVersion.operation_count,
    ApiVersion.byte_size,
    ApiVersion.created_at,
    ApiVersion.deprecated_at,
    ApiVersion.sunset_at,
    ApiVersion.migration_note,
)
_LINE = (
    ApiOperation.slug,
    ApiOperation.method,
    ApiOperation.path,
    ApiOperation.summary,
    ApiOperation.tag,
    ApiOperation.deprecated,
)
_MOST_LINES = 200
_SAMPLE = (ApiOperation.slug, ApiOperation.summary, ApiOperation.method, ApiOperation.path, ApiOperation.detail)


def get_api(viewer_organisation_id: int | None, organisation: str, slug: str, version: str | None = None) -> ApiView:
    """Return an API with one of its versions (the default unless named), as the viewer may see it.

    Raises UnknownApi for what does not exist and, in the same way, for another organisation's draft or blocked API.
    """
    is_own = Api.organisation_id == viewer_organisation_id
    wanted = ApiVersion.is_default if version is None else ApiVersion.name == version
    statement = (
        select(Api, ApiVersion, *_SPEAKS)
        .join(_PROVIDER, _PROVIDER.c.id == Api.organisation_id)
        .outerjoin(ApiVersion, and_(ApiVersion.api_id == Api.id, wanted, or_(is_own, ApiVersion.state != "draft")))
        .where(_PROVIDER.c.slug == organisation, Api.slug == slug, or_(is_own, Api.state.not_in(HIDDEN_STATES)))
    )
    row = db.session.execute(statement).one_or_none()
    if row is None or (version is not None and row[1] is None):
        raise UnknownApi("There is no such API.")
    return _api_view(*row)


def _api_view(
    api: Api,
    version: ApiVersion | None,
    slug: str,
    name: str,
    about: str | None,
    website: str | None,
    verified: bool,
    support: str | None,
    logo: str | None,
) -> ApiView:
    return ApiView(
        id=api.id,
        organisation_id=api.organisation_id,
        organisation=slug,
        organisation_name=name,
        organisation_description=about,
        organisation_website=website,
        organisation_verified=verified,
        organisation_support=support,
        organisation_logo=logo,
        slug=api.slug,
        name=api.name,
        logo=api.logo or logo,
        summary=api.summary,
        description=api.description,
        category=api.category,
        tags=api.tags,
        state=api.state,
        upstream_url=api.upstream_url,
        product_id=api.product_id,
        published_at=api.published_at,
        updated_at=api.updated_at,
        version=_version_view(version) if version else None,
        overview=version.overview if version else {},
        outline=version.outline if version else [],
        problems=version.problems if version else [],
        farewell=_farewell(api),
        block=Block(api.blocked_at, api.blocked_reason) if api.blocked_at and api.blocked_reason else None,
    )


def _farewell(api: Api) -> Farewell | None:
    if api.state not in ("deprecated", "retired"):
        return None
    successor = db.session.execute(
        select(_PROVIDER.c.slug, Api.slug, Api.name)
        .join(_PROVIDER, _PROVIDER.c.id == Api.organisation_id)
        .where(Api.id == api.replaced_by, Api.state.in_(LISTED_STATES))
    ).one_or_none()
    return Farewell(api.deprecated_at, api.sunset_at, api.migration_note, tuple(successor) if successor else None)


def _version_view(version: Any) -> VersionView:
    return VersionView(**{column.key: getattr(version, column.key) for column in _VERSION})


def list_versions(api_id: int, *, with_drafts: bool) -> list[VersionView]:
    """Return an API's versions, the default first, then the newest."""
    statement = (
        select(*_VERSION)
        .where(ApiVersion.api_id == api_id, or_(literal(with_drafts), ApiVersion.state != "draft"))
        .order_by(ApiVersion.is_default.desc(), ApiVersion.created_at.desc(), ApiVersion.id.desc())
        .limit(100)
    )
    return [_version_view(row) for row in db.session.execute(statement)]


def find_operation(version_id: int, slug: str) -> OperationView | None:
    """Return one operation with its neighbours: one row, however large the document is."""
    neighbour = aliased(ApiOperation)

    def slug_at(ordinal: ColumnElement[int]) -> ScalarSelect[str]:
        there = select(neighbour.slug).where(neighbour.version_id == version_id, neighbour.ordinal == ordinal)
        return there.correlate(ApiOperation).scalar_subquery()

    statement = select(
        *_LINE,
        ApiOperation.detail,
        ApiOperation.ordinal,
        slug_at(ApiOperation.ordinal - 1).label("prev"),
        slug_at(ApiOperation.ordinal + 1).label("next"),
    ).where(ApiOperation.version_id == version_id, ApiOperation.slug == slug)
    row = db.session.execute(statement).one_or_none()
    return OperationView(_line(row), row.detail, row.ordinal, row.prev, row.next) if row else None


def _line(row: Row[Any]) -> OperationLine:
    return OperationLine(row.slug, row.method, row.path, row.summary, row.tag, row.deprecated)


def find_sample(version_id: int) -> SampleOperation | None:
    """Return the operation that is easiest to try: a GET without path parameters if there is one."""
    statement = (
        select(*_SAMPLE)
        .where(ApiOperation.version_id == version_id)
        .order_by(
            ApiOperation.method != "get", ApiOperation.path.contains("{"), ApiOperation.deprecated, ApiOperation.ordinal
        )
        .limit(1)
    )
    row = db.session.execute(statement).one_or_none()
    return SampleOperation(*row) if row else None


def list_samples(version_id: int, slugs: Sequence[str]) -> list[SampleOperation]:
    """Return some operations in full, in the order asked for."""
    statement = select(*_SAMPLE).where(ApiOperation.version_id == version_id, among(ApiOperation.slug, slugs))
    found = {row.slug: SampleOperation(*row) for row in db.session.execute(statement)} if slugs else {}
    return [found[slug] for slug in slugs if slug in found]


def list_operations(version_id: int, tag: str) -> list[OperationLine]:
    """Return the operations under one tag, in reading order."""
    return _lines(select(*_LINE).where(ApiOperation.version_id == version_id, ApiOperation.tag == tag))


def filter_operations(version_id: int, words: str) -> list[OperationLine]:
    """Return the operations whose method, path or summary hold every word."""
    statement = select(*_LINE).where(ApiOperation.version_id == version_id)
    line = func.concat_ws(" ", ApiOperation.method, ApiOperation.path, ApiOperation.summary, ApiOperation.tag)
    for word in words.split()[:6]:
        statement = statement.where(line.icontains(word, autoescape=True))
    return _lines(statement)


def _lines(statement: Select[*tuple[Any, ...]]) -> list[OperationLine]:
    return [_line(row) for row in db.session.execute(statement.order_by(ApiOperation.ordinal).limit(_MOST_LINES))]


def get_document(version_id: int) -> tuple[bytes, str]:
    """Return the document as it was imported, and its media type."""
    row = db.session.execute(
        select(ApiVersion.document, ApiVersion.media_type).where(ApiVersion.id == version_id)
    ).one_or_none()
    if row is None:
        raise UnknownApi("There is no such version.")
    return row.document, row.media_type


def list_own(organisation_id: int) -> list[OwnApi]:
    """Return an organisation's APIs in every state, the last changed first."""
    return _own(organisation_id)


def list_everything(organisation_id: int | None) -> list[OwnApi]:
    """Return APIs in every state, for operators; of one organisation when given."""
    return _own(organisation_id)


def _own(organisation_id: int | None) -> list[OwnApi]:
    statement = (
        select(
            Api.id,
            _PROVIDER.c.slug.label("organisation"),
            Api.slug,
            Api.name,
            Api.state,
            Api.upstream_url,
            Api.product_id,
            func.coalesce(ApiVersion.name, "").label("version"),
            func.coalesce(ApiVersion.operation_count, 0).label("operation_count"),
            func.coalesce(func.jsonb_array_length(ApiVersion.problems), 0).label("problem_count"),
            Api.updated_at,
            Api.logo.label("own_logo"),
            _PROVIDER.c.logo.label("provider_logo"),
        )
        .join(_PROVIDER, _PROVIDER.c.id == Api.organisation_id)
        .outerjoin(ApiVersion, and_(ApiVersion.api_id == Api.id, ApiVersion.is_default))
        .order_by(Api.updated_at.desc(), Api.id.desc())
        .limit(500)
    )
    if organisation_id is not None:
        statement = statement.where(Api.organisation_id == organisation_id)
    return [OwnApi(**row) for row in db.session.execute(statement).mappings()]


def find_own(organisation_id: int, api_id: int) -> OwnApi | None:
    """Return one of an organisation's own APIs."""
    return next((api for api in _own(organisation_id) if api.id == api_id), None)


def count_listed(organisation_id: int) -> int:
    """Return how many APIs a provider has in the market."""
    statement = select(CatalogCount.listed).where(
        CatalogCount.category == "", CatalogCount.price == "", CatalogCount.organisation_id == organisation_id
    )
    return db.session.scalar(statement) or 0
