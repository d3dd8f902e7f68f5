"""What a quantity of a price costs, in minor units. Exact until the one rounding at the end."""

from decimal import Decimal
from fractions import Fraction

from portal.kit.money import CURRENCIES, round_half_up
from portal.simulator.records import Record


def cost(price: Record, quantity: int) -> int:
    """Minor units for ``quantity``. Metered prices cost nothing here: usage is not part of the simulator."""
    if (price["recurring"] or {}).get("usage_type") == "metered":
        return 0
    if price["transform_quantity"] is not None:
        whole, rest = divmod(quantity, price["transform_quantity"]["divide_by"])
        quantity = whole + (1 if rest and price["transform_quantity"]["round"] == "up" else 0)
    if price["billing_scheme"] == "tiered":
        return round_half_up(_tiered(price["_private"]["tiers"], price["tiers_mode"], quantity))
    return round_half_up(Fraction(Decimal(price["unit_amount_decimal"])) * quantity)


def _tiered(tiers: list[Record], mode: str, quantity: int) -> Fraction:
    total, start = Fraction(0), 0
    for tier in tiers:
        end = tier["up_to"]
        if mode == "volume":
            if end is None or quantity <= end:
                return _of(tier, "flat_amount") + _of(tier, "unit_amount") * quantity
            continue
        units = (quantity if end is None else min(quantity, end)) - start
        if units > 0 or start == 0:
            total += _of(tier, "flat_amount") + _of(tier, "unit_amount") * units
        start = end if end is not None else quantity
        if end is None or quantity <= end:
            break
    return total


def _of(tier: Record, name: str) -> Fraction:
    return Fraction(Decimal(tier[f"{name}_decimal"] or 0))


def share(amount: int, part: int, whole: int) -> int:
    """``amount`` for ``part`` of ``whole`` seconds, rounded half up."""
    return 0 if whole <= 0 else round_half_up(Fraction(amount * part, whole))


_SIGNS = {"eur": "€", "usd": "$", "gbp": "£", "jpy": "¥", "cad": "CA$", "aud": "A$"}


def shown(amount: int, currency: str) -> str:
    """An amount for people: ``€1,234.50``, with as many decimals as the currency has and a true minus."""
    known = CURRENCIES[currency]
    digits = f"{Decimal(abs(amount)).scaleb(-known.exponent):,.{known.exponent}f}"
    sign = _SIGNS.get(currency)
    text = f"{sign}{digits}" if sign else f"{currency.upper()} {digits}"
    return f"−{text}" if amount < 0 else text


def shown_unit(price: Record) -> str:
    """A price's unit amount for people, with every decimal it really has."""
    exact, known = Decimal(price["unit_amount_decimal"]), CURRENCIES[price["currency"]]
    if exact == int(exact):
        return shown(int(exact), price["currency"])
    sign = _SIGNS.get(price["currency"], price["currency"].upper() + " ")
    return f"{sign}{exact.scaleb(-known.exponent).normalize():f}"
