"""`flask --app wsgi apis …`: what a provider does in the browser, for scripts and whole folders."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from portal.catalog import queries, service
from portal.catalog.errors import CatalogError, DocumentRefused
from portal.catalog.finding import vocabulary
from portal.catalog.openapi import reading
from portal.catalog.openapi.documents import MAX_BYTES
from portal.catalog.types import CATEGORIES, ImportResult
from portal.db import SYSTEM, Scope, scoped, transaction
from portal.identity.errors import UnknownOrganisation
from portal.identity.queries import get_organisation_by_slug
from portal.web.plugs import plugs

apis = AppGroup("apis", help="Import, list and publish APIs.")
_SUFFIXES = (".json", ".yaml", ".yml", ".json.gz", ".yaml.gz", ".yml.gz")
_SHOWN_FINDINGS = 5


@apis.command("import")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--organisation", required=True, help="Slug of the organisation that provides the APIs.")
@click.option("--slug", default="", help="Address of the API; from the title when absent. For one file only.")
@click.option("--name", default="", help="Name in the market; the document's title when absent. For one file only.")
@click.option("--category", type=click.Choice(CATEGORIES), default=None)
@click.option("--publish", "wants_publish", is_flag=True, help="Publish after importing.")
@click.option("--upstream", default="", help="Where the gateway sends calls; needed to publish.")
@click.option(
    "--free-plan", type=int, default=None, metavar="CALLS", help="Add a free plan with so many calls a month."
)
@click.option("--replace", is_flag=True, help="Replace a published version of the same name.")
def import_(
    source: Path,
    organisation: str,
    slug: str,
    name: str,
    category: str | None,
    wants_publish: bool,
    upstream: str,
    free_plan: int | None,
    replace: bool,
) -> None:
    """Import SOURCE, an OpenAPI document or a folder of them (JSON or YAML, may be gzipped)."""
    organisation_id = _organisation(organisation)
    files = list(_documents(source))
    if not files:
        raise click.ClickException(f"There is no .json, .yaml or .yml document in {source}.")
    if len(files) > 1 and (slug or name):
        raise click.UsageError(
            "--slug and --name are for one document; a folder's documents take theirs from the titles."
        )
    refused = 0
    for file in files:
        options = {"slug": slug, "name": name, "category": category or "", "replace": replace}
        try:
            _import_one(file, organisation_id, options, (upstream, free_plan) if wants_publish else None)
        except CatalogError as fault:
            refused += 1
            _say_refused(file, fault)
    click.echo(f"{len(files) - refused} imported, {refused} refused." if len(files) > 1 else "", nl=len(files) > 1)
    if refused:
        raise SystemExit(1)


def _organisation(slug: str) -> int:
    with scoped(SYSTEM):
        try:
            return get_organisation_by_slug(slug).id
        except UnknownOrganisation:
            raise click.ClickException(f"There is no organisation with the slug {slug!r}.") from None


def _documents(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    yield from sorted(file for file in source.rglob("*") if file.is_file() and file.name.endswith(_SUFFIXES))


def _import_one(
    file: Path, organisation_id: int, options: dict[str, Any], publication: tuple[str, int | None] | None
) -> None:
    started = time.perf_counter()
    raw = _bytes_of(file)
    prepared = reading.read(raw)
    now = plugs().clock.now()
    with transaction(Scope(organisation_id=organisation_id)):
        result = service.import_document(organisation_id, raw, prepared, actor="cli", now=now, **options)
        if publication:
            upstream, free_calls = publication
            allow = plugs().settings.gateway_allow_private_upstreams
            service.publish(
                organisation_id, result.api_id, actor="cli", now=now, upstream_url=upstream, allow_private=allow,
                free_calls=free_calls,
            )  # fmt: skip
    _say(file, result, (time.perf_counter() - started) * 1000, is_published=publication is not None)


def _bytes_of(file: Path) -> bytes:
    with file.open("rb") as stream:
        if file.suffix != ".gz":
            return stream.read(MAX_BYTES + 1)
        try:
            with gzip.open(stream) as unpacked:
                return unpacked.read(MAX_BYTES + 1)
        except (OSError, EOFError, zlib.error):
            raise DocumentRefused(415, "unsupported-format", "The file ends in .gz but is not gzip.") from None


def _say(file: Path, result: ImportResult, took_ms: float, *, is_published: bool) -> None:
    size = f"{result.bytes / 1024:,.1f} KB" if result.bytes < 2**20 else f"{result.bytes / 2**20:,.1f} MB"
    state = f"{result.outcome}, published" if is_published else result.outcome
    click.echo(
        f"{file.name:<44} {result.slug:<32} {state:<22} OpenAPI {result.openapi:<6} {result.operations:>4} operations"
        f" {size:>10} {took_ms:>6.0f} ms"
    )
    for finding in result.findings[:_SHOWN_FINDINGS]:
        click.echo(f"    {finding.pointer}: {finding.message}")
    if len(result.findings) > _SHOWN_FINDINGS:
        click.echo(f"    … and {len(result.findings) - _SHOWN_FINDINGS} more; the provider page lists them all.")


def _say_refused(file: Path, fault: CatalogError) -> None:
    click.secho(f"{file.name:<44} refused: {fault.message}", fg="red", err=True)
    for finding in fault.faults[:_SHOWN_FINDINGS]:
        click.echo(f"    {finding.pointer}: {finding.message}", err=True)


@apis.command("list")
@click.option("--organisation", default="", help="Only this organisation's.")
def list_(organisation: str) -> None:
    """List APIs with their state."""
    organisation_id = _organisation(organisation) if organisation else None
    with scoped(SYSTEM):
        for api in queries.list_everything(organisation_id):
            address = f"{api.organisation}/{api.slug}"
            click.echo(
                f"{api.id:>6}  {address:<50} {api.state:<11} {api.version:<12} {api.operation_count:>5} operations"
            )


@apis.command("words")
def words() -> None:
    """Count the words of all listings again, for correcting mistyped searches. Run it at night."""
    with transaction(SYSTEM):
        click.echo(f"{vocabulary.rebuild()} words changed.")
