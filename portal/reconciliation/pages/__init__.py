"""Where operators see that everything agrees, or what does not; and where customers check what they bought."""

from __future__ import annotations

from flask import Flask, url_for
from flask_babel import gettext as _

from portal.reconciliation import metrics, palette, wording
from portal.reconciliation.pages import check, mending, overview
from portal.reconciliation.pages.blueprint import bp
from portal.web import nav
from portal.web.principal import Principal

__all__ = ["check", "mending", "overview", "register"]


def register(app: Flask) -> None:
    """Serve the pages, offer them to the palette, and let figures and warnings be read."""
    app.register_blueprint(bp)
    wording.register(app)
    palette.register(app)
    metrics.register(app)
    nav.contribute(app, 91, _operator_links)


def _operator_links(principal: Principal | None) -> list[nav.NavItem]:
    if principal is None or not principal.is_operator:
        return []
    return [nav.link(_("Billing agreement"), url_for("reconciliation.index"))]
