"""`flask --app wsgi codes …`: codes that make plans cheaper. The payment provider keeps them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TypeVar

import click
from flask.cli import AppGroup

from portal.audit.actors import command_actor
from portal.db import SYSTEM, enter_scope
from portal.kit.money import Money, UnknownCurrency
from portal.payments import codes as making
from portal.payments.at_provider import ensure_price
from portal.payments.discounts import product_reference
from portal.ports.payments import PaymentsRefused, PaymentsUnavailable
from portal.ports.promotions import Discount, Duration, NewCode, PromotionCode
from portal.pricing.queries import get_offer
from portal.web.plugs import plugs

Answer = TypeVar("Answer")
codes = AppGroup("codes", help="Make, list and stop codes that take something off a plan's price.")


@codes.command("make")
@click.argument("code")
@click.option("--percent", default=None, metavar="SHARE", help="Take off a share, such as 25 or 12.5.")
@click.option("--amount", type=click.IntRange(1), default=None, help="Take off so many minor units (cents).")
@click.option("--currency", default="eur", show_default=True, help="Currency of --amount.")
@click.option("--months", type=click.IntRange(1, 600), default=None, help="For so many months.")
@click.option("--forever", is_flag=True, help="For as long as the subscription lasts; once, when neither is given.")
@click.option("--plan", "plans", type=int, multiple=True, help="Only for the plan with this id; may be repeated.")
@click.option(
    "--expires", type=click.DateTime(["%Y-%m-%d"]), default=None, help="Last day before which to use it, UTC."
)
@click.option("--uses", type=click.IntRange(1), default=None, help="How often it may be used in all.")
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
def make(
    code: str,
    percent: str | None,
    amount: int | None,
    currency: str,
    months: int | None,
    forever: bool,
    plans: tuple[int, ...],
    expires: datetime | None,
    uses: int | None,
    reason: str,
) -> None:
    """Make a CODE of letters, digits and dashes."""
    if (percent is None) == (amount is None):
        raise click.UsageError("Say either --percent or --amount.")
    if months is not None and forever:
        raise click.UsageError("Say either --months or --forever.")
    duration: Duration = "forever" if forever else "repeating" if months else "once"
    try:
        off = Money(amount, currency.lower()) if amount is not None else None
    except UnknownCurrency as problem:
        raise click.UsageError(str(problem)) from None
    share = _share(percent) if percent is not None else None
    enter_scope(SYSTEM)
    products = frozenset(_sold(plan) for plan in plans) or None
    ends = expires.replace(tzinfo=UTC) if expires else None
    wanted = NewCode(code, Discount(duration, share, off, months, products), ends, uses)
    made = _asked(
        lambda: making.make_code(
            wanted, payments=plugs().payments, actor=command_actor(), reason=reason, now=plugs().clock.now()
        )
    )
    click.echo(_line(made))


@codes.command("list")
def list_() -> None:
    """List every code, newest first."""
    for found in _asked(plugs().payments.list_codes):
        click.echo(_line(found))


@codes.command("stop")
@click.argument("code")
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
def stop(code: str, reason: str) -> None:
    """Let nobody use CODE any more; who has used it keeps what it gave."""
    found = _asked(lambda: making.stop_code(code, payments=plugs().payments, actor=command_actor(), reason=reason))
    if found is None:
        raise click.ClickException(f"There is no code {code}.")
    click.echo(f"{found.code} is stopped.")


def _asked(question: Callable[[], Answer]) -> Answer:
    try:
        return question()
    except PaymentsRefused as refusal:
        raise click.ClickException(str(refusal)) from None
    except PaymentsUnavailable:
        raise click.ClickException("The payment provider did not answer; try again.") from None


def _share(text: str) -> Decimal:
    try:
        share = Decimal(text)
    except InvalidOperation:
        raise click.UsageError("--percent is a number such as 25 or 12.5.") from None
    if not (share.is_finite() and 0 < share <= 100 and share == round(share, 2)):
        raise click.UsageError("--percent is above 0, at most 100, with two decimals at most.")
    return share


def _sold(plan_id: int) -> str:
    """Return the provider's name of a plan, which must be known there before a code can be for it."""
    offer = get_offer(plan_id)
    if offer is None:
        raise click.UsageError(f"There is no plan {plan_id} for sale.")
    _asked(lambda: ensure_price(offer, plugs().payments))
    return product_reference(plan_id)


def _line(found: PromotionCode) -> str:
    discount = found.discount
    if discount.percent_off is not None:
        off = f"{discount.percent_off.normalize():f} %"
    else:
        off = f"{discount.amount_off.decimal} {discount.amount_off.currency.upper()}" if discount.amount_off else ""
    span = f"{discount.months} months" if discount.months else discount.duration
    used = f"{found.uses} of {found.most_uses or 'any number of'} uses"
    return f"{found.code}  {off} off, {span}  {used}  {'active' if found.is_active else 'ended'}"
