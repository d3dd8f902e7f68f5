"""The drawings of the figures, and the words on their axes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction

from babel.core import Locale
from babel.dates import format_date
from flask_babel import get_locale
from flask_babel import gettext as _

from portal.analytics.trends import Month
from portal.kit.money import Money, round_half_up
from portal.web.figures import Chart, Series, chart_data
from portal.web.formatting import money


def shown(amount: Fraction | int, currency: str) -> str:
    """Write an exact amount of minor units as money, rounded once, here."""
    return money(round_half_up(amount), currency)


def month_name(start: datetime, *, long: bool = False) -> str:
    """Name a UTC calendar month: "Mar", or "March 2026"."""
    locale = get_locale() or Locale("en")
    return format_date(start.date(), "LLLL y" if long else "LLL", locale=locale)


def recurring_chart(months: Sequence[Month], currency: str) -> Chart:
    """Return recurring revenue at the end of each month, what is overdue on top of it."""
    series = [Series(_("Recurring"), _major([one.recurring for one in months], currency), slot=1)]
    if any(one.overdue for one in months):
        series.append(Series(_("Overdue"), _major([one.overdue for one in months], currency), slot=2))
    words = _("Recurring revenue at the end of twelve months. The table beneath has the figures.")
    return chart_data(_labels(months), series, unit=currency.upper(), summary=words, partial=True)


def money_chart(months: Sequence[Month], currency: str) -> Chart:
    """Return what came in each month, and as a thin line what went back."""
    series = [Series(_("Received"), _major([one.received for one in months], currency), slot=1)]
    if any(one.refunded for one in months):
        series.append(Series(_("Refunded"), _major([one.refunded for one in months], currency), slot=8, faint=True))
    words = _("Money received in twelve months. The table beneath has the figures.")
    return chart_data(_labels(months), series, unit=currency.upper(), summary=words, partial=True)


def _labels(months: Sequence[Month]) -> list[str]:
    return [month_name(one.period.start) for one in months]


def _major(amounts: Sequence[int], currency: str) -> list[float]:
    return [float(Money(amount, currency).decimal) for amount in amounts]
