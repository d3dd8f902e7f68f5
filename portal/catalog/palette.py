"""What the catalog offers to the command palette: APIs of the market, one's own, and what a provider does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from flask import Flask, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.catalog import wording
from portal.catalog.finding import finder
from portal.catalog.finding.finder import Glimpse, Stall
from portal.logos.addresses import logo_address
from portal.web.formatting import number
from portal.web.palette import Asked, Entry, Group, offer

_API = re.compile(r"/marketplace/([a-z0-9-]+)/([a-z0-9-]+)")
_PROVIDER = re.compile(r"/marketplace/([a-z0-9-]+)")


def register(app: Flask) -> None:
    """Offer them."""
    offer(app, _market)
    offer(app, _own)


def _market(asked: Asked) -> Iterator[Entry]:
    if asked.reader and asked.reader.user_id:
        yield Entry(_("Saved APIs"), url_for("catalog.saved"), Group.PAGES, also=_("stars favourites kept"))
    before = [found.groups() for address in asked.recent if (found := _API.fullmatch(address))]
    glimpses = finder.find_listed(asked.words) if asked.words else finder.list_listed([(a, b) for a, b in before])
    yield from (_listed(each) for each in glimpses)
    stalls = finder.find_providers(asked.words) if asked.words else finder.list_providers(_providers(asked.recent))
    yield from (_provider(each) for each in stalls)
    if asked.words:
        label = _("Search the market for “%(words)s”", words=asked.words)
        yield Entry(label, url_for("catalog.index", q=asked.words), Group.SEARCHES, is_found=True)


def _listed(each: Glimpse) -> Entry:
    address = url_for("catalog.show", organisation=each.organisation, api=each.slug)
    image = logo_address(each.logo) or ""
    return Entry(each.name, address, Group.APIS, note=each.organisation_name, is_found=True, image=image)


def _providers(recent: Sequence[str]) -> list[str]:
    return [found[1] for address in recent if (found := _PROVIDER.fullmatch(address))]


def _provider(each: Stall) -> Entry:
    address = url_for("catalog.provider", organisation=each.slug)
    note = ngettext("%(count)s API", "%(count)s APIs", each.listed, count=number(each.listed))
    image = logo_address(each.logo) or ""
    return Entry(each.name, address, Group.PROVIDERS, note=note, also=_("provider"), is_found=True, image=image)


def _own(asked: Asked) -> Iterator[Entry]:
    if asked.reader is None or asked.reader.organisation_id is None:
        return
    if asked.may("publish"):
        yield Entry(_("Create an API"), url_for("provider.new"), Group.ACTS, also=_("publish import OpenAPI sell new"))
    if not asked.reader.has_role_for("publish"):
        return
    for each in finder.list_own(asked.reader.organisation_id):
        note, _tone = wording.state(each.state)
        yield Entry(
            each.name,
            url_for("provider.show", api_id=each.id),
            Group.OWN_APIS,
            note=note,
            image=logo_address(each.logo) or "",
        )
