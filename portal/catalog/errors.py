"""What the catalog refuses, and what it says to the person who can fix it."""

from __future__ import annotations

from collections.abc import Sequence

from portal.catalog.types import Finding


class CatalogError(Exception):
    """An expected refusal. `status` is the HTTP status an edge answers with, `kind` the stable name of the reason."""

    status = 422
    kind = "catalog-refused"

    def __init__(self, message: str, *, faults: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.faults = tuple(faults)


class DocumentRefused(CatalogError):
    """The document cannot be imported. `status` is 413 (too large), 415 (not a description) or 422 (faulty)."""

    def __init__(self, status: int, kind: str, message: str, *, faults: Sequence[Finding] = ()) -> None:
        super().__init__(message, faults=faults)
        self.status, self.kind = status, kind


class VersionExists(CatalogError):
    """A published version of this name was read from another document; its readers must not find it changed."""

    status, kind = 409, "version-exists"


class SlugTaken(CatalogError):
    """The address is in use by another API of this organisation."""

    status, kind = 409, "slug-taken"


class UnknownApi(CatalogError):
    """No such API, or none the caller may see: the two look the same on purpose."""

    status, kind = 404, "unknown-api"


class UpstreamRefused(CatalogError):
    """The upstream address may not be called by the gateway."""

    kind = "upstream-refused"


class NotPublishable(CatalogError):
    """Something that publishing needs is missing."""

    status, kind = 409, "not-publishable"
