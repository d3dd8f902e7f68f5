"""Commands of the catalog: import a description, publish, manage versions. Edges open the unit of work."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from portal.audit.service import record
from portal.catalog import listing
from portal.catalog.errors import CatalogError, NotPublishable, SlugTaken, UnknownApi, VersionExists
from portal.catalog.finding import vocabulary
from portal.catalog.finding.facets import auth_kinds
from portal.catalog.models import Api, ApiOperation, ApiVersion
from portal.catalog.openapi.texts import slugify
from portal.catalog.openapi.types import PreparedDocument
from portal.catalog.rules import LISTED_STATES, SLUG, check_upstream
from portal.catalog.selling import add_free_plan, product_of
from portal.catalog.types import CATEGORIES, ImportResult
from portal.db import db
from portal.identity.queries import get_organisation
from portal.outbox.service import announce

Outcome = Literal["created", "new version", "replaced", "unchanged"]


def import_document(
    organisation_id: int,
    raw: bytes,
    prepared: PreparedDocument,
    *,
    actor: str,
    now: datetime,
    slug: str = "",
    name: str = "",
    category: str = "",
    upstream_url: str = "",
    replace: bool = False,
) -> ImportResult:
    """Store a document read by `reading.read` as an API of an organisation, or as a version of one it has.

    The same bytes again change nothing. A draft is replaced; a published version of the same name only with
    `replace`. A new version of a published API waits as a draft. Raises CatalogError, SlugTaken, VersionExists.
    """
    slug = slug or slugify(prepared.title or "api", 63)
    if not SLUG.match(slug):
        raise CatalogError(
            "A slug has lower-case letters, digits and hyphens, starts with a letter or digit, at most 63."
        )
    if category and category not in CATEGORIES:
        raise CatalogError(f"There is no category {category[:40]!r}. Choose one of: {', '.join(CATEGORIES)}.")
    api = _find_for_update(organisation_id, slug)
    is_new = api is None
    if api is None:
        api = _create(organisation_id, slug, name, category, prepared, now)
    version, outcome = _store_version(api, raw, prepared, replace=replace, is_new=is_new, now=now)
    if upstream_url and api.state == "draft":
        api.upstream_url = upstream_url[:2048]  # a wish until publishing has checked it; a draft is never routed
    if outcome != "unchanged" and (version.is_default or is_new):
        _describe(api, prepared, name, category, now)
    if outcome != "unchanged":
        record(
            "api.import", f"api:{api.id}", actor=actor, organisation_id=organisation_id, after=_trace(version, outcome)
        )
    return ImportResult(
        api_id=api.id,
        version_id=version.id,
        slug=api.slug,
        name=api.name,
        version=version.name,
        outcome=outcome,
        openapi=version.openapi,
        operations=version.operation_count,
        bytes=version.byte_size,
        findings=list(prepared.findings),
    )


def _find_for_update(organisation_id: int, slug: str) -> Api | None:
    return db.session.scalar(
        select(Api).where(Api.organisation_id == organisation_id, Api.slug == slug).with_for_update()
    )


def _create(
    organisation_id: int, slug: str, name: str, category: str, prepared: PreparedDocument, now: datetime
) -> Api:
    api = Api(
        organisation_id=organisation_id,
        slug=slug,
        name=name or prepared.title or slug,
        category=category or "other",
        provider_name=get_organisation(organisation_id).name,
        created_at=now,
        updated_at=now,
    )
    db.session.add(api)
    try:
        db.session.flush()  # the id is needed, and a rival import of the same slug shows itself here
    except IntegrityError as fault:
        raise SlugTaken(f"The address {slug!r} was taken a moment ago. Try again.") from fault
    return api


def _store_version(
    api: Api, raw: bytes, prepared: PreparedDocument, *, replace: bool, is_new: bool, now: datetime
) -> tuple[ApiVersion, Outcome]:
    digest = hashlib.sha256(raw).digest()
    version = db.session.scalar(
        select(ApiVersion).where(ApiVersion.api_id == api.id, ApiVersion.name == prepared.version).with_for_update()
    )
    if version is not None and version.document_sha256 == digest:
        return version, "unchanged"
    if version is not None and version.state != "draft" and api.state != "draft" and not replace:
        raise VersionExists(
            f"Version {version.name} is published and this document differs from it. Raise `info.version`, or ask to"
            " replace it."
        )
    outcome: Outcome = "created" if is_new else "replaced" if version is not None else "new version"
    if version is None:
        version = ApiVersion(api_id=api.id, name=prepared.version, created_at=now)
        version.is_default = not _has_default(api.id)
        version.state = "published" if api.state == "draft" else "draft"
        db.session.add(version)
    _fill(version, raw, digest, prepared)
    db.session.flush()  # operations need the version's id
    _replace_operations(version.id, prepared)
    return version, outcome


def _has_default(api_id: int) -> bool:
    statement = select(ApiVersion.id).where(ApiVersion.api_id == api_id, ApiVersion.is_default)
    return db.session.scalar(statement) is not None


def _fill(version: ApiVersion, raw: bytes, digest: bytes, prepared: PreparedDocument) -> None:
    version.title = prepared.title
    version.openapi = prepared.openapi
    version.media_type = prepared.media_type
    version.document_sha256 = digest
    version.document = raw
    version.byte_size = len(raw)
    version.operation_count = len(prepared.operations)
    version.problems = [{"pointer": each.pointer, "message": each.message} for each in prepared.findings]
    version.overview = prepared.overview | {"description": prepared.description, "summary": prepared.summary}
    version.outline = prepared.outline


def _replace_operations(version_id: int, prepared: PreparedDocument) -> None:
    db.session.execute(delete(ApiOperation).where(ApiOperation.version_id == version_id))
    rows = [
        {
            "version_id": version_id,
            "ordinal": ordinal,
            "slug": operation.slug,
            "method": operation.method,
            "path": operation.path,
            "summary": operation.summary,
            "tag": operation.tag,
            "deprecated": operation.deprecated,
            "detail": operation.detail,
        }
        for ordinal, operation in enumerate(prepared.operations)
    ]
    for start in range(0, len(rows), 200):
        db.session.execute(insert(ApiOperation), rows[start : start + 200])


def _describe(api: Api, prepared: PreparedDocument, name: str, category: str, now: datetime) -> None:
    api.name = name or (prepared.title if api.state == "draft" and not api.name else api.name)
    api.category = category or api.category
    api.summary = prepared.summary
    api.description = prepared.description
    api.tags = prepared.tags
    api.auth = auth_kinds(prepared.overview["security"])
    api.operation_words = "\n".join(operation.words for operation in prepared.operations)[:200_000]
    api.updated_at = now
    db.session.flush()  # the vocabulary reads what was just written
    if api.state in LISTED_STATES:
        vocabulary.learn(api.id)


def _trace(version: ApiVersion, outcome: str) -> dict[str, str | int]:
    return {"version": version.name, "outcome": outcome, "operations": version.operation_count}


def resolve_host(host: str) -> Sequence[str]:
    """Return the addresses of a host by the machine's resolver; none when it has none."""
    try:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []


