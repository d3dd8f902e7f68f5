"""Values that cross the borders of the catalog."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, Literal

State = Literal["draft", "published", "deprecated", "retired", "blocked"]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
CATEGORIES = (
    "ai",
    "commerce",
    "communication",
    "data",
    "developer",
    "finance",
    "geo",
    "identity",
    "media",
    "productivity",
    "science",
    "social",
    "transport",
    "other",
)


# Fewer calls than this order nothing and filter nothing: one lucky answer would stand above ten thousand.
SMALLEST_SAMPLE = 100
DAYS_SHOWN = 30
DAYS_OF_UPTIME = 90


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a document that could not be read as written. `pointer` is a JSON pointer (RFC 6901)."""

    pointer: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did. `outcome` is `unchanged` when the very same bytes were imported before."""

    api_id: int
    version_id: int
    slug: str
    name: str
    version: str
    outcome: Literal["created", "new version", "replaced", "unchanged"]
    openapi: str
    operations: int
    bytes: int
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class MeasuredFacts:
    """What was measured about one API on whole UTC days, today in part: docs/algorithms/measured-facts.md.

    Calls are those passed to the provider; failures are its 5xx answers and the ones that never came. `daily` holds the
    calls of thirty days, today last. Nothing measured is nothing said: shares and p95 are None without calls.
    """

    api_id: int
    calls_30d: int
    failures_30d: int
    calls_90d: int
    failures_90d: int
    p95_ms: int | None
    daily: tuple[int, ...]
    asof: datetime

    @property
    def uptime(self) -> Fraction | None:
        """The share of calls in 90 days that the provider answered without failing."""
        return Fraction(self.calls_90d - self.failures_90d, self.calls_90d) if self.calls_90d else None

    @property
    def error_rate(self) -> Fraction | None:
        """The share of calls in 30 days that the provider failed."""
        return Fraction(self.failures_30d, self.calls_30d) if self.calls_30d else None

    @property
    def growth_7d(self) -> int:
        """Calls of the last seven whole days beyond those of the seven before; today is not over and left out."""
        return sum(self.daily[-8:-1]) - sum(self.daily[-15:-8])

    @property
    def ranked_uptime_ppm(self) -> int | None:
        """Uptime in millionths, rounded down to the hundredth of a per cent that is read; None below the sample that ranks."""
        share = self.uptime if self.calls_90d >= SMALLEST_SAMPLE else None
        return None if share is None else int(share * 10_000) * 100

    @property
    def ranked_p95_ms(self) -> int | None:
        """The p95 latency; None below the sample that ranks."""
        return self.p95_ms if self.calls_30d >= SMALLEST_SAMPLE else None


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version as its readers see it."""

    id: int
    name: str
    state: str
    is_default: bool
    openapi: str
    operation_count: int
    byte_size: int
    created_at: datetime
    deprecated_at: datetime | None
    sunset_at: datetime | None
    migration_note: str = ""


@dataclass(frozen=True, slots=True)
class ApiView:
    """An API with the version being read. `outline` lists its tags with how many operations each has.

    `logo` is what is shown for it: its own picture, else its provider's.
    """

    id: int
    organisation_id: int
    organisation: str
    organisation_name: str
    organisation_description: str | None
    organisation_website: str | None
    organisation_verified: bool
    organisation_support: str | None
    organisation_logo: str | None
    slug: str
    name: str
    logo: str | None
    summary: str
    description: str
    category: str
    tags: list[str]
    state: str
    upstream_url: str | None
    product_id: int | None
    published_at: datetime | None
    updated_at: datetime
    version: VersionView | None
    overview: dict[str, Any]
    outline: list[dict[str, Any]]
    problems: list[Any]
    farewell: Farewell | None = None
    block: Block | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Since when operators keep an API out of the market, and why."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Farewell:
    """What a provider says about an API that goes. `replaced_by` is organisation, slug and name of a listed API."""

    deprecated_at: datetime | None
    sunset_at: datetime | None
    note: str
    replaced_by: tuple[str, str, str] | None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another API in one line."""

    organisation: str
    organisation_name: str
    slug: str
    name: str
    summary: str
    product_id: int | None
    logo: str | None = None


@dataclass(frozen=True, slots=True)
class OperationRequest:
    """What is sent to call an operation: its parameters as prepared, and the first example of its first body."""

    method: str
    path: str
    summary: str
    tag: str
    description: str
    parameters: list[dict[str, Any]]
    media_type: str
    example: str


@dataclass(frozen=True, slots=True)
class OperationLine:
    """An operation in a list."""

    slug: str
    method: str
    path: str
    summary: str
    tag: str
    deprecated: bool


@dataclass(frozen=True, slots=True)
class OperationView:
    """An operation with everything its page shows, and its neighbours in reading order."""

    line: OperationLine
    detail: dict[str, Any]
    ordinal: int
    previous: str | None
    following: str | None


@dataclass(frozen=True, slots=True)
class SampleOperation:
    """An operation to show a first call with."""

    slug: str
    summary: str
    method: str
    path: str
    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OwnApi:
    """An API as its provider sees it in a list."""

    id: int
    organisation: str
    slug: str
    name: str
    state: str
    upstream_url: str | None
    product_id: int | None
    version: str
    operation_count: int
    problem_count: int
    updated_at: datetime
    own_logo: str | None = None
    provider_logo: str | None = None
