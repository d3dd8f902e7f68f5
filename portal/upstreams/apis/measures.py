"""Units of measurement: exact factors by definition. The first API of it is given up for the second."""

from __future__ import annotations

from decimal import Decimal, localcontext

from portal.upstreams.answers import Fault
from portal.upstreams.describing import Amount, Answer, Api, Asked, param, said

UNITS = Api(
    "units",
    "Unit Converter (classic)",
    "1.9.9",
    "Lengths and masses between metric and imperial units.",
    "The first converter of the house, kept for those who still call it. New work belongs on Measures.",
    {"Conversion": "One amount."},
)
MEASURES = Api(
    "measures",
    "Measures",
    "3.1.0",
    "Lengths, masses, volumes, areas, speeds, pressures, energies and temperatures, converted exactly.",
    """
    Every factor is the one by which the unit is defined, so an inch is 2.54 cm and not nearly. Answers have as many significant
    digits as you ask for.
    """,
    {"Conversion": "Amounts in other units.", "Units": "What is known."},
)
# What one unit is in the base unit of its quantity.
_UNITS = {
    "length": {"m": "1", "km": "1000", "cm": "0.01", "mm": "0.001", "in": "0.0254", "ft": "0.3048", "yd": "0.9144",
               "mi": "1609.344", "nmi": "1852"},
    "mass": {"kg": "1", "g": "0.001", "t": "1000", "lb": "0.45359237", "oz": "0.028349523125", "st": "6.35029318"},
    "volume": {"l": "1", "ml": "0.001", "m3": "1000", "us_gal": "3.785411784", "gal": "4.54609", "pt": "0.56826125"},
    "area": {"m2": "1", "ha": "10000", "km2": "1000000", "ft2": "0.09290304", "acre": "4046.8564224"},
    "speed": {"m/s": "1", "km/h": "0.277777777777777777777777777778", "mph": "0.44704",
              "kn": "0.514444444444444444444444444444"},
    "pressure": {"Pa": "1", "hPa": "100", "bar": "100000", "psi": "6894.757293168", "atm": "101325"},
    "energy": {"J": "1", "kJ": "1000", "kWh": "3600000", "kcal": "4184", "BTU": "1055.05585262"},
    "temperature": {"K": "1", "°C": "1", "°F": "0.555555555555555555555555555556"},
}  # fmt: skip
_ZERO = {"°C": Decimal("273.15"), "°F": Decimal("459.67") * 5 / 9}  # where a scale begins, in kelvin
_QUANTITY = {unit: quantity for quantity, units in _UNITS.items() for unit in units}


class Question(Asked):
    amount: Amount = param("The amount.", 12, ge=-(10**15), le=10**15)
    from_unit: str = param("Unit of the amount.", "mi", alias="from", max_length=10)
    to_unit: str = param("Unit that is wanted.", "km", alias="to", max_length=10)


class PreciseQuestion(Question):
    digits: int = param("Significant digits.", 8, 12, ge=1, le=20)


class QuantityQuestion(Asked):
    quantity: str = param("What is measured; everything when left out.", "volume", "", max_length=20)


class OldResult(Answer):
    """The amount in the other unit."""

    result: float


class Result(Answer):
    """The amount in the other unit."""

    quantity: str
    amount: str
    unit: str


class Quantity(Answer):
    """Something that can be measured."""

    quantity: str
    units: list[str] = said("Each converts to every other.")


class Quantities(Answer):
    """What can be measured."""

    quantities: list[Quantity]


@UNITS.get("/convert", "Conversion", deprecated=True)
def convert_classic(asked: Question) -> OldResult:
    """Convert a length or a mass."""
    if {_QUANTITY.get(asked.from_unit), _QUANTITY.get(asked.to_unit)} - {"length", "mass"}:
        raise Fault("This converts lengths and masses only. Measures knows more.")
    return OldResult(result=float(_converted(asked, 9)))


@MEASURES.get("/v3/convert", "Conversion")
def convert_amount(asked: PreciseQuestion) -> Result:
    """Convert an amount."""
    return Result(
        quantity=_QUANTITY.get(asked.from_unit, ""), amount=f"{_converted(asked, asked.digits):f}", unit=asked.to_unit
    )


@MEASURES.get("/v3/units", "Units")
def units(asked: QuantityQuestion) -> Quantities:
    """Units that are known."""
    if asked.quantity and asked.quantity not in _UNITS:
        raise Fault(f"`quantity` must be one of {', '.join(_UNITS)}.", 404)
    listed = [asked.quantity] if asked.quantity else list(_UNITS)
    return Quantities(quantities=[Quantity(quantity=each, units=list(_UNITS[each])) for each in listed])


def _converted(asked: Question, digits: int) -> Decimal:
    source, target = asked.from_unit, asked.to_unit
    for name, unit in (("from", source), ("to", target)):
        if unit not in _QUANTITY:
            raise Fault(f"`{name}`: there is no unit {unit}. Known: {', '.join(_QUANTITY)}.")
    if _QUANTITY[source] != _QUANTITY[target]:
        raise Fault(f"A {_QUANTITY[source]} cannot be written as a {_QUANTITY[target]}.")
    factors = _UNITS[_QUANTITY[source]]
    with localcontext(prec=40):
        base = asked.amount * Decimal(factors[source]) + _ZERO.get(source, Decimal(0))
        value = (base - _ZERO.get(target, Decimal(0))) / Decimal(factors[target])
    with localcontext(prec=digits):
        return (+value).normalize()
