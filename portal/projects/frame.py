"""What every page about a project needs, here and further up: the project, if the reader may see it, and its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import abort

from portal.db import SYSTEM, enter_scope, scoped
from portal.projects.errors import UnknownProject
from portal.projects.finding import count_accounts
from portal.projects.queries import get_project, list_apps, list_features
from portal.projects.types import Acting, ProjectView
from portal.web.plugs import plugs
from portal.web.principal import get_principal


def open_project(project_id: int) -> ProjectView:
    """Return a project of the reader's organisation, any for an operator; else answer 404.

    What follows in this request reads and writes the project's rows.
    """
    principal = get_principal()
    try:
        project = get_project(project_id)
    except UnknownProject:
        abort(404)
    if principal.is_operator:
        enter_scope(SYSTEM)
    elif project.organisation_id is None or project.organisation_id != principal.organisation_id:
        abort(404)
    else:
        enter_scope(replace(principal.scope, project_id=project_id))
    return project


def acting(project: ProjectView) -> Acting:
    """Return who acts, for the trail of the organisation whose project it is."""
    return Acting(get_principal().actor, project.organisation_id)


def progress(project_id: int) -> dict[str, Any]:
    """Return how far a project has come, for the list of steps. The caller has opened the project."""
    apps = list_apps(project_id, plugs().clock.now())
    with scoped(SYSTEM):
        users = count_accounts(project_id)
    return {
        "features": list_features(project_id),
        "users": users,
        "has_key": any(key.state == "lasting" for app in apps for key in app.keys),
    }


def rights() -> dict[str, Any]:
    """Return what the reader may change, for templates."""
    may = get_principal().may
    return {"may_keys": may("keys"), "may_sell": may("publish"), "may_manage": may("manage")}
