"""A provider's own page in the market: who it is, what was measured, what it offers, what changed lately."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, make_response, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.routing import UnicodeConverter, ValidationError

from portal.catalog import markdown, providers, wording
from portal.catalog.finding import labelling
from portal.catalog.finding.facets import PROVIDER
from portal.catalog.finding.searching import PAGE_SIZE, search
from portal.catalog.finding.types import Search
from portal.catalog.forms import read_search, search_arguments
from portal.catalog.pages.pictures import picture_of_provider
from portal.catalog.pages.shelf import card_tools, shown
from portal.catalog.providers import Change, ProviderView, UnknownProvider
from portal.catalog.renditions.feed import Entry, atom
from portal.web.formatting import day
from portal.web.pictures import public_address
from portal.web.plugs import plugs
from portal.web.principal import find_principal, public

_CHANGES_SHOWN = 6
_OURS = ("compare", "search-gaps", "view")


class ProviderSlug(UnicodeConverter):
    """An organisation's slug where the market has addresses of its own: those are never taken for one."""

    def to_python(self, value: str) -> str:
        """Return the slug. Raises ValidationError for a word of ours, so that a wrong method is still answered as such."""
        if value in _OURS:
            raise ValidationError
        return value


def routes(bp: Blueprint) -> None:
    """Add the routes."""
    bp.get("/marketplace/<provider:organisation>")(provider)
    bp.get("/marketplace/<organisation>/versions.atom")(provider_feed)


@public
def provider(organisation: str) -> Response:
    """Show a provider that has something in the market; to itself, also before."""
    view, is_own = _find(organisation)
    principal = find_principal()
    response = make_response(
        render_template(
            "catalog/storefront.html",
            provider=view,
            measured=providers.measured(view.id) if view.listed else None,
            changes=providers.list_changes(view.id, _CHANGES_SHOWN),
            say=sentence,
            about=markdown.render(view.about) if view.about else "",
            host=host_of(view.website),
            picture=picture_of_provider(view.slug),
            canonical=_page_of(view),
            feed=url_for("catalog.provider_feed", organisation=view.slug),
            is_own=is_own,
            may_manage=principal is not None and principal.may("manage"),
            may_publish=principal is not None and principal.may("publish"),
            **_offered(view),
        )
    )
    response.vary.add("Cookie")  # layout, stars and the reader's own subscriptions
    return response


@public
def provider_feed(organisation: str) -> Response:
    """Return what changed as an Atom feed, the latest first."""
    try:
        view = providers.get_provider(None, organisation.replace("\x00", ""))
    except UnknownProvider:
        abort(404)
    changes = providers.list_changes(view.id)
    response = make_response(
        atom(
            _("%(name)s: what changed", name=view.name),
            view.name,
            page=_page_of(view),
            own=public_address(url_for("catalog.provider_feed", organisation=view.slug)),
            updated=changes[0].at if changes else plugs().clock.now(),
            entries=[_entry(view, change) for change in changes],
        )
    )
    response.mimetype = "application/atom+xml"
    return response


def sentence(change: Change) -> str:
    """Return what happened to an API, without its name."""
    until = day(change.until).striptags() if change.until else ""
    said = {
        "published": _("new in the market"),
        "version": _("version %(name)s", name=change.version),
        "version ends": _("version %(name)s deprecated", name=change.version),
        "ends": _("deprecated"),
    }
    if until and change.kind == "ends":
        return str(_("will go after %(date)s", date=until))
    if until:
        return str(_("version %(name)s works until %(date)s", name=change.version, date=until))
    return str(said[change.kind])


def host_of(website: str | None) -> str:
    """Return a web address as people say it: its host without www."""
    return (urlsplit(website).hostname or "").removeprefix("www.") if website else ""


def _find(organisation: str) -> tuple[ProviderView, bool]:
    principal = find_principal()
    acts_for = principal.organisation_id if principal else None
    try:
        view = providers.get_provider(acts_for, organisation.replace("\x00", ""))
    except UnknownProvider:
        abort(404)
    return view, view.id == acts_for


def _offered(view: ProviderView) -> dict[str, object]:
    """Return the provider's APIs as the market shows them, the most used first unless another order is asked for."""
    asked = read_search(request.args)
    order = asked.sort if asked.sort == request.args.get("sort") else "used"
    wanted = Search(filters={PROVIDER: (view.slug,)}, sort=order, volume=asked.volume, page=asked.page)
    found = search(wanted) if view.listed else None
    if found and wanted.page > 1 and not found.cards:
        wanted = replace(wanted, page=1)
        found = search(wanted)
    return card_tools() | {
        "search": wanted,
        "cards": shown(found.cards, found.costs) if found else [],
        "total": found.total if found else 0,
        "orders": labelling.orders(wanted, found) if found else [],
        "pages": max(1, -(-found.total // PAGE_SIZE)) if found else 1,
        "first": (wanted.page - 1) * PAGE_SIZE + 1,
        "url_of_page": lambda n: _address(view, replace(wanted, page=n)),
        "wording": wording,
    }


def _address(view: ProviderView, wanted: Search) -> str:
    kept = {name: value for name, value in search_arguments(wanted).items() if name in ("calls", "page")}
    order = {"sort": wanted.sort} if wanted.sort != "used" else {}
    return url_for("catalog.provider", organisation=view.slug, **order, **kept, _anchor="apis")  # type: ignore[arg-type]


def _page_of(view: ProviderView) -> str:
    return public_address(url_for("catalog.provider", organisation=view.slug))


def _entry(view: ProviderView, change: Change) -> Entry:
    key = "-".join(part for part in (change.api, change.kind.replace(" ", "-"), change.version) if part)
    link = public_address(url_for("catalog.changes", organisation=view.slug, api=change.api))
    return Entry(key, f"{change.api_name}: {sentence(change)}", "", change.at, link)
