"""`flask --app wsgi people …` and `… organisations …`: who operates the platform, and who is who they say they are.

Only whoever may run commands decides that.
"""

from __future__ import annotations

import click
from flask.cli import AppGroup

from portal.audit.actors import command_actor
from portal.db import SYSTEM, scoped, transaction
from portal.identity import operating
from portal.identity import people as finding
from portal.identity.errors import UnknownOrganisation
from portal.identity.queries import get_organisation_by_slug

people = AppGroup("people", help="Appoint and dismiss operators of the platform.")


organisations = AppGroup("organisations", help="Say which organisations are who they say they are.")


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
    _check(reason)
    with scoped(SYSTEM):
        found = finding.find_confirmed(email.strip())
    if found is None:
        raise click.ClickException(f"Nobody has confirmed the address {email}.")
    with transaction(SYSTEM):
        changed = operating.set_operator(found.id, is_operator, actor=command_actor(), reason=reason.strip())
    verb = "appointed" if is_operator else "dismissed"
    click.echo(f"{found.name} <{found.email}> {'is' if changed else 'was already'} {verb}.")


@organisations.command("verify")
@click.argument("slug")
@click.option("--reason", required=True, help="What was checked; kept in the audit trail.")
def verify(slug: str, reason: str) -> None:
    """Mark the organisation at this address as checked: buyers see it beside its name."""
    _mark(slug, True, reason)


@organisations.command("unverify")
@click.argument("slug")
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
def unverify(slug: str, reason: str) -> None:
    """Take the mark back."""
    _mark(slug, False, reason)


def _mark(slug: str, is_verified: bool, reason: str) -> None:
    _check(reason)
    try:
        with scoped(SYSTEM):
            found = get_organisation_by_slug(slug)
        with transaction(SYSTEM):
            changed = operating.set_verified(found.id, is_verified, actor=command_actor(), reason=reason.strip())
    except UnknownOrganisation:
        raise click.ClickException(f"There is no organisation at {slug}.") from None
    click.echo(f"{found.name} {'is' if changed else 'was already'} {'verified' if is_verified else 'not verified'}.")


def _check(reason: str) -> None:
    if not reason.strip():
        raise click.UsageError("Say why: --reason '…'")