def publish(
    organisation_id: int,
    api_id: int,
    *,
    actor: str,
    now: datetime,
    allow_private: bool,
    upstream_url: str = "",
    free_calls: int | None = None,
    requests_per_minute: int = 60,
    resolve: Callable[[str], Sequence[str]] = resolve_host,
) -> Api:
    """List an API in the market and open it at the gateway. Publishing again changes only what differs.

    `free_calls` gives an API that has no plan a free one with so many calls a month. Raises UnknownApi,
    UpstreamRefused, NotPublishable (also while operators block it).
    """
    api = db.session.scalar(
        select(Api).where(Api.organisation_id == organisation_id, Api.id == api_id).with_for_update()
    )
    if api is None:
        raise UnknownApi("There is no such API in your organisation.")
    if api.state == "retired":
        raise NotPublishable("A retired API cannot come back. Import it under a new address.")
    if api.state == "blocked":
        raise NotPublishable("The marketplace has blocked this API. Only its operators can let it in again.")
    wanted = upstream_url or api.upstream_url
    if not wanted:
        raise NotPublishable("Say where the gateway should send calls: the upstream address is missing.")
    _check_has_operations(api.id)
    before = {"state": api.state, "upstream_url": api.upstream_url}
    api.upstream_url = check_upstream(wanted, allow_private=allow_private, resolve=resolve)
    if api.product_id is None:
        api.product_id = product_of(api.id, organisation_id, api.name)
    if api.state == "draft":
        api.state, api.published_at, api.is_new = "published", now, True
    api.updated_at = now
    db.session.flush()  # prices and words look the API up in its new state
    if free_calls is not None:
        add_free_plan(api.product_id, free_calls, requests_per_minute, actor=actor, organisation_id=organisation_id)
    db.session.execute(select(func.catalog_price_facts([api.product_id])))
    db.session.refresh(api, ["has_free", "has_paid"])
    listing.reprice([(api.id, api.product_id)])
    vocabulary.learn(api.id)
    after = {"state": api.state, "upstream_url": api.upstream_url}
    if after != before:
        announce("gateway.publish", f"{api.id}:{now.isoformat()}", {"api_id": api.id})
    record("api.publish", f"api:{api.id}", actor=actor, organisation_id=organisation_id, before=before, after=after)
    return api


def _check_has_operations(api_id: int) -> None:
    count = db.session.scalar(
        select(ApiVersion.operation_count).where(ApiVersion.api_id == api_id, ApiVersion.is_default)
    )
    if not count:
        raise NotPublishable("The document describes no operations, so there is nothing to call. Import a fuller one.")
