"""What somebody types about prices: a volume of calls, a sum of money."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from babel.numbers import format_decimal
from flask_babel import get_locale
from flask_babel import gettext as _

from portal.kit.money import Money, currency
from portal.pricing.volumes import FARTHEST as MOST_CALLS
from portal.web.formatting import number


@dataclass(frozen=True, slots=True)
class Volume:
    """A number of calls a month as it was typed; `calls` is None when it cannot be meant, with the reason."""

    typed: str
    calls: int | None
    error: str = ""


def read_volume(args: Mapping[str, str], usual: int) -> Volume:
    """Return the volume that an address asks for; thousands may be separated. Nothing asked for means `usual`."""
    typed = args.get("calls", "").strip()[:40]
    if not typed:
        return Volume(str(usual), usual)
    digits = re.sub(r"[\s,.'’_]", "", typed) if re.fullmatch(r"\d{1,3}(?:[\s,.'’_]\d{3})*|\d+", typed) else typed
    if not (digits.isascii() and digits.isdecimal()):
        return Volume(typed, None, _("Write a whole number of calls, such as 50000."))
    if len(digits.lstrip("0")) > 13 or int(digits) > MOST_CALLS:
        return Volume(typed, None, _("Use at most %(n)s calls a month.", n=number(MOST_CALLS)))
    return Volume(typed, int(digits))


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum of money as it was typed; `amount` is minor units, None when nothing was typed or it cannot be meant."""

    typed: str
    amount: int | None
    error: str = ""


def read_sum(typed: str, code: str) -> Sum:
    """Return the sum that somebody typed in a currency: 58, 58.00, 58,00, 1,234.50 or 1.234,50, with or without a sign.

    What could be read in two ways is read as the currency writes it: three digits after a mark are thousands, unless
    the currency has three decimals.
    """
    kept = typed.replace("\x00", "").strip()[:40]
    bare = re.sub(rf"^(?:{code}|[€$£¥])\s*|\s*(?:{code}|kr|zł|[€$£¥])$", "", kept, flags=re.IGNORECASE)
    decimals = currency(code).exponent
    tail = rf"(?:[.,](?P<tail>[0-9]{{1,{decimals}}}))?" if decimals else "(?P<tail>)"
    found = re.fullmatch(rf"(?P<whole>[0-9]{{1,15}}){tail}", bare) or re.fullmatch(
        rf"(?P<whole>[0-9]{{1,3}}(?:(?P<mark>[\s.,'’])[0-9]{{3}})(?:(?P=mark)[0-9]{{3}}){{0,3}}){tail}", bare
    )
    if not typed.strip():  # what only looks empty is no word for "none"
        return Sum("", None)
    if found is None:
        return Sum(kept, None, _("Write an amount such as %(example)s.", example=write_sum(5800, code)))
    whole, rest = re.sub(r"\D", "", found["whole"]), (found["tail"] or "").ljust(decimals, "0")
    return Sum(kept, int(whole + rest))


def write_sum(amount: int, code: str) -> str:
    """Return minor units as a field shows them, without sign and without thousands: 58.00, in German 58,00."""
    decimals = currency(code).exponent
    pattern = "0." + "0" * decimals if decimals else "0"
    return format_decimal(Money(amount, code).decimal, format=pattern, locale=get_locale())
