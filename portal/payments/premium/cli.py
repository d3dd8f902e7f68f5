"""`flask --app wsgi premium …`: put the platform's own plan on sale."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from portal.audit.actors import command_actor
from portal.db import SYSTEM, enter_scope, transaction
from portal.kit.money import UnknownCurrency, currency
from portal.payments.premium.offering import offer_premium
from portal.pricing.errors import InvalidTerms

premium = AppGroup("premium", help="The platform's own premium plan.")


@premium.command("offer")
@click.option("--monthly", type=click.IntRange(1), required=True, help="Minor units (cents) a month.")
@click.option("--yearly", type=click.IntRange(1), required=True, help="Minor units (cents) a year.")
@click.option("--currency", "code", default="eur", show_default=True)
def offer(monthly: int, yearly: int, code: str) -> None:
    """Put premium on sale, or change its prices: who has it keeps the old one."""
    try:
        known = currency(code).code
        enter_scope(SYSTEM)
        with transaction(SYSTEM):
            offer_premium(monthly, yearly, known, actor=command_actor())
    except (UnknownCurrency, InvalidTerms) as fault:
        raise click.ClickException(str(fault)) from None
    click.echo(f"Premium is on sale: {monthly} a month, {yearly} a year, in {known} minor units.")
