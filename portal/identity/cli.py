"""`flask --app wsgi people …`: who operates the platform. Only whoever may run commands decides that."""

from __future__ import annotations

import getpass

import click
from flask.cli import AppGroup

from portal.db import SYSTEM, scoped, transaction
from portal.identity import operating
from portal.identity import people as finding

people = AppGroup("people", help="Appoint and dismiss operators of the platform.")


@people.command("appoint")
@click.argument("email")
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
def appoint(email: str, reason: str) -> None:
    """Let the person with this confirmed address operate the platform."""
    _change(email, True, reason)


@people.command("dismiss")
@click.argument("email")
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
def dismiss(email: str, reason: str) -> None:
    """End a person's right to operate the platform, from their next request on."""
    _change(email, False, reason)


def _change(email: str, is_operator: bool, reason: str) -> None:
    if not reason.strip():
        raise click.UsageError("Say why: --reason '…'")
    with scoped(SYSTEM):
        found = finding.find_confirmed(email.strip())
    if found is None:
        raise click.ClickException(f"Nobody has confirmed the address {email}.")
    with transaction(SYSTEM):
        changed = operating.set_operator(found.id, is_operator, actor=f"command:{_account()}", reason=reason.strip())
    verb = "appointed" if is_operator else "dismissed"
    click.echo(f"{found.name} <{found.email}> {'is' if changed else 'was already'} {verb}.")


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"
