"""What people type about whom their invoices are made out to. Nothing is required; what is there must make sense."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import get_locale
from flask_babel import gettext as _

from portal.identity.forms import Entered, check_email
from portal.identity.rules import clean_name, is_clean, normalise_email
from portal.identity.tax_numbers import NotATaxNumber, kind_of, read_tax_number
from portal.identity.types import Billing

LIMITS = {"name": 150, "line1": 120, "line2": 120, "postal_code": 20, "city": 80, "state": 80, "tax_number": 40}
# Codes of places that people live in; Babel's list also has continents, groups and reserved codes.
_NO_COUNTRIES = frozenset(["AC", "CP", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ", "CQ", "XK"])


def countries() -> list[tuple[str, str]]:
    """Return code and name of every country, in the reader's language and order."""
    locale = get_locale()
    named = {} if locale is None else locale.territories
    found = [(code, name) for code, name in named.items() if len(code) == 2 and code not in _NO_COUNTRIES]
    return sorted(found, key=lambda one: one[1].translate(_PLAIN).casefold())


def country_name(code: str) -> str:
    """Return the name of a country in the reader's language, its code where there is none."""
    locale = get_locale()
    return code if locale is None else str(locale.territories.get(code, code))


_PLAIN = str.maketrans("ÄÖÜÅÉÇ", "AOUAEC")


def read_billing(typed: Mapping[str, str], organisation_name: str) -> tuple[Billing | None, Entered]:
    """Read the billing form. A tax number needs its country, whose form it is held to."""
    entered = Entered(values={name: typed.get(name, "")[:500] for name in (*LIMITS, "country", "email")})
    said = {name: clean_name(entered.values[name]) for name in LIMITS}
    for name, limit in LIMITS.items():
        if len(said[name]) > limit or not is_clean(said[name]):
            entered.errors[name] = _("Use at most %(limit)s ordinary characters.", limit=limit)
    country, email = entered.values["country"].strip().upper(), normalise_email(entered.values["email"])
    if country and country not in {code for code, _name in countries()}:
        entered.errors["country"] = _("Choose a country from the list.")
    if email:
        check_email(entered, "email", email)
    if said["tax_number"] and not entered.errors:
        said["tax_number"] = _read_number(entered, country, said["tax_number"])
    if said["name"] == organisation_name:
        said["name"] = ""
    wanted = Billing(
        organisation_name,
        name=said["name"],
        line1=said["line1"],
        line2=said["line2"],
        postal_code=said["postal_code"],
        city=said["city"],
        state=said["state"],
        country=country,
        tax_number=said["tax_number"],
        email=email,
    )
    return (None if entered.errors else wanted), entered


def _read_number(entered: Entered, country: str, text: str) -> str:
    if not country:
        entered.errors["country"] = _("Choose the country of the tax number.")
        return text
    if kind_of(country) is None:
        entered.errors["tax_number"] = _("Invoices cannot carry tax numbers of this country yet. Leave it empty.")
        return text
    try:
        return read_tax_number(country, text)
    except NotATaxNumber:
        entered.errors["tax_number"] = _("This has not the form of a tax number of that country. Check its digits.")
        return text
