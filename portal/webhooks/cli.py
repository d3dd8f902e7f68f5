"""`flask --app wsgi webhooks …`: what the payment provider told us, what could not be worked, what never arrived."""

from __future__ import annotations

from datetime import UTC, datetime

import click
from flask.cli import AppGroup

from portal.audit.actors import command_actor
from portal.db import SYSTEM, enter_scope, transaction
from portal.ports.payments import PaymentsUnavailable
from portal.web.plugs import plugs
from portal.webhooks import queries, replaying
from portal.webhooks.errors import NothingToReplay
from portal.webhooks.filling import LONGEST_LOOK_BACK
from portal.webhooks.filling import fill_gaps as fill
from portal.webhooks.queries import Wanted

webhooks = AppGroup("webhooks", help="Look at the inbox of payment events, replay what failed, find what never came.")


@webhooks.command("list")
@click.option("--state", type=click.Choice(queries.STATES), default=None, help="Only deliveries in this state.")
@click.option("--type", "kind", default=None, help="Only events of this type; a type with a dot at its end is a group.")
@click.option("--object", "about", default=None, help="Only events about the object with this id.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
def list_(state: str | None, kind: str | None, about: str | None, limit: int) -> None:
    """List deliveries, newest first, and how many there are in each state."""
    enter_scope(SYSTEM)
    for found in queries.list_deliveries(Wanted(state=state, kind=kind, about=about), limit=limit):
        fault = (found.outcome or {}).get("fault") or (found.outcome or {}).get(found.state) or ""
        click.echo(
            f"{found.id}\t{found.state}\t{found.type}\t{found.object_id or '-'}\t{found.external_id}"
            f"\t{found.received_at:%Y-%m-%d %H:%M:%S}Z\t{found.attempts} attempts\t{fault}"
        )
    counts = queries.count_by_state()
    click.echo("  ".join(f"{counts[state]} {state}" for state in queries.STATES))


@webhooks.command("replay")
@click.argument("ids", type=int, nargs=-1)
@click.option("--all-dead", is_flag=True, help="Every delivery that was given up.")
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
def replay(ids: tuple[int, ...], all_dead: bool, reason: str) -> None:
    """Put deliveries back into the queue: those with these IDS, or all dead ones."""
    if bool(ids) == all_dead:
        raise click.UsageError("Say either which ids or --all-dead.")
    actor, queue, count = command_actor(), plugs().queue, len(ids)
    try:
        with transaction(SYSTEM):
            for one in ids:
                replaying.replay(one, actor=actor, reason=reason, queue=queue)
            if all_dead:
                count = replaying.replay_dead(actor=actor, reason=reason, queue=queue)
    except NothingToReplay as problem:
        raise click.ClickException(_nothing(problem)) from None
    click.echo(f"{count} {'is' if count == 1 else 'are'} in the queue again.")


@webhooks.command("fill-gaps")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), default=None,
              help="UTC; an hour before the last look's end unless said. At most 30 days back.")  # fmt: skip
def fill_gaps(since: datetime | None) -> None:
    """Read the provider's list of events and store those that never arrived."""
    ports, now = plugs(), plugs().clock.now()
    begin = since.replace(tzinfo=UTC) if since else None
    if begin and begin < now - LONGEST_LOOK_BACK:
        click.echo(f"The provider lists the last {LONGEST_LOOK_BACK.days} days only; looking from there.", err=True)
    try:
        found = fill(payments=ports.payments, queue=ports.queue, now=now, livemode=ports.settings.livemode, since=begin)
    except PaymentsUnavailable:
        raise click.ClickException("The payment provider did not answer; try again.") from None
    click.echo(
        f"{found.missing} of {found.seen} events since {found.since:%Y-%m-%d %H:%M}Z were missing; they are stored."
    )


def _nothing(problem: NothingToReplay) -> str:
    if problem.args:
        return f"There is no delivery {problem.args[0]} that came to an end. Nothing was replayed."
    return "No delivery is dead."
