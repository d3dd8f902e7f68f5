"""Tax numbers of businesses, held to their form. No office is asked whether a number was ever given out. Pure.

The forms come from python-stdnum; what a number must look like for the payment provider is ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType

from stdnum.au import abn
from stdnum.ca import bn
from stdnum.ch import vat as ch_vat
from stdnum.eu import vat as eu_vat
from stdnum.exceptions import ValidationError
from stdnum.gb import vat as gb_vat
from stdnum.in_ import gstin
from stdnum.no import mva
from stdnum.nz import ird
from stdnum.us import ein

EU = frozenset(
    [
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
        *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
    ]
)
_PREFIXES = (EU - {"GR"}) | {"EL"}


def _whole(number: str) -> str:
    return number


# Country: kind at the payment provider, form, and how the compact number is written there.
_KINDS: dict[str, tuple[str, ModuleType, Callable[[str], str]]] = {
    "AU": ("au_abn", abn, _whole),
    "CA": ("ca_bn", bn, _whole),
    "CH": ("ch_vat", ch_vat, lambda number: re.sub(r"^(CHE)(\d{3})(\d{3})(\d{3})(\w+)$", r"\1-\2.\3.\4 \5", number)),
    "GB": ("gb_vat", gb_vat, lambda number: f"GB{number}"),
    "IN": ("in_gst", gstin, _whole),
    "NO": ("no_vat", mva, _whole),
    "NZ": ("nz_gst", ird, _whole),
    "US": ("us_ein", ein, lambda number: f"{number[:2]}-{number[2:]}"),
}


class NotATaxNumber(ValueError):
    """The text has not the form of a number of that country, or of no country we know numbers of."""


def kind_of(country: str) -> str | None:
    """Return the provider's name for the tax numbers of a country, None where invoices cannot carry any yet."""
    if country in EU:
        return "eu_vat"
    return _KINDS[country][0] if country in _KINDS else None


def read_tax_number(country: str, text: str) -> str:
    """Return a number as invoices carry it, whatever spaces and dots it was typed with. Raises NotATaxNumber.

    A number of the European Union may come with or without its country, and may be another member's than the address.
    """
    try:
        if country in EU:
            return _european(country, text)
        if country in _KINDS:
            _, form, written = _KINDS[country]
            return written(str(form.validate(re.sub(r"\s", "", text))))
    except ValidationError:
        raise NotATaxNumber(text) from None
    raise NotATaxNumber(text)


def _european(country: str, text: str) -> str:
    compact = re.sub(r"[\s.\-/]", "", text).upper()
    if compact[:2] not in _PREFIXES:
        compact = ("EL" if country == "GR" else country) + compact
    number = str(eu_vat.validate(compact))
    return f"EL{number[2:]}" if number.startswith("GR") else number
