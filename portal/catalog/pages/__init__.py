"""The catalog's HTML: the market for everybody, the desk of a provider."""

from __future__ import annotations

from flask import Flask, url_for
from flask_babel import gettext as _

from portal.catalog import addresses, frame, palette
from portal.catalog.pages import (
    changes,
    comparing,
    documentation,
    finding,
    gaps,
    judging,
    logo,
    marketplace,
    overview,
    pictures,
    pricing,
    provider,
    saving,
    storefront,
)
from portal.web import duties, nav
from portal.web.principal import Principal

for _pages in (overview, documentation, pricing, changes, pictures, storefront):
    _pages.routes(marketplace.bp)


def register(app: Flask) -> None:
    """Serve the market and the provider's desk, and name them in the navigation."""
    app.url_map.converters["provider"] = storefront.ProviderSlug
    app.register_blueprint(marketplace.bp)
    frame.register(app)
    palette.register(app)
    addresses.register(app)
    app.register_blueprint(gaps.bp)
    app.register_blueprint(judging.bp)
    app.register_blueprint(provider.bp)
    nav.contribute(app, 10, lambda _principal: [nav.link(_("APIs"), url_for("catalog.index"))])
    nav.contribute(app, 60, _provider_links)
    duties.contribute(app, 58, judging.duty)
    duties.contribute(app, 60, gaps.duty)


def _provider_links(principal: Principal | None) -> list[nav.NavItem]:
    if principal is None or not principal.has_role_for("publish"):
        return []
    return [nav.link(_("My APIs"), url_for("provider.index"))]


__all__ = ["comparing", "finding", "logo", "register", "saving"]
