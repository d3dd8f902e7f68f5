"""`flask --app wsgi usage …`: the request log and its sums, for operators."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import orjson
from flask.cli import AppGroup

from portal.db import SYSTEM, in_transaction
from portal.kit.periods import Period
from portal.metering import api_rollups, partitions, readings, rollups
from portal.web.plugs import plugs

usage = AppGroup("usage", help="The request log and its sums.")
_DATE = click.DateTime(formats=["%Y-%m-%d"])


@usage.command("partitions")
@click.option("--months", type=click.IntRange(1, 24), default=3, show_default=True, help="How many months ahead.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def partitions_(months: int, as_json: bool) -> None:
    """Make the log's monthly partitions ahead, and move waiting calls into theirs."""
    now = plugs().clock.now()
    made = in_transaction(lambda _session: partitions.ensure_ahead(now, months), scope=SYSTEM)
    found = in_transaction(lambda _session: partitions.outlook(now), scope=SYSTEM)
    if as_json:
        click.echo(orjson.dumps({"made": made, "months": found.months, "rows_in_default": found.rows_in_default}))
    else:
        click.echo(f"made {', '.join(made) or 'nothing'}; {found.summary()}")


@usage.command()
@click.option("--from", "since", type=_DATE, required=True, help="First UTC day.")
@click.option("--to", "until", type=_DATE, required=True, help="Last UTC day, included.")
def recompute(since: datetime, until: datetime) -> None:
    """Sum every hour of some days again from the log."""
    if until < since:
        raise click.BadParameter("the last day is before the first", param_hint="--to")
    period = Period(since.replace(tzinfo=UTC), until.replace(tzinfo=UTC) + timedelta(days=1))
    marked = in_transaction(lambda _session: rollups.mark_dirty(period), scope=SYSTEM)
    done = 0
    while step := in_transaction(lambda _session: rollups.recompute_dirty(), scope=SYSTEM):
        done += step
    while in_transaction(lambda _session: api_rollups.recompute_dirty_api_days(), scope=SYSTEM):
        pass
    click.echo(f"{marked} hours marked, {done} summed again")


@usage.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def health(as_json: bool) -> None:
    """Say how the log and its sums are doing; ends with 1 when somebody should look."""
    found = readings.read(plugs().clock.now())
    warnings = found.warnings()
    if as_json:
        figures = {"dirty_hours": found.dirty_hours, "lag_seconds": found.lag_seconds, "quarantined": found.quarantined}
        click.echo(orjson.dumps({"warnings": warnings, **figures}))
    else:
        click.echo("\n".join(warnings) or f"all well: {found.partitions.summary()}; {found.quarantined} in quarantine")
    raise SystemExit(1 if warnings else 0)
