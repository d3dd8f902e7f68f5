"""The organisation's projects, and one of them: what to do next, with the calls to paste."""

from __future__ import annotations

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from portal.db import transaction
from portal.projects import forms, queries, service
from portal.projects.errors import NameTaken
from portal.projects.forms import Entered
from portal.projects.frame import acting, open_project, progress, rights
from portal.projects.pages.blueprint import bp
from portal.projects.types import Acting
from portal.web.plugs import plugs
from portal.web.principal import get_principal, right_required


@bp.get("/projects")
@right_required("read")
def index() -> Response:
    """List the projects; operators see everybody's."""
    return _index(Entered())


@bp.post("/projects")
@right_required("manage")
def create() -> Response | Redirect:
    """Open a project for the acting organisation."""
    name, entered = forms.read_name(request.form)
    principal = get_principal()
    if name is not None:
        try:
            with transaction():
                project_id = service.create_project(name, by=Acting(principal.actor, principal.organisation_id))
        except NameTaken:
            entered.errors["name"] = _(
                "A project with this name exists already. Names are unique on the whole platform."
            )
        else:
            flash(_("The project is open. Next: a feature, a price, and a key for your program."), "success")
            return redirect(url_for("projects.show", project_id=project_id), 303)
    return _index(entered, 422)


@bp.get("/projects/<int:project_id>")
@right_required("read")
def show(project_id: int) -> str:
    """Show what a project has, and what it needs next."""
    project = open_project(project_id)
    origin = plugs().settings.public_url.rstrip("/")
    return render_template(
        "projects/show.html", project=project, origin=origin, **progress(project_id), has_price=None, **rights()
    )


@bp.post("/projects/<int:project_id>")
@right_required("manage")
def rename(project_id: int) -> Response | Redirect:
    """Call a project something else."""
    project = open_project(project_id)
    name, entered = forms.read_name(request.form)
    if name is not None:
        try:
            with transaction():
                service.rename_project(project_id, name, by=acting(project))
        except NameTaken:
            entered.errors["name"] = _(
                "A project with this name exists already. Names are unique on the whole platform."
            )
        else:
            flash(_("The project is called “%(name)s” now.", name=name), "success")
            return redirect(url_for("projects.show", project_id=project_id), 303)
    flash(entered.first_problem, "danger")
    return redirect(url_for("projects.show", project_id=project_id), 303)


def _index(entered: Entered, status: int = 200) -> Response:
    principal = get_principal()
    mine = None if principal.is_operator else (principal.organisation_id or 0)
    page = render_template("projects/index.html", projects=queries.list_projects(mine), form=entered, **rights())
    return make_response(page, status)
