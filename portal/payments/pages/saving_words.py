"""What a code does, or why it does nothing, in sentences."""

from __future__ import annotations

from datetime import datetime

from flask_babel import format_date, ngettext
from flask_babel import gettext as _

from portal.payments.discounts import Saving, next_charge
from portal.ports.promotions import HeldDiscount
from portal.pricing.types import Offer, PriceTerms
from portal.pricing.words import period
from portal.web.formatting import date_pattern, money


def saving(found: Saving, terms: PriceTerms) -> str:
    """Return the exact money and for how long: `€29.00 → €21.75 for 3 months, then €29.00 a month`."""
    full, reduced = money(found.full), money(found.reduced)
    if found.charges is None:
        return str(_("%(full)s → %(reduced)s for as long as you stay", full=full, reduced=reduced))
    return str(
        _(
            "%(full)s → %(reduced)s %(span)s, then %(full)s %(period)s",
            full=full,
            reduced=reduced,
            span=_span(found.charges, terms),
            period=period(terms),
        )
    )


def held(found: HeldDiscount, offer: Offer, at: datetime) -> str:
    """Return what a subscription's discount makes of its next charge."""
    amount = money(next_charge(offer, found, at))
    if found.discount.duration == "once":
        return str(_("%(amount)s on the next charge", amount=amount))
    if found.ends_at is None:
        return str(_("%(amount)s for as long as you stay", amount=amount))
    return str(
        _("%(amount)s until %(date)s", amount=amount, date=format_date(found.ends_at, date_pattern("d MMM yyyy")))
    )


def refusal(reason: str) -> str:
    """Return why a code takes nothing off here."""
    words = {
        "unknown": _("There is no code like this. Check its letters and digits."),
        "expired": _("This code is no longer valid."),
        "used_up": _("This code has been used as often as it may be."),
        "other_plan": _("This code is not for this plan."),
        "other_customer": _("This code belongs to another customer."),
        "currency": _("This code is for another currency."),
        "free": _("This plan costs nothing, so there is nothing to take off."),
        "too_short": _("This code ends before your first charge."),
    }
    return str(words[reason])


def _span(charges: int, terms: PriceTerms) -> str:
    if (terms.interval, terms.interval_count) == ("month", 1):
        return str(ngettext("for %(num)d month", "for %(num)d months", charges))
    return str(ngettext("for the first charge", "for the first %(num)d charges", charges))
