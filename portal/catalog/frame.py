"""The frame around every page of one API: which API is meant, its header, its tabs.

A tab may belong to a feature above the catalog (docs/adr/0015): that feature registers it with `contribute_tab`, finds
the API with `find_view` and renders a template that extends `catalog/_frame.html` with `frame(...)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, abort, current_app, redirect, request, url_for
from flask_babel import gettext as _

from portal.catalog import markdown, queries, wording
from portal.catalog.errors import UnknownApi
from portal.catalog.facts import find_facts
from portal.catalog.finding import labelling
from portal.catalog.holders import find_held
from portal.catalog.labels import find_blocked
from portal.catalog.pages.pictures import picture_of
from portal.catalog.rules import LISTED_STATES
from portal.catalog.types import SMALLEST_SAMPLE, ApiView
from portal.pricing.queries import list_offers
from portal.pricing.rules import other_currency
from portal.web.pictures import public_address
from portal.web.plugs import plugs
from portal.web.principal import find_principal

Address = dict[str, Any]


def contribute_tab(app: Flask, position: int, name: str, label: Callable[[], str], endpoint: str) -> None:
    """Add a tab that every API has; `endpoint` takes `organisation`, `api` and perhaps `version`."""
    app.extensions.setdefault("listing tabs", []).append((position, name, label, endpoint))


def register(app: Flask) -> None:
    """Add the catalog's own tabs, and what templates need to name a provider."""
    app.jinja_env.globals["support_address"] = support_address
    contribute_tab(app, 10, "overview", lambda: _("Overview"), "catalog.show")
    contribute_tab(app, 20, "docs", lambda: _("Docs"), "catalog.docs")
    contribute_tab(app, 40, "pricing", lambda: _("Pricing"), "catalog.pricing")
    contribute_tab(app, 60, "changes", lambda: _("Versions"), "catalog.changes")


def support_address(support: str) -> str:
    """Return where to ask a provider: a web address as it is, an e-mail address as a link that writes to it."""
    return support if support.startswith(("http://", "https://")) else f"mailto:{support}"


def find_view(organisation: str, slug: str) -> ApiView:
    """Return the API of an address as its reader may see it, in the version that the address names; 404 without one.

    Who subscribes to an API that operators have blocked is sent to the subscription, which says so and can be cancelled.
    """
    principal = find_principal()
    version = request.args.get("version") or None
    try:
        return queries.get_api(principal.organisation_id if principal else None, organisation, slug, version)
    except UnknownApi:
        product_id = find_blocked(organisation, slug)
        subscription_id = find_held(product_id) if product_id is not None else None
        if subscription_id is None:
            abort(404)
        abort(redirect(url_for("subscriptions.show", subscription_id=subscription_id)))


def is_own(view: ApiView) -> bool:
    """True when the reader acts for the API's provider."""
    principal = find_principal()
    return principal is not None and principal.organisation_id == view.organisation_id


def base_url_of(view: ApiView) -> str:
    """Return the address that calls begin with."""
    return f"{plugs().settings.gateway_url}/{view.organisation}/{view.slug}"


def frame(view: ApiView, tab: str) -> dict[str, Any]:
    """Return what `catalog/_frame.html` needs around the tab called `tab`."""
    chosen: Address = {"version": view.version.name} if view.version and not view.version.is_default else {}
    address: Address = {"organisation": view.organisation, "api": view.slug, **chosen}
    principal, served = find_principal(), current_app.view_functions
    offers = list_offers(view.product_id) if view.product_id is not None else []
    facts = find_facts(view.id)
    measured = facts if view.state in LISTED_STATES else None
    has_standing = principal is not None and principal.organisation_id is not None and view.product_id is not None
    return {
        "api": view,
        "address": address,
        "tab": tab,
        "tabs_of_api": _tabs(tab, address),
        "canonical": public_address(url_for(request.endpoint or "", **(request.view_args or {}), **chosen)),
        "base_url": base_url_of(view),
        "offers": offers,
        "other_currency": other_currency(offers),
        "wording": wording,
        "render": markdown.render,
        "render_line": markdown.render_line,
        "picture": picture_of(view, offers, facts),
        "measured_facts": measured,
        "is_judged": measured is not None and measured.calls_90d >= SMALLEST_SAMPLE,
        "labelling": labelling,
        "is_own": is_own(view),
        "is_signed_in": principal is not None,
        "can_buy": "payments.review" in served and view.state in LISTED_STATES,
        "has_standing": has_standing and "payments.standing" in served,
    }


def _tabs(current: str, address: Address) -> list[tuple[str, str, bool]]:
    known: list[Any] = sorted(current_app.extensions.get("listing tabs", ()), key=lambda entry: entry[0])
    return [(label(), url_for(endpoint, **address), name == current) for _at, name, label, endpoint in known]
