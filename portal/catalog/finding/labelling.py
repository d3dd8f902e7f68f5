"""Facets, orders and measured facts in words."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from fractions import Fraction

from flask_babel import gettext as _
from flask_babel import lazy_gettext as N_  # noqa: N812 - the name that the extraction of messages looks for

from portal.catalog import wording
from portal.catalog.finding.types import Found, Search
from portal.web.formatting import money, number, percent

_TITLES = {
    "category": N_("Category"),
    "price": N_("Price"),
    "fee": N_("Paid plan per month"),
    "uptime": N_("Uptime, 90 days"),
    "p95": N_("Speed (p95)"),
    "auth": N_("Authentication it describes"),
    "provider": N_("Provider"),
}
_VALUES = {
    ("price", "free"): N_("Free tier"),
    ("price", "metered"): N_("Pay per use"),
    ("price", "paid"): N_("Paid plans"),
    ("nocard", "1"): N_("No card needed"),
    ("verified", "1"): N_("Verified provider"),
    ("new", "1"): N_("New in 30 days"),
    ("auth", "key"): N_("API key"),
    ("auth", "bearer"): N_("Bearer token"),
    ("auth", "oauth2"): "OAuth 2.0",
    ("auth", "basic"): "HTTP Basic",
    ("auth", "openid"): "OpenID Connect",
    ("auth", "mtls"): N_("Client certificate"),
    ("auth", "other"): N_("Another way"),
}
_SORTS = {
    "relevance": N_("Relevance"),
    "used": N_("Most used"),
    "newest": N_("Newest"),
    "fastest": N_("Fastest"),
    "reliable": N_("Most reliable"),
    "cheapest": N_("Cheapest at my volume"),
    "name": N_("Name"),
}
_NEED_USAGE = ("used", "fastest", "reliable")


def facet_title(name: str) -> str:
    """Return what a facet is called; flags have no title of their own."""
    return str(_TITLES.get(name, name))


def facet_value(name: str, value: str, label: str = "") -> str:
    """Return a value of a facet in words, as it stands under its title."""
    if name == "category":
        return wording.category(value)
    if name == "fee":
        return str(_("Up to %(price)s", price=money(int(value) * 100)))
    if name == "uptime":
        return str(_("At least %(share)s", share=_share(Decimal(value) / 100)))
    if name == "p95":
        return str(_("At most %(n)s ms", n=number(int(value))))
    known = _VALUES.get((name, value))
    return str(known) if known is not None else label or value


def chip(name: str, value: str, label: str = "") -> str:
    """Return a chosen value as it stands alone, where its title is not in sight."""
    said = facet_value(name, value, label)
    return f"{facet_title(name)}: {said}" if name in ("fee", "uptime", "p95", "auth") else said


def orders(search: Search, found: Found) -> list[tuple[str, str]]:
    """Return the orders that make sense here: by relevance with a text, by measured facts once there are calls."""
    return [
        (name, str(words))
        for name, words in _SORTS.items()
        if name == search.sort
        or (not (name == "relevance" and not search.text) and not (name in _NEED_USAGE and not found.knows_usage))
    ]


def uptime(share: Fraction) -> str:
    """Return a share of calls, rounded down to hundredths of a per cent: 100 % is said of nothing that ever failed."""
    exact = (Decimal(share.numerator) / Decimal(share.denominator)).quantize(Decimal("0.0001"), ROUND_DOWN)
    return _share(exact if share < 1 else Decimal(1))


def error_rate(share: Fraction) -> str:
    """Return a share of failed calls, rounded up: a failure is never said to be none."""
    rounded = Decimal(-(-share.numerator * 10_000 // share.denominator)) / 10_000
    return _share(rounded)


def _share(share: Decimal) -> str:
    whole = (share * 100).normalize()
    exponent = whole.as_tuple().exponent
    return percent(share, max(0, -exponent) if isinstance(exponent, int) else 0)
