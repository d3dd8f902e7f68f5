"""Prices in words, once for every page: what a card, a review page, a comparison and a preview say is the same.

Honest by construction: each phrase about a limit says what happens to the next call (refused, billed, or nothing).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction

from flask import Flask
from flask_babel import gettext as _
from flask_babel import ngettext

from portal.pricing.rules import dearest_unit
from portal.pricing.types import ChargeLine, Offer, PriceTerms, TierShare
from portal.web.formatting import money, number, unit_price

_TIMES = "\N{MULTIPLICATION SIGN}"


def register(app: Flask) -> None:
    """Give every template these phrases."""
    app.jinja_env.globals.update(
        price_headline=headline, price_fee=fee, price_period=period, price_limit=limit, price_line=explain_line
    )


def headline(offers: Sequence[Offer]) -> str:
    """Return what something costs in one line for a card: what is free first, then the next step. Empty if not sold."""
    if not offers:
        return ""
    paid = min((offer.terms for offer in offers if not offer.is_free), key=lambda terms: terms.amount, default=None)
    free = max((offer.terms for offer in offers if offer.is_free), key=_generosity, default=None)
    if free is None and paid is not None:
        return beginning(paid)
    start = str(_("Free")) if free is None or free.included_quantity is None else _free_calls(free)
    if paid is None:
        return start
    return str(_("%(free)s, then %(price)s", free=start, price=_from(paid)))


def beginning(terms: PriceTerms) -> str:
    """Return the smallest thing these terms charge: "€0.004 a call", "Free 1,000 calls a month, then €0.004 a call"."""
    if terms.amount:
        return str(_("From %(price)s", price=fee(terms)))
    if terms.included_quantity:
        return str(_("%(free)s, then %(price)s", free=_free_calls(terms), price=usage(terms)))
    return usage(terms)


def fee(terms: PriceTerms) -> str:
    """Return the recurring amount with its period: "€29.00 a month"."""
    return f"{money(terms.amount, terms.currency)} {period(terms)}"


def period(terms: PriceTerms) -> str:
    """Return the billing period: "a month", "every 3 months"."""
    n = terms.interval_count
    if n == 1:
        one = {"day": _("a day"), "week": _("a week"), "month": _("a month"), "year": _("a year")}
        return str(one[terms.interval])
    several = {
        "day": ngettext("every %(num)d day", "every %(num)d days", n),
        "week": ngettext("every %(num)d week", "every %(num)d weeks", n),
        "month": ngettext("every %(num)d month", "every %(num)d months", n),
        "year": ngettext("every %(num)d year", "every %(num)d years", n),
    }
    return str(several[terms.interval])


def usage(terms: PriceTerms) -> str:
    """Return what a call beyond the included ones costs: "€0.004 a call", "€9.00 per 1,000 calls started"."""
    if terms.tiers:
        # The dearest step, because the cheapest is often free and would promise that calls cost nothing.
        highest = unit_price(dearest_unit(terms.tiers), terms.currency)
        if any(tier.flat_amount for tier in terms.tiers):
            return str(_("up to %(price)s a call by volume, plus the fee of each step", price=highest))
        return str(_("up to %(price)s a call, by volume", price=highest))
    if terms.unit_amount is None:
        return ""
    price = unit_price(terms.unit_amount, terms.currency)
    if terms.package_size is None:
        return str(_("%(price)s a call", price=price))
    return str(_("%(price)s per %(n)s calls started", price=price, n=number(terms.package_size)))


def limit(terms: PriceTerms) -> str:
    """Return how many calls a period has and what happens to the next one."""
    if terms.limit == "unlimited":
        return str(_("Unlimited calls"))
    n, each = number(terms.included_quantity or 0), period(terms)
    if terms.limit == "refused":
        return str(_("%(n)s calls %(period)s, then refused until the next period", n=n, period=each))
    if not terms.included_quantity:
        return str(_("Every call billed: %(price)s", price=usage(terms)))
    return str(_("%(n)s calls %(period)s included, then %(price)s", n=n, period=each, price=usage(terms)))


def explain_line(line: ChargeLine, currency: str) -> str:
    """Return how a line of a charge came about: "12,345 calls: 10,000 included, 2,345 × €0.004"."""
    if line.kind == "recurring":
        return str(_("Plan fee"))
    parts = []
    if line.included:
        parts.append(_("%(n)s included", n=_count(line.included)))
    if line.refused:
        parts.append(_("%(n)s refused", n=_count(line.refused)))
    if line.tiers:
        parts.append(" + ".join(_share(share, currency) for share in line.tiers))
    elif line.packages is not None and line.unit_amount is not None and line.packages:
        price, size = unit_price(line.unit_amount, currency), number(line.package_size or 1)
        count = number(line.packages)
        parts.append(_("%(n)s × %(price)s per %(size)s calls started", n=count, price=price, size=size))
    elif line.billable and line.unit_amount is not None:
        parts.append(f"{_count(line.billable)} {_TIMES} {unit_price(line.unit_amount, currency)}")
    calls = str(_("%(n)s calls", n=_count(line.quantity)))
    return f"{calls}: {', '.join(map(str, parts))}" if parts else calls


def _share(share: TierShare, currency: str) -> str:
    each = f"{_count(share.quantity)} {_TIMES} {unit_price(share.unit_amount, currency)}"
    return f"{money(share.flat_amount, currency)} + {each}" if share.flat_amount else each


def _from(terms: PriceTerms) -> str:
    return str(_("from %(price)s", price=fee(terms))) if terms.amount else usage(terms)


def _free_calls(terms: PriceTerms) -> str:
    return str(_("Free %(n)s calls %(period)s", n=number(terms.included_quantity or 0), period=period(terms)))


def _generosity(terms: PriceTerms) -> tuple[bool, int]:
    return terms.included_quantity is None, terms.included_quantity or 0


def _count(value: Fraction) -> str:
    return number(Decimal(value.numerator) / Decimal(value.denominator))
