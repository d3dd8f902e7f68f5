"""The pages of a project: what it is, its apps with their keys, its features. What it sells and to whom is further up."""

from __future__ import annotations

from flask import Flask, url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.projects import queries
from portal.projects.pages import apps, features, overview
from portal.projects.pages.blueprint import bp
from portal.web import duties, nav
from portal.web.duties import Duty, Fact
from portal.web.formatting import number
from portal.web.principal import Principal


def register(app: Flask) -> None:
    """Register the pages and where they stand in the navigation."""
    app.register_blueprint(bp)
    nav.contribute(app, 70, _links)
    duties.contribute(app, 55, _duty)


def _links(principal: Principal | None) -> list[nav.NavItem]:
    if principal is None or not (principal.has_role_for("publish") or principal.is_operator):
        return []
    return [nav.link(_("Projects"), url_for("projects.index"))]


def _duty() -> Duty:
    about = _("Products that bill through us: what they sell, their users with their rights, their keys.")
    return Duty(_("Projects"), url_for("projects.index"), about, _read, also=_("integrators apps features"))


def _read() -> list[Fact]:
    found = len(queries.list_projects(None))
    return [Fact(ngettext("%(shown)s project", "%(shown)s projects", found, shown=number(found)))]


__all__ = ["apps", "features", "overview", "register"]
