"""The navigation every page shows: built from the principal, so it offers only what the person may open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Flask, current_app, g, request

from portal.web.principal import Principal, find_principal


@dataclass(frozen=True, slots=True)
class NavItem:
    """One link. `right` hides it from roles that lack it; `prefix` marks it as current below that path."""

    label: str
    href: str
    prefix: str
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class Ribbon:
    """A line under the bar of every page: something that cannot wait, and the one act that settles it."""

    text: str
    href: str
    label: str


@dataclass(frozen=True, slots=True)
class Nav:
    """What the layout needs to know about the reader."""

    items: list[NavItem]
    person: Principal | None
    organisation: str | None
    organisations: list[tuple[int, str]] = field(default_factory=list)
    environment: str = "development"
    ribbons: list[Ribbon] = field(default_factory=list)


Contribution = Callable[[Principal | None], list[NavItem]]


def contribute(app: Flask, position: int, contribution: Contribution) -> None:
    """Add a feature's links at a position; features register their own so that the layout imports none of them."""
    app.extensions.setdefault("nav", []).append((position, contribution))


def warn_by(app: Flask, lookup: Callable[[Principal], list[Ribbon]]) -> None:
    """Let a feature put lines under the bar of every page of a signed-in person."""
    app.extensions.setdefault("nav ribbons", []).append(lookup)


def organisations_by(app: Flask, lookup: Callable[[], list[tuple[int, str]]]) -> None:
    """Tell the layout how to list the organisations that the person who asks may switch to."""
    app.extensions["nav organisations"] = lookup


def register(app: Flask) -> None:
    """Give templates `nav`."""
    app.jinja_env.globals["nav"] = _LazyNav()
    app.jinja_env.globals["keeps_mail"] = False  # a feature that shows kept mails says otherwise


class _LazyNav:
    """Builds the navigation when a template first asks, so fragments and JSON pay nothing."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        if "nav" not in g:
            g.nav = build_nav()
        return getattr(g.nav, name)


def build_nav() -> Nav:
    """Return the navigation of the current request."""
    principal = find_principal()
    lookup = current_app.extensions.get("nav organisations")
    return Nav(
        items=[_marked(item) for item in items_for(principal)],
        person=principal,
        organisation=principal.organisation_name if principal else None,
        organisations=lookup() if lookup and principal and principal.user_id else [],
        environment=current_app.config["SETTINGS"].environment,
        ribbons=[one for warn in current_app.extensions.get("nav ribbons", []) for one in warn(principal)]
        if principal
        else [],
    )


def items_for(principal: Principal | None) -> list[NavItem]:
    """Return the links a reader is offered, in order."""
    contributions = sorted(current_app.extensions.get("nav", []), key=lambda entry: entry[0])
    return [item for _position, contribution in contributions for item in contribution(principal)]


def link(label: str, href: str, prefix: str | None = None) -> NavItem:
    """Return a navigation link; `prefix` defaults to the link itself."""
    return NavItem(label=label, href=href, prefix=prefix or href)


def _marked(item: NavItem) -> NavItem:
    current = request.path == item.prefix or request.path.startswith(item.prefix.rstrip("/") + "/")
    return NavItem(item.label, item.href, item.prefix, is_current=current)


__all__ = [
    "Nav",
    "NavItem",
    "Ribbon",
    "build_nav",
    "contribute",
    "items_for",
    "link",
    "organisations_by",
    "register",
    "warn_by",
]
