"""The pages of a project: what it is, its apps with their keys, its features. What it sells and to whom is further up."""

from __future__ import annotations

from flask import Flask, url_for
from flask_babel import gettext as _

from portal.projects.pages import apps, features, overview
from portal.projects.pages.blueprint import bp
from portal.web import nav
from portal.web.principal import Principal


def register(app: Flask) -> None:
    """Register the pages and where they stand in the navigation."""
    app.register_blueprint(bp)
    nav.contribute(app, 70, _links)


def _links(principal: Principal | None) -> list[nav.NavItem]:
    if principal is None or not (principal.has_role_for("publish") or principal.is_operator):
        return []
    return [nav.link(_("Projects"), url_for("projects.index"))]


__all__ = ["apps", "features", "overview", "register"]
