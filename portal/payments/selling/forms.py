"""What a person typed about products, prices, and rights given by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import cast

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from portal.kit.money import CURRENCIES
from portal.kit.periods import Interval
from portal.pricing.types import PriceTerms

INTERVALS = ("month", "year", "week", "day", "once")
MOST_AMOUNT = 99_999_999


@dataclass(slots=True)
class Typed:
    """What goes back into a form, and what is wrong with it by field."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def problems(self) -> list[tuple[str, str]]:
        """The faults as (id of the field, message), for the summary above the form."""
        return [(f"f-{name}", message) for name, message in self.errors.items()]

    @classmethod
    def of(cls, form: MultiDict[str, str], *names: str) -> Typed:
        """Read fields as single lines."""
        return cls({name: " ".join(form.get(name, "").split()) for name in names})


@dataclass(frozen=True, slots=True)
class WantedPrice:
    """A price to take over (`stripe_price_id`) or to make (`terms`)."""

    name: str
    stripe_price_id: str | None
    terms: PriceTerms | None
    trial_days: int
    access_days: int | None


@dataclass(frozen=True, slots=True)
class WantedGrant:
    """A right to give by hand."""

    feature_id: int
    reason: str
    valid_to: datetime | None
    quantity: Decimal | None


def read_product(form: MultiDict[str, str], feature_ids: set[int]) -> tuple[tuple[str, int | None] | None, Typed]:
    """Return name and feature of a product, or None and what to mend."""
    typed = Typed.of(form, "name", "feature")
    _check_text(typed, "name", 80)
    feature_id = _choice(typed, "feature", feature_ids)
    return (None if typed.errors else (typed.values["name"], feature_id)), typed


def read_price(form: MultiDict[str, str]) -> tuple[WantedPrice | None, Typed]:
    """Return the price, or None and what to mend. With an id of the provider's the rest is read from there."""
    typed = Typed.of(form, "plan", "stripe_price_id", "amount", "currency", "interval", "trial_days", "access_days")
    _check_text(typed, "plan", 80)
    trial, access = _number(typed, "trial_days", 730), _number(typed, "access_days", 36_500)
    adopted = typed.values["stripe_price_id"]
    terms = None
    if adopted:
        if not adopted.isascii() or len(adopted) > 255:
            typed.errors["stripe_price_id"] = _("An id such as price_1AbC.")
    else:
        terms = _terms(typed, trial or 0, access)
    if typed.errors:
        return None, typed
    return WantedPrice(typed.values["plan"], adopted or None, terms, trial or 0, access), typed


def read_grant(form: MultiDict[str, str], feature_ids: set[int], now: datetime) -> tuple[WantedGrant | None, Typed]:
    """Return the right, or None and what to mend. A last day is included: the right ends when that day does, in UTC."""
    typed = Typed.of(form, "feature", "reason", "last_day", "quantity")
    feature_id = _choice(typed, "feature", feature_ids)
    if feature_id is None and "feature" not in typed.errors:
        typed.errors["feature"] = _("Choose a feature.")
    _check_text(typed, "reason", 500)
    until = _end_of(typed, now)
    quantity = _number(typed, "quantity", 2**53)
    if typed.errors or feature_id is None:
        return None, typed
    return WantedGrant(
        feature_id, typed.values["reason"], until, None if quantity is None else Decimal(quantity)
    ), typed


def _terms(typed: Typed, trial_days: int, access_days: int | None) -> PriceTerms | None:
    values = typed.values
    currency = CURRENCIES.get(values["currency"])
    if currency is None:
        typed.errors["currency"] = _("Choose a currency.")
        return None
    if values["interval"] not in INTERVALS:
        typed.errors["interval"] = _("Choose how often it is paid.")
    amount = _minor_units(values["amount"], currency.exponent)
    if amount is None or amount > MOST_AMOUNT:
        typed.errors["amount"] = _("An amount such as 14.99.")
    elif 0 < amount < currency.min_charge:
        typed.errors["amount"] = _(
            "Too small to be charged: the least is %(least)s minor units.", least=currency.min_charge
        )
    if typed.errors or amount is None:
        return None
    once = values["interval"] == "once"
    if once and amount == 0:
        typed.errors["amount"] = _("What costs nothing needs no checkout: give it by hand.")
        return None
    return PriceTerms(
        amount=amount,
        currency=currency.code,
        interval=cast(Interval, "month" if once else values["interval"]),
        trial_days=0 if once else trial_days,
        one_time=once,
        access_days=access_days if once else None,
    )


def _minor_units(text: str, exponent: int) -> int | None:
    """Return an amount in minor units, or None for what is no exact amount of the currency."""
    try:
        exact = Decimal(text.replace(",", ".")).scaleb(exponent)
    except InvalidOperation:
        return None
    if not exact.is_finite() or exact != exact.to_integral_value() or exact < 0:
        return None
    return int(exact)


def _end_of(typed: Typed, now: datetime) -> datetime | None:
    text = typed.values["last_day"]
    if not text:
        return None
    try:
        until = datetime.combine(date.fromisoformat(text) + timedelta(days=1), time.min, UTC)
    except (ValueError, OverflowError):
        typed.errors["last_day"] = _("A day such as 2027-01-31.")
        return None
    if until <= now:
        typed.errors["last_day"] = _("This day is over.")
    return until


def _number(typed: Typed, name: str, most: int) -> int | None:
    text = typed.values[name]
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 18 or int(text) > most:
        typed.errors[name] = _("A whole number up to %(most)s, or nothing.", most=most)
        return None
    return int(text)


def _choice(typed: Typed, name: str, allowed: set[int]) -> int | None:
    text = typed.values[name]
    if not text:
        return None
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
    if number not in allowed:
        typed.errors[name] = _("Choose one of the list.")
        return None
    return number


def _check_text(typed: Typed, name: str, longest: int) -> None:
    text = typed.values[name]
    if not 0 < len(text) <= longest or not text.isprintable():
        typed.errors[name] = _("Write up to %(count)s ordinary characters.", count=longest)
