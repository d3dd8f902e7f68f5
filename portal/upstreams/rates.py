"""Exchange rates computed from a reference table: alike on every machine, moving a little every day."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from math import pi, sin

FIRST_DAY = date(2000, 1, 3)
# Units of the currency per euro around which the computed rates move.
REFERENCE: dict[str, tuple[str, Decimal]] = {
    "AUD": ("Australian dollar", Decimal("1.6500")),
    "BRL": ("Brazilian real", Decimal("5.9000")),
    "CAD": ("Canadian dollar", Decimal("1.4900")),
    "CHF": ("Swiss franc", Decimal("0.9450")),
    "CNY": ("Chinese yuan", Decimal("7.8200")),
    "CZK": ("Czech koruna", Decimal("25.100")),
    "DKK": ("Danish krone", Decimal("7.4600")),
    "EUR": ("Euro", Decimal(1)),
    "GBP": ("Pound sterling", Decimal("0.8520")),
    "HUF": ("Hungarian forint", Decimal("396.00")),
    "INR": ("Indian rupee", Decimal("91.500")),
    "JPY": ("Japanese yen", Decimal("163.00")),
    "KRW": ("South Korean won", Decimal("1480.0")),
    "MXN": ("Mexican peso", Decimal("20.600")),
    "NOK": ("Norwegian krone", Decimal("11.600")),
    "NZD": ("New Zealand dollar", Decimal("1.8000")),
    "PLN": ("Polish zloty", Decimal("4.2900")),
    "SEK": ("Swedish krona", Decimal("11.300")),
    "SGD": ("Singapore dollar", Decimal("1.4500")),
    "TRY": ("Turkish lira", Decimal("37.200")),
    "USD": ("United States dollar", Decimal("1.0850")),
    "ZAR": ("South African rand", Decimal("19.800")),
}
_PEGGED = {"EUR": 0.0, "DKK": 0.0004}  # how far a currency moves; the others move by up to 6 per cent
_SWING = 0.06


def published_day(wanted: date) -> date:
    """Return the day whose rates hold on `wanted`: rates are fixed Monday to Friday."""
    return wanted - timedelta(days=max(0, wanted.weekday() - 4))


def per_euro(code: str, day: date) -> Decimal:
    """Return units of `code` per euro on a day, to six significant digits. Raises KeyError for an unknown code."""
    reference = REFERENCE[code][1]
    swing = _PEGGED.get(code, _SWING)
    return _significant(reference * Decimal(1 + swing * _wave(code, day)))


def rate(base: str, symbol: str, day: date) -> Decimal:
    """Return units of `symbol` per unit of `base`, to six significant digits. Raises KeyError for an unknown code."""
    if base == symbol:
        return Decimal(1)
    return _significant(per_euro(symbol, day) / per_euro(base, day))


def converted(amount: Decimal, base: str, symbol: str, day: date) -> Decimal:
    """Return an amount in another currency, to four decimals."""
    return (amount * rate(base, symbol, day)).quantize(Decimal("0.0001"), ROUND_HALF_EVEN)


def _wave(code: str, day: date) -> float:
    """Return a number from -1 to 1 that changes smoothly over months and a little from day to day."""
    ordinal = published_day(day).toordinal()
    seed = hashlib.sha256(code.encode()).digest()
    slow = sum(sin(2 * pi * (ordinal / period + seed[n] / 256)) for n, period in enumerate((1461, 367, 89)))
    noise = hashlib.sha256(f"{code}{ordinal}".encode()).digest()[0] / 255 - 0.5
    return (slow + 0.3 * noise) / 3.15


def _significant(value: Decimal) -> Decimal:
    return value.quantize(Decimal(1).scaleb(value.adjusted() - 5), ROUND_HALF_EVEN)
