"""Which listed API or provider a mistyped address of the market most probably means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

from flask import Flask, url_for
from flask_babel import gettext as _

from portal.catalog.finding import finder, vocabulary
from portal.catalog.finding.finder import Glimpse
from portal.web.nearby import Nearby, suggest_by

_PLACE = re.compile(r"/marketplace/([^/]{1,80})(?:/([^/]{1,80}))?")
_ALIKE = 0.6
_MOST = 3


def register(app: Flask) -> None:
    """Suggest APIs where an address of the market leads nowhere."""
    suggest_by(app, suggest)


def suggest(path: str) -> list[Nearby]:
    """Return listed APIs, and for an address without one providers, whose address is like a path's, the most alike first."""
    place = _PLACE.match(path)
    if place is None:
        return []
    organisation, slug = (part.lower().replace("\x00", "") for part in place.groups(""))
    wanted = f"{organisation}/{slug}" if slug else organisation
    found = {one.id: one for one in _candidates(organisation, slug)}
    alike = {one: _likeness(one, wanted, is_whole=bool(slug)) for one in found.values()}
    best = sorted((one for one in alike if alike[one] >= _ALIKE), key=lambda one: (-alike[one], one.name))
    near = [] if slug else [_provider(one) for one in _providers(organisation, found.values())]
    return [*near, *(_nearby(one) for one in best)][:_MOST]


def _providers(organisation: str, found: Iterable[Glimpse]) -> list[Glimpse]:
    """One API of each provider whose address is like the one asked for, the most alike first."""
    by_slug = {one.organisation: one for one in found}
    alike = {slug: SequenceMatcher(None, slug, organisation).ratio() for slug in by_slug}
    return [by_slug[slug] for slug in sorted(by_slug, key=lambda slug: (-alike[slug], slug)) if alike[slug] >= _ALIKE]


def _candidates(organisation: str, slug: str) -> list[Glimpse]:
    """The provider's own, and those that hold the words, corrected to words that listings use. All by index."""
    words = slug.replace("-", " ") or organisation.replace("-", " ")
    meant = vocabulary.correct(words) or words
    return finder.list_of_provider(organisation) + finder.find_listed(meant, most=20)


def _likeness(one: Glimpse, wanted: str, *, is_whole: bool) -> float:
    address = f"{one.organisation}/{one.slug}"
    whole = SequenceMatcher(None, address, wanted).ratio()
    # The API may be right and its provider wrong, or only half of the address was typed.
    part = SequenceMatcher(None, one.slug, wanted.rpartition("/")[2]).ratio()
    return max(whole, part * 0.9) if is_whole else max(part, SequenceMatcher(None, one.organisation, wanted).ratio())


def _provider(one: Glimpse) -> Nearby:
    address = url_for("catalog.provider", organisation=one.organisation)
    return Nearby(one.organisation_name, address, note=f"{_('Provider')} · {address}")


def _nearby(one: Glimpse) -> Nearby:
    address = url_for("catalog.show", organisation=one.organisation, api=one.slug)
    return Nearby(one.name, address, note=f"{one.organisation_name} · {address}")
