"""How figures and instants read. One formatter for money, so a card, a preview and an invoice cannot differ."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel.core import Locale
from babel.dates import format_datetime
from babel.numbers import format_currency, format_decimal, format_percent, get_currency_symbol
from flask import Flask, g
from flask_babel import format_date, get_locale, get_timezone, ngettext
from flask_babel import gettext as _
from markupsafe import Markup, escape

from portal.kit.clock import as_utc, isoformat_z
from portal.kit.money import Money, currency
from portal.web.plugs import plugs

_MINUS = "\N{MINUS SIGN}"


def register(app: Flask) -> None:
    """Give every template the formatters as functions and as filters."""
    shared: dict[str, Any] = {
        "money": money,
        "unit_price": unit_price,
        "number": number,
        "percent": percent,
        "day": day,
        "calendar_day": calendar_day,
        "when": lambda instant: when(instant, plugs().clock.now()),
        "instant": instant_text,
        "isoformat": isoformat_z,
    }
    app.jinja_env.globals.update(shared)
    app.jinja_env.filters.update(shared)


def money(amount: int | Money, code: str = "eur") -> str:
    """Format minor units with the currency's own decimals: `money(2900, "eur")` is €29.00 in English."""
    return _money(amount if isinstance(amount, Money) else Money(amount, code), _locale())


def unit_price(minor: Decimal, code: str) -> str:
    """Format a price per unit in (fractions of) minor units, with as many decimals as it has: €0.0003, not €0.00."""
    major = Decimal(minor).scaleb(-currency(code).exponent).normalize()
    exponent = major.as_tuple().exponent
    decimals = max(currency(code).exponent, -exponent if isinstance(exponent, int) else 0)
    pattern = _locale().currency_formats["standard"].pattern.split(";")[0]
    text = format_decimal(abs(major), format="#,##0." + "0" * decimals if decimals else "#,##0", locale=_locale())
    symbol = get_currency_symbol(code.upper(), locale=_locale())
    placed = f"{text}\N{NO-BREAK SPACE}{symbol}" if pattern.strip().endswith("¤") else f"{symbol}{text}"
    return f"{_MINUS}{placed}" if major < 0 else placed


def number(value: float | Decimal) -> str:
    """Format a count with thousands separated and a true minus."""
    return _number(value, _locale())


def percent(share: float | Decimal, decimals: int = 1) -> str:
    """Format a share of one: `percent(0.0123)` is 1.2% in English and 1,2 % in German."""
    return _percent(str(share), decimals, _locale())


def day(instant: datetime) -> Markup:
    """Return a `<time>` with the date in the reader's zone and the exact instant in its title."""
    return _time(instant, written(instant, "d MMM yyyy"))


def calendar_day(when: date | str) -> Markup:
    """Return a `<time>` with a date that belongs to no zone, such as the one a document is of; text is ISO 8601."""
    shown = when if isinstance(when, date) else date.fromisoformat(when)
    text = format_date(shown, date_pattern("d MMMM yyyy"), rebase=False)
    return Markup('<time datetime="{}">{}</time>').format(shown.isoformat(), text)


def when(instant: datetime, now: datetime) -> Markup:
    """Return a `<time>` that reads relative to now ("4 minutes ago"), with the exact instant in its title."""
    return _time(instant, _relative(as_utc(instant) - as_utc(now)) or written(instant, "d MMM yyyy"))


def instant_text(instant: datetime) -> str:
    """Return date, time and zone in the reader's zone."""
    return written(instant, "d MMM yyyy, HH:mm:ss z")


def date_pattern(pattern: str) -> str:
    """Return a date pattern with the marks of the reader's language: "d MMM" becomes "d. MMM" in German (10. März)."""
    return pattern.replace("EEE d", "EEE, d").replace("d MMM", "d. MMM") if _locale().language == "de" else pattern


def _time(instant: datetime, text: str) -> Markup:
    exact = f"{instant_text(instant)} · {isoformat_z(instant)}"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(isoformat_z(instant), escape(exact), text)


def _relative(difference: timedelta) -> str | None:
    seconds = round(difference.total_seconds())
    past, size = seconds <= 0, abs(seconds)
    if size < 10:
        return str(_("just now"))
    if size < 60:
        return str(
            ngettext("%(num)d second ago", "%(num)d seconds ago", size)
            if past
            else ngettext("in %(num)d second", "in %(num)d seconds", size)
        )
    if size < 3600:
        n = size // 60
        return str(
            ngettext("%(num)d minute ago", "%(num)d minutes ago", n)
            if past
            else ngettext("in %(num)d minute", "in %(num)d minutes", n)
        )
    if size < 86_400:
        n = size // 3600
        return str(
            ngettext("%(num)d hour ago", "%(num)d hours ago", n)
            if past
            else ngettext("in %(num)d hour", "in %(num)d hours", n)
        )
    if size < 86_400 * 30:
        n = size // 86_400
        return str(
            ngettext("%(num)d day ago", "%(num)d days ago", n)
            if past
            else ngettext("in %(num)d day", "in %(num)d days", n)
        )
    return None


def written(instant: datetime, pattern: str) -> str:
    """Return an instant in the reader's zone and language, by a date pattern of Unicode ("d MMM HH:mm:ss")."""
    return _instant(instant, date_pattern(pattern), get_timezone(), _locale())


# A page writes hundreds of figures, many of them again and again; one costs Babel some ten microseconds.
@lru_cache(maxsize=8192)
def _money(value: Money, locale: Locale) -> str:
    return format_currency(value.decimal, value.currency.upper(), locale=locale).replace("-", _MINUS)


@lru_cache(maxsize=8192, typed=True)
def _number(value: float | Decimal, locale: Locale) -> str:
    return format_decimal(value, locale=locale).replace("-", _MINUS)


@lru_cache(maxsize=8192)
def _percent(share: str, decimals: int, locale: Locale) -> str:
    pattern = locale.percent_formats[None].pattern.replace("#,##0", "0." + "0" * decimals)
    return format_percent(Decimal(share), format=pattern, locale=locale).replace("-", _MINUS)


@lru_cache(maxsize=8192)
def _instant(instant: datetime, pattern: str, zone: tzinfo, locale: Locale) -> str:
    return format_datetime(instant, pattern, tzinfo=zone, locale=locale)


def _locale() -> Locale:
    found = get_locale() if g else None
    return found or Locale("en")
