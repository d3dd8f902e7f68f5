"""What is looked for and what is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from portal.pricing.volumes import Quote

Sort = Literal["relevance", "used", "newest", "fastest", "reliable", "cheapest", "name"]


@dataclass(frozen=True, slots=True)
class Card:
    """One API in a list. `name_marked` and `summary_marked` hold \x02…\x03 around what matched a search.

    `match` is the operation that matched (method, path) when neither name nor summary did.
    """

    id: int
    organisation: str
    organisation_name: str
    organisation_verified: bool
    slug: str
    name: str
    summary: str
    category: str
    state: str
    product_id: int | None
    published_at: datetime | None
    is_new: bool
    has_free: bool
    sunset_at: datetime | None
    logo: str | None = None
    match: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """What somebody looks for. `filters` holds chosen values by facet (`portal.catalog.finding.facets`); pages count from one.

    `volume` is calls a month, for the order by price.
    """

    text: str = ""
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: Sort = "newest"
    volume: int = 10_000
    page: int = 1

    @property
    def is_narrowed(self) -> bool:
        """True when anything but order and page was chosen."""
        return bool(self.text or self.filters)


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One choice of a facet and how many APIs it leaves."""

    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of a search. `total` is exact unless `is_capped`: then it is `cap`, and there are more.

    `relaxed` says per chosen facet how many APIs there would be without it. `costs` holds what the cards cost a month
    when they are ordered by that. `corrected` is the text that was searched instead when nothing matched what was typed.
    """

    cards: list[Card]
    total: int
    is_capped: bool
    cap: int
    facets: dict[str, list[FacetValue]]
    relaxed: dict[str, int]
    costs: dict[int, Quote]
    knows_usage: bool
    corrected: str | None = None
