"""The command palette's page and its results, and what the web layer itself offers there: theme and language."""

from __future__ import annotations

import re

from flask import Blueprint, Flask, Response, request, url_for
from flask_babel import gettext as _

from portal.web.negotiation import page_or_fragment
from portal.web.palette import Asked, Entry, Group, find, offer
from portal.web.preferences import LOCALES, choose_locale, choose_theme
from portal.web.principal import find_principal, public

bp = Blueprint("palette", __name__)
LONGEST = 100
MOST_RECENT = 5
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_ADDRESS = re.compile(r"/[\w./~-]{0,200}", re.ASCII)
_LANGUAGES = {"en": "English", "de": "Deutsch"}


def register(app: Flask) -> None:
    """Serve the page and offer the acts of appearance."""
    app.register_blueprint(bp)
    offer(app, _appearance)


@bp.get("/find")
@public
def index() -> Response:
    """Find pages, things and acts by words; as options for the palette, as links and buttons on a page of its own."""
    words = " ".join(_CONTROLS.sub(" ", request.args.get("q", "")).split())[:LONGEST].strip()
    recent = tuple(filter(_ADDRESS.fullmatch, request.args.get("recent", "").split(" ")[:MOST_RECENT]))
    sections = find(Asked(find_principal(), words, recent))
    response = page_or_fragment(
        "palette/find.html",
        "palette/_options.html",
        words=words,
        sections=sections,
        titles=titles(),
        longest=LONGEST,
    )
    response.vary.add("Cookie")
    return response


def titles() -> dict[Group, str]:
    """Return what each group is called."""
    return {
        Group.RECENT: _("Recently opened"),
        Group.PAGES: _("Pages"),
        Group.SUBSCRIPTIONS: _("Subscriptions"),
        Group.KEYS: _("API keys"),
        Group.INVOICES: _("Invoices"),
        Group.OWN_APIS: _("My APIs"),
        Group.APIS: _("APIs in the market"),
        Group.PROVIDERS: _("Providers"),
        Group.ACTS: _("Things to do"),
        Group.ORGANISATIONS: _("Organisations"),
        Group.OPERATIONS: _("Operating the platform"),
        Group.SEARCHES: _("Search elsewhere"),
    }


def _appearance(_asked: Asked) -> list[Entry]:
    looks = {"light": _("Switch to light"), "dark": _("Switch to dark"), "auto": _("Light or dark as the system")}
    theme, here = choose_theme(), choose_locale()
    return [
        Entry(
            label,
            url_for("preferences.set_theme"),
            Group.ACTS,
            also=_("theme appearance mode"),
            is_act=True,
            sends=("theme", value),
        )
        for value, label in looks.items()
        if value != theme
    ] + [
        Entry(
            _("Change language to %(name)s", name=_LANGUAGES[locale]),
            url_for("preferences.set_locale"),
            Group.ACTS,
            also="language Sprache locale",
            is_act=True,
            sends=("locale", locale),
        )
        for locale in LOCALES
        if locale != here
    ]
