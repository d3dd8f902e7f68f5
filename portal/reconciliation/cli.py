"""`flask --app wsgi reconciliation …`: compare now, and how the last comparison went."""

from __future__ import annotations

from datetime import timedelta

import click
from flask.cli import AppGroup

from portal.audit.actors import command_actor
from portal.db import SYSTEM, enter_scope, scoped, transaction
from portal.payments.changing import syncing_from
from portal.reconciliation import queries, running
from portal.reconciliation.views import RunView
from portal.web.plugs import plugs

reconciliation = AppGroup("reconciliation", help="Compare us with Stripe and the gateway; repair on the page.")


@reconciliation.command("run")
@click.option("--all", "everything", is_flag=True, help="Also compare what was read in the last minutes.")
@click.option("--days-back", type=click.IntRange(1, 90), default=None, help="How far back to look.")
def run(everything: bool, days_back: int | None) -> None:
    """Run one comparison here and now; nothing is repaired. Ends with 1 when anything disagrees or is unknown."""
    enter_scope(SYSTEM)
    ports = plugs()
    rules = running.rules_of(ports.settings)
    with transaction(SYSTEM):
        begun = running.start(
            "command",
            actor=command_actor(),
            now=ports.clock.now(),
            days_back=days_back or rules.days_back,
            age=timedelta(0) if everything else rules.age,
        )
    if begun is None:
        raise click.ClickException("A comparison is running already; `reconciliation status` says how far it is.")
    syncing = syncing_from(ports.payments, ports.clock, ports.settings)
    while running.work_page(syncing, ports.gateway):
        pass
    _tell(begun)


@reconciliation.command("status")
def status() -> None:
    """Say how the last comparison went, or how far it is."""
    enter_scope(SYSTEM)
    _tell()


def _tell(number: int | None = None) -> None:
    with scoped(SYSTEM):
        last = queries.find_latest_run()
    if last is None:
        raise click.ClickException("Nothing was compared yet.")
    click.echo(_line(last))
    for code, count in sorted(last.by_code.items()):
        click.echo(f"  {count:>6}  {code}")
    if number is not None and (last.status == "failed" or last.mismatched or last.unknown):
        raise click.exceptions.Exit(1)


def _line(last: RunView) -> str:
    counts = f"{last.in_sync} agree, {last.mismatched} disagree, {last.unknown} unknown, {last.healed} healed"
    error = f" ({last.error})" if last.error else ""
    return f"run {last.id} {last.status}{error}: {last.total} compared: {counts}; {last.skipped} too recent"
