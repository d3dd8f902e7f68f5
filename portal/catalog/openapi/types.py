"""What becomes of a document: values ready to be stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.catalog.types import Finding


@dataclass(frozen=True, slots=True)
class PreparedOperation:
    """One operation, ready to be shown: `detail` holds everything its page needs and no reference to elsewhere."""

    slug: str
    method: str
    path: str
    summary: str
    tag: str
    deprecated: bool
    words: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A whole description, ready to be stored. `overview` is what the API's first page shows of it."""

    openapi: str
    media_type: str
    title: str
    version: str
    summary: str
    description: str
    tags: list[str]
    overview: dict[str, Any]
    outline: list[dict[str, Any]]
    operations: list[PreparedOperation]
    findings: list[Finding]
