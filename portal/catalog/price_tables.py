"""Prices as tables and a drawing: the steps of a tiered price, which plan is best where, cost over volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

from flask_babel import gettext as _

from portal.kit.money import Money
from portal.pricing.types import Offer, PriceTerms
from portal.pricing.volumes import FARTHEST, Quote, Stretches, quote
from portal.web.figures import Chart, Series, chart_data, compact, ticks
from portal.web.formatting import money, number, unit_price

# A plan keeps its colour by its place in the list; 2 and 8 are taken by what is not counted and by the past.
_SLOTS = (1, 3, 5, 4, 6, 7)
_POINTS = 24


@dataclass(frozen=True, slots=True)
class Range:
    """A span of volumes in words, the offer that is best there, and whether even that one refuses calls at its end."""

    words: str
    offer: Offer
    refuses: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """The drawing of cost over volume, and its figures: one row per volume, one quote per offer."""

    chart: Chart
    rows: list[tuple[int, list[Quote]]]


def has_steps(terms: PriceTerms) -> bool:
    """True when a price is easier read as a table."""
    return bool(terms.tiers) or terms.package_size is not None


def steps(terms: PriceTerms) -> list[tuple[str, str, str]]:
    """Return the rows `(calls, price, fee)` of a price with steps, beginning with the calls that are included."""
    included = terms.included_quantity or 0
    rows = [(_("the first %(n)s", n=number(included)), _("included"), "")] if included else []
    if terms.package_size is not None and terms.unit_amount is not None:
        price = unit_price(terms.unit_amount, terms.currency)
        return [*rows, (_("every %(n)s begun", n=number(terms.package_size)), price, "")]
    after = Fraction(0)
    for tier in terms.tiers:
        first = number(included + floor(after) + 1)
        last = None if tier.up_to is None else number(included + floor(tier.up_to))
        calls = _("%(first)s to %(last)s", first=first, last=last) if last else _("%(first)s and more", first=first)
        price = _("%(price)s each", price=unit_price(tier.unit_amount, terms.currency))
        rows.append((calls, price, money(tier.flat_amount, terms.currency) if tier.flat_amount else ""))
        after = Fraction(tier.up_to) if tier.up_to is not None else after
    return rows


def ranges(found: Stretches) -> list[Range]:
    """Return the spans in which each offer is the best, in words."""
    ends = [stretch.first - 1 for stretch in found.found[1:]] + [found.until]
    listed = []
    for stretch, last in zip(found.found, ends, strict=True):
        first = number(stretch.first)
        is_open = last == FARTHEST
        words = (
            _("%(first)s and more", first=first)
            if is_open
            else _("%(first)s to %(last)s", first=first, last=number(last))
        )
        listed.append(Range(words, stretch.offer, quote(stretch.offer, last).refused > 0))
    return listed


def curve(offers: Sequence[Offer], calls: int) -> Curve | None:
    """Return each offer's monthly cost from nothing to twice the volume; None when nothing would be drawn."""
    volumes = sorted({floor(volume) for volume in ticks(max(2 * calls, 100), _POINTS)} | {calls})
    rows = [(volume, [quote(offer, volume) for offer in offers]) for volume in volumes]
    labels = [compact(float(volume)) for volume in volumes]
    shown = offers[: len(_SLOTS)]
    series = [
        Series(_name(offer, rows[-1][1][n]), [row[n].monthly.decimal for _volume, row in rows], slot=_SLOTS[n])
        for n, offer in enumerate(shown)
    ]
    code = offers[0].terms.currency
    chart = chart_data(
        labels,
        series,
        kind="line",
        unit=code.upper(),
        summary=_("Cost a month over calls a month, one line per plan. The table beneath has the figures."),
        show=lambda value: _axis(value, code),
    )
    return (
        None if chart.is_empty else Curve(chart, [row for n, row in enumerate(rows) if n % 2 == 0 or row[0] == calls])
    )


def _name(offer: Offer, farthest: Quote) -> str:
    if not farthest.refused or offer.terms.included_quantity is None:
        return offer.name
    return str(_("%(plan)s (refuses calls beyond %(n)s)", plan=offer.name, n=number(offer.terms.included_quantity)))


def _axis(value: float, code: str) -> str:
    minor = Decimal(str(value)).scaleb(len(str(Money(1, code).decimal).partition(".")[2]))
    return money(int(minor), code) if minor == int(minor) else ""
