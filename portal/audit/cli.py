"""`flask --app wsgi audit …`: prove that nothing in the trail was changed, removed or slipped in."""

from __future__ import annotations

import re

import click
from flask.cli import AppGroup

from portal.audit.sealing import seal_new
from portal.audit.verifying import in_words, walk
from portal.db import SYSTEM, in_transaction, scoped

audit = AppGroup("audit", help="The trail of privileged acts and its chain of seals.")
_HASH = re.compile(r"[0-9a-f]{64}")


@audit.command("verify")
@click.option("--head", "expected", help="A head printed earlier: prove that it is still in the chain.")
def verify(expected: str | None) -> None:
    """Walk the whole chain; end with 1 and say what is wrong first, or print the head to keep somewhere else."""
    if expected is not None and not _HASH.fullmatch(expected := expected.strip().lower()):
        raise click.BadParameter("a head is 64 hexadecimal digits", param_hint="--head")
    with scoped(SYSTEM):
        walked = walk(expected=bytes.fromhex(expected) if expected else None)
    if walked.fault is not None:
        click.echo(in_words(walked.fault), err=True)
        raise SystemExit(1)
    if walked.head is None:
        click.echo("Nothing is sealed yet.")
        return
    click.echo(f"{walked.links} entries, each as it was sealed; none is missing, none was slipped in.")
    if walked.found_at is not None:
        click.echo(f"The head you gave is number {walked.found_at} of the chain.")
    click.echo(f"Head, number {walked.head.number}: {walked.head.hash.hex()}")


@audit.command("seal")
def seal() -> None:
    """Seal what waits, where no worker runs; a worker does it each second."""
    count = in_transaction(lambda _session: seal_new(), scope=SYSTEM)
    click.echo(f"{count} sealed")
