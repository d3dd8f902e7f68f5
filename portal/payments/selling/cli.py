"""`flask --app wsgi prices …`: what projects sell, and the metadata of prices kept in a file."""

from __future__ import annotations

from pathlib import Path

import click
from flask.cli import AppGroup

from portal.audit.actors import command_actor
from portal.db import SYSTEM, enter_scope, transaction
from portal.payments.errors import PriceNotUsable
from portal.payments.selling import adopting, metadata
from portal.payments.selling.metadata import UnusableFile
from portal.ports.payments import NotAtProvider, PaymentsRefused, PaymentsUnavailable
from portal.pricing.errors import InvalidTerms, PlanCodeTaken
from portal.pricing.queries import list_sold
from portal.projects.errors import UnknownProject
from portal.projects.queries import find_feature, get_project, list_features, list_projects
from portal.projects.types import Acting, ProjectView
from portal.web.plugs import plugs

prices = AppGroup(
    "prices", help="List what projects sell, take prices over from Stripe, keep their metadata in a file."
)


@prices.command("list")
@click.argument("project_id", type=int)
def list_(project_id: int) -> None:
    """List what a project sells and has sold."""
    _project(project_id)
    for product in list_sold(project_id):
        click.echo(f"{product.id}  {product.name}")
        for plan in product.plans:
            terms = plan.offer.terms
            how = "once" if terms.one_time else f"every {terms.interval_count} {terms.interval}"
            state = "on sale" if plan.is_sold else "no longer sold"
            click.echo(
                f"    {plan.offer.stripe_price_id}  {plan.offer.name}  {terms.amount} {terms.currency} {how}  {state}"
            )


@prices.command("take-over")
@click.argument("project_id", type=int)
@click.argument("stripe_price_id")
@click.option("--product", required=True, help="Name of the product; made when the project has none of this name.")
@click.option("--feature", default=None, metavar="CODE", help="What the product gives; for a new product.")
@click.option("--plan", default="Standard", show_default=True, help="Name of the plan.")
@click.option("--access-days", type=click.IntRange(1, 36_500), default=None, help="For what is paid once.")
def take_over(
    project_id: int, stripe_price_id: str, product: str, feature: str | None, plan: str, access_days: int | None
) -> None:
    """Sell under a price that stands at Stripe (price_…)."""
    project, ports = _project(project_id), plugs()
    try:
        found = ports.payments.fetch_price(stripe_price_id)
        terms = adopting.terms_of_price(found, livemode=ports.settings.livemode, access_days=access_days)
        with transaction(SYSTEM):
            product_id = _product(project, product, feature)
            adopting.add_price(
                product_id, plan, terms, stripe_price_id=stripe_price_id, features={}, by=_acting(project),
                project_id=project_id,
            )  # fmt: skip
    except NotAtProvider:
        raise click.ClickException(f"Stripe has no price {stripe_price_id} in this mode.") from None
    except (PaymentsRefused, PaymentsUnavailable, InvalidTerms, PlanCodeTaken) as fault:
        raise click.ClickException(str(fault)) from None
    except PriceNotUsable as fault:
        raise click.ClickException(f"{stripe_price_id} cannot be sold: {fault.reason.replace('_', ' ')}.") from None
    click.echo(f"{stripe_price_id} is on sale in project {project_id}.")


@prices.command("sync")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--apply", "is_applied", is_flag=True, help="Write the difference; without it, only show it.")
@click.option("--check", "is_check", is_flag=True, help="End with 1 when anything differs, for a build.")
def sync(file: Path, is_applied: bool, is_check: bool) -> None:
    """Show how the metadata of prices at Stripe differs from FILE, and make it equal with --apply."""
    try:
        changes = metadata.differences(metadata.read_file(file.read_text("utf-8")), plugs().payments)
    except (UnusableFile, UnicodeDecodeError) as fault:
        raise click.ClickException(f"{file}: {fault}") from None
    except (PaymentsRefused, PaymentsUnavailable) as fault:
        raise click.ClickException(str(fault)) from None
    if not changes:
        click.echo("Nothing differs.")
        return
    last = ""
    for change in changes:
        if change.price_id != last:
            click.echo(change.price_id)
            last = change.price_id
        click.echo(str(change))
    if is_applied:
        metadata.write(changes, plugs().payments)
        click.echo(f"Written: {len(changes)} values.")
    else:
        click.echo(f"{len(changes)} values differ. Run again with --apply to write them.")
        if is_check:
            raise SystemExit(1)


@prices.command("export")
@click.option("--project", "project_id", type=int, default=None, help="Only this project's prices.")
def export(project_id: int | None) -> None:
    """Print the file that says of each price which project and feature it is for."""
    enter_scope(SYSTEM)
    wanted: dict[str, dict[str, str]] = {}
    for project in [_project(project_id)] if project_id else list_projects(None):
        codes = {one.id: one.code for one in list_features(project.id)}
        for product in list_sold(project.id):
            for plan in product.plans:
                if plan.offer.stripe_price_id and plan.is_sold:
                    given = {"project_id": str(project.id)}
                    if product.feature_id in codes:
                        given["feature_code"] = codes[product.feature_id]
                    wanted[plan.offer.stripe_price_id] = given
    click.echo(metadata.as_file(wanted), nl=False)


def _product(project: ProjectView, name: str, feature_code: str | None) -> int:
    held = next((one for one in list_sold(project.id) if one.name == name), None)
    if held is not None:
        return held.id
    feature = find_feature(project.id, feature_code) if feature_code else None
    if feature_code and feature is None:
        raise click.ClickException(f"Project {project.id} has no feature {feature_code}; add it first.")
    return adopting.add_product(
        project.id, name, feature_id=feature.id if feature else None, description=None, by=_acting(project)
    )


def _project(project_id: int) -> ProjectView:
    enter_scope(SYSTEM)
    try:
        return get_project(project_id)
    except UnknownProject:
        raise click.ClickException(f"There is no project {project_id}.") from None


def _acting(project: ProjectView) -> Acting:
    return Acting(command_actor(), project.organisation_id)
