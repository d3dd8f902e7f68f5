"""`flask --app wsgi projects …`: open projects, add features, give programs their keys."""

from __future__ import annotations

from datetime import timedelta

import click
from flask.cli import AppGroup

from portal.audit.actors import command_actor
from portal.db import SYSTEM, enter_scope, transaction
from portal.identity.errors import UnknownOrganisation
from portal.identity.queries import get_organisation_by_slug
from portal.projects import apps, queries, service
from portal.projects.errors import InvalidApp, NameTaken, UnknownApp, UnknownProject
from portal.projects.rules import NotAnOrigin, origin_of
from portal.projects.types import SCOPES, Acting, NewApp, ProjectView
from portal.web.plugs import plugs

projects = AppGroup("projects", help="Open projects, add features, and give programs their keys.")


@projects.command("list")
def list_() -> None:
    """List every project with its apps and their working keys."""
    enter_scope(SYSTEM)
    now = plugs().clock.now()
    for project in queries.list_projects(None):
        click.echo(f"{project.id}  {project.name}")
        for app in queries.list_apps(project.id, now):
            live = [key for key in app.keys if key.state in ("lasting", "ending")]
            keys = ", ".join(f"{key.id}: sk_app_{key.public_id}_…{key.last_four} ({key.state})" for key in live)
            click.echo(f"    app {app.id}  {app.name}  {'on' if app.active else 'off'}  {keys or 'no key that works'}")


@projects.command("create")
@click.argument("name")
@click.option(
    "--organisation", default=None, metavar="SLUG", help="Whose project it is; without it the platform's own."
)
def create(name: str, organisation: str | None) -> None:
    """Open a project called NAME; prints its id."""
    enter_scope(SYSTEM)
    try:
        owner = get_organisation_by_slug(organisation).id if organisation else None
        with transaction(SYSTEM):
            project_id = service.create_project(name, by=Acting(command_actor(), owner))
    except UnknownOrganisation:
        raise click.ClickException(f"There is no organisation {organisation}.") from None
    except NameTaken:
        raise click.ClickException(f"There is a project {name} already.") from None
    click.echo(str(project_id))


@projects.command("feature")
@click.argument("project_id", type=int)
@click.argument("code")
@click.argument("name")
def feature(project_id: int, code: str, name: str) -> None:
    """Add a feature CODE, called NAME, to a project."""
    project = _project(project_id)
    try:
        with transaction(SYSTEM):
            service.add_feature(project_id, code, name, by=_acting(project))
    except NameTaken:
        raise click.ClickException(f"The project has a feature {code} already.") from None
    click.echo(f"{code} can be given by products, plans and grants now.")


@projects.command("app")
@click.argument("project_id", type=int)
@click.argument("name")
@click.option("--origin", "origins", multiple=True, help="Where people may be sent back to; may be repeated.")
@click.option(
    "--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What it may do; everything without it."
)
@click.option("--per-minute", type=click.IntRange(1, 100_000), default=600, show_default=True)
def app(project_id: int, name: str, origins: tuple[str, ...], scopes: tuple[str, ...], per_minute: int) -> None:
    """Make an app called NAME; prints its key, this once."""
    project, ports = _project(project_id), plugs()
    try:
        allowed = tuple(origin_of(one, insecure=ports.settings.is_development) for one in origins)
        with transaction(SYSTEM):
            made = apps.create_app(
                project_id,
                name,
                pepper=ports.settings.pepper,
                now=ports.clock.now(),
                by=_acting(project),
                scopes=scopes or SCOPES,
                redirect_origins=allowed,
                requests_per_minute=per_minute,
            )
    except (NotAnOrigin, NameTaken, InvalidApp) as fault:
        raise click.ClickException(str(fault)) from None
    _show(made)


@projects.command("rotate-key")
@click.argument("project_id", type=int)
@click.argument("app_id", type=int)
@click.option("--overlap-hours", type=click.IntRange(0, 720), default=24, show_default=True)
def rotate_key(project_id: int, app_id: int, overlap_hours: int) -> None:
    """Replace an app's key; the old one works on for the overlap. Prints the new one, this once."""
    project, ports = _project(project_id), plugs()
    try:
        with transaction(SYSTEM):
            made = apps.rotate_key(
                project_id,
                app_id,
                overlap=timedelta(hours=overlap_hours),
                pepper=ports.settings.pepper,
                now=ports.clock.now(),
                by=_acting(project),
            )
    except UnknownApp:
        raise click.ClickException(f"Project {project_id} has no app {app_id}.") from None
    _show(made)


@projects.command("revoke-key")
@click.argument("project_id", type=int)
@click.argument("app_id", type=int)
@click.argument("key_id", type=int)
def revoke_key(project_id: int, app_id: int, key_id: int) -> None:
    """End a key at once, as after a leak."""
    project = _project(project_id)
    try:
        with transaction(SYSTEM):
            apps.revoke_key(project_id, app_id, key_id, now=plugs().clock.now(), by=_acting(project))
    except UnknownApp:
        raise click.ClickException(f"App {app_id} of project {project_id} has no live key {key_id}.") from None
    click.echo("The key is refused within a second.")


def _project(project_id: int) -> ProjectView:
    enter_scope(SYSTEM)
    try:
        return queries.get_project(project_id)
    except UnknownProject:
        raise click.ClickException(f"There is no project {project_id}.") from None


def _show(made: NewApp) -> None:
    click.echo(f"app {made.app_id}, key {made.key_id}")
    click.echo(made.key)


def _acting(project: ProjectView) -> Acting:
    return Acting(command_actor(), project.organisation_id)
