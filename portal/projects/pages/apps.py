"""Apps of a project: made, narrowed, switched off; their keys replaced with an overlap and ended."""

from __future__ import annotations

from datetime import timedelta

from flask import Response, abort, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as Redirect

from portal.db import transaction
from portal.projects import apps as commands
from portal.projects import forms, queries
from portal.projects.errors import InvalidApp, NameTaken, UnknownApp
from portal.projects.forms import Entered
from portal.projects.frame import acting, open_project, rights
from portal.projects.pages.blueprint import bp
from portal.projects.types import SCOPES, AppView, NewApp, ProjectView
from portal.web.plugs import plugs
from portal.web.principal import right_required

OVERLAPS = {"0": 0, "1": 1, "24": 24, "168": 168, "720": 720}  # hours


@bp.get("/projects/<int:project_id>/apps")
@right_required("read")
def apps(project_id: int) -> Response:
    """List the apps of a project with their keys."""
    return _list(open_project(project_id), Entered())


@bp.post("/projects/<int:project_id>/apps")
@right_required("keys")
def create_app(project_id: int) -> Response:
    """Make an app and show its first key, this once."""
    project, ports = open_project(project_id), plugs()
    wanted, entered = forms.read_app(request.form, insecure=ports.settings.is_development)
    if wanted is None:
        return _list(project, entered, 422)
    try:
        with transaction():
            made = commands.create_app(
                project_id,
                wanted.name,
                pepper=ports.settings.pepper,
                now=ports.clock.now(),
                by=acting(project),
                scopes=wanted.scopes,
                redirect_origins=wanted.redirect_origins,
                requests_per_minute=wanted.requests_per_minute,
            )
    except NameTaken:
        entered.errors["name"] = _("The project has an app of this name already.")
    except InvalidApp as fault:
        entered.errors |= fault.faults
    else:
        return _show(project, _app(project_id, made.app_id), Entered(), 201, issued=made)
    return _list(project, entered, 422)


@bp.get("/projects/<int:project_id>/apps/<int:app_id>")
@right_required("read")
def app(project_id: int, app_id: int) -> Response:
    """Show an app: what it may do, and its keys."""
    project = open_project(project_id)
    return _show(project, _app(project_id, app_id), Entered())


@bp.post("/projects/<int:project_id>/apps/<int:app_id>")
@right_required("keys")
def change_app(project_id: int, app_id: int) -> Response | Redirect:
    """Change what an app may do."""
    project = open_project(project_id)
    found = _app(project_id, app_id)
    wanted, entered = forms.read_app(request.form, insecure=plugs().settings.is_development)
    if wanted is None:
        return _show(project, found, entered, 422)
    try:
        with transaction():
            commands.change_app(project_id, app_id, wanted, by=acting(project))
    except NameTaken:
        entered.errors["name"] = _("The project has an app of this name already.")
    except InvalidApp as fault:
        entered.errors |= fault.faults
    else:
        flash(_("Saved. It holds from the next request on."), "success")
        return redirect(url_for("projects.app", project_id=project_id, app_id=app_id), 303)
    return _show(project, found, entered, 422)


@bp.post("/projects/<int:project_id>/apps/<int:app_id>/rotation")
@right_required("keys")
def rotate(project_id: int, app_id: int) -> Response:
    """Make a new key and show it, this once; the old one works on for the chosen overlap."""
    project, ports = open_project(project_id), plugs()
    hours = OVERLAPS.get(request.form.get("overlap", "24"))
    if hours is None:
        abort(422, _("Choose how long the old key should go on working."))
    try:
        with transaction():
            made = commands.rotate_key(
                project_id,
                app_id,
                overlap=timedelta(hours=hours),
                pepper=ports.settings.pepper,
                now=ports.clock.now(),
                by=acting(project),
            )
    except UnknownApp:
        abort(404)
    return _show(project, _app(project_id, app_id), Entered(), 201, issued=made)


@bp.post("/projects/<int:project_id>/apps/<int:app_id>/keys/<int:key_id>/revocation")
@right_required("keys")
def revoke(project_id: int, app_id: int, key_id: int) -> Redirect:
    """End a key."""
    project = open_project(project_id)
    try:
        with transaction():
            commands.revoke_key(project_id, app_id, key_id, now=plugs().clock.now(), by=acting(project))
    except UnknownApp:
        abort(404)
    flash(_("The key is revoked. Requests that carry it are refused within a second."), "success")
    return redirect(url_for("projects.app", project_id=project_id, app_id=app_id), 303)


@bp.post("/projects/<int:project_id>/apps/<int:app_id>/activity")
@right_required("keys")
def switch(project_id: int, app_id: int) -> Redirect:
    """Switch an app off or on again, whatever keys it holds."""
    project, active = open_project(project_id), request.form.get("active") == "1"
    try:
        with transaction():
            commands.set_active(project_id, app_id, active, by=acting(project))
    except UnknownApp:
        abort(404)
    flash(
        _("The app is on.") if active else _("The app is off. None of its keys works until you switch it on."),
        "success",
    )
    return redirect(url_for("projects.app", project_id=project_id, app_id=app_id), 303)


def _app(project_id: int, app_id: int) -> AppView:
    try:
        return queries.get_app_view(project_id, app_id, plugs().clock.now())
    except UnknownApp:
        abort(404)


def _list(project: ProjectView, entered: Entered, status: int = 200) -> Response:
    found = queries.list_apps(project.id, plugs().clock.now())
    page = render_template("projects/apps.html", project=project, apps=found, form=entered, scopes=SCOPES, **rights())
    return make_response(page, status)


def _show(
    project: ProjectView, found: AppView, entered: Entered, status: int = 200, *, issued: NewApp | None = None
) -> Response:
    page = render_template(
        "projects/app.html",
        project=project,
        app=found,
        form=entered,
        scopes=SCOPES,
        issued=issued,
        origin=plugs().settings.public_url.rstrip("/"),
        **rights(),
    )
    return make_response(page, status)
