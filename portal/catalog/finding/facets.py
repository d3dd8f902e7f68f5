"""What a list of APIs can be narrowed by. Pure: names, values and how they stand in an address and in the index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portal.catalog.types import CATEGORIES

AUTH_KINDS = ("key", "bearer", "oauth2", "basic", "openid", "mtls", "other")
MOST_CHOSEN = 10


@dataclass(frozen=True, slots=True)
class Dimension:
    """One facet. Of several values any may hold; every facet that is chosen must hold. No `values`: anything may stand."""

    name: str
    values: tuple[str, ...] = ()
    is_multiple: bool = False

    @property
    def is_flag(self) -> bool:
        """True for what is either asked for or not."""
        return self.values == ("1",)

    def marks(self, chosen: tuple[str, ...]) -> list[str]:
        """Return values as they stand in the index."""
        return [f"{self.name}:{value}" for value in chosen]


PROVIDER = "provider"
DIMENSIONS = {
    dimension.name: dimension
    for dimension in (
        Dimension("category", CATEGORIES, is_multiple=True),
        Dimension("price", ("free", "metered", "paid"), is_multiple=True),
        Dimension("fee", ("10", "50", "200")),
        Dimension("nocard", ("1",)),
        Dimension("verified", ("1",)),
        Dimension("new", ("1",)),
        Dimension("uptime", ("99.99", "99.9", "99")),
        Dimension("p95", ("100", "300", "1000")),
        Dimension("auth", AUTH_KINDS, is_multiple=True),
        Dimension(PROVIDER, is_multiple=True),
    )
}
Filters = Mapping[str, tuple[str, ...]]


def toggled(filters: Filters, name: str, value: str) -> dict[str, tuple[str, ...]]:
    """Return the filters with one value chosen, or taken back when it was; a facet for one value changes over."""
    chosen = filters.get(name, ())
    if value in chosen:
        left = tuple(other for other in chosen if other != value)
    else:
        left = (*chosen, value) if DIMENSIONS[name].is_multiple else (value,)
    return {**without(filters, name), **({name: left} if left else {})}


def without(filters: Filters, name: str) -> dict[str, tuple[str, ...]]:
    """Return the filters with one facet left open."""
    return {other: chosen for other, chosen in filters.items() if other != name}


def auth_kinds(schemes: list[dict[str, str]]) -> list[str]:
    """Return the ways of authentication that a document declares; none when it declares none, which is not "open"."""
    return sorted({_auth_kind(scheme) for scheme in schemes})


def _auth_kind(scheme: dict[str, str]) -> str:
    named = {"apiKey": "key", "oauth2": "oauth2", "openIdConnect": "openid", "mutualTLS": "mtls"}
    kind, http = scheme.get("kind", ""), scheme.get("scheme", "").lower()
    if kind == "http":
        return http if http in ("basic", "bearer") else "other"
    return named.get(kind, "other")
