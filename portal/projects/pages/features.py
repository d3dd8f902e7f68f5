"""The features of a project: what its users may be entitled to."""

from __future__ import annotations

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from portal.db import transaction
from portal.projects import forms, queries, service
from portal.projects.errors import NameTaken
from portal.projects.forms import Entered
from portal.projects.frame import acting, open_project, rights
from portal.projects.pages.blueprint import bp
from portal.projects.types import ProjectView
from portal.web.principal import right_required


@bp.get("/projects/<int:project_id>/features")
@right_required("read")
def features(project_id: int) -> Response:
    """List the features."""
    return _page(open_project(project_id), Entered())


@bp.post("/projects/<int:project_id>/features")
@right_required("publish")
def add_feature(project_id: int) -> Response | Redirect:
    """Add one."""
    project = open_project(project_id)
    wanted, entered = forms.read_feature(request.form)
    if wanted is not None:
        try:
            with transaction():
                service.add_feature(project_id, *wanted, by=acting(project))
        except NameTaken:
            entered.errors["code"] = _("The project has a feature with this code already.")
        else:
            flash(_("Added. Products, plans and grants can give it now."), "success")
            return redirect(url_for("projects.features", project_id=project_id), 303)
    return _page(project, entered, 422)


def _page(project: ProjectView, entered: Entered, status: int = 200) -> Response:
    found = queries.list_features(project.id)
    page = render_template("projects/features.html", project=project, features=found, form=entered, **rights())
    return make_response(page, status)
