"""Sky and numbers: the moon, the tides it pulls, and integers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import cos, isqrt, pi, radians, sin
from typing import Literal

from portal.kit.clock import isoformat_z
from portal.upstreams.answers import Fault
from portal.upstreams.describing import Answer, Api, Asked, Day, param, said

MOON = Api(
    "moon",
    "Moon & Seasons",
    "1.9.2",
    "Phases of the moon and the beginning of the seasons, for any year of two centuries.",
    """
    New and full moons to a few minutes and equinoxes to about a quarter of an hour, by the series Jean Meeus published in
    "Astronomical Algorithms". Instants are in UTC, close enough to the time scale of the series for calendars.
    """,
    {"Moon": "Phases and light.", "Seasons": "Equinoxes and solstices."},
)
TIDES = Api(
    "tides",
    "Tides",
    "0.3.0",
    "Spring and neap tides by the phases of the moon; heights at your harbour are being worked on.",
    "A first look: how strong the pull of moon and sun together is on a day. Harbours will follow.",
    {"Tides": "How strong they are."},
)
INTEGERS = Api(
    "integers",
    "Integers",
    "1.0.4",
    "Prime factors, Roman numerals, and numbers written in other bases.",
    "Small questions about whole numbers, answered exactly.",
    {"Factors": "What a number is made of.", "Writing": "How a number is written."},
)
_FIRST, _LAST = 1950, 2150
_MONTH = 29.530588861  # days from new moon to new moon
_PHASES = ("new_moon", "first_quarter", "full_moon", "last_quarter")


class YearQuestion(Asked):
    year: int = param("Year.", 2026, ge=_FIRST, le=_LAST)


class PhaseQuestion(YearQuestion):
    phase: Literal["new_moon", "full_moon"] = param("Which phase.", "full_moon", "full_moon")


class DayQuestion(Asked):
    day: Day = param("The day.", "2026-03-10")


class Phases(Answer):
    """When the moon is new or full."""

    year: int
    phase: str
    instants: list[str]


class Light(Answer):
    """How the moon looks at noon UTC."""

    day: date
    age_days: float = said("Days since the new moon before.")
    illuminated: float = said("Share of the disc that is lit, 0 to 1.")
    phase: str


class Seasons(Answer):
    """When the seasons begin in the north."""

    year: int
    march_equinox: str
    june_solstice: str
    september_equinox: str
    december_solstice: str


class Pull(Answer):
    """How strong the tides are."""

    day: date
    strength: float = said("1 at spring tide, 0 at neap tide.")
    tide: Literal["spring", "between", "neap"]


class NumberQuestion(Asked):
    number: int = param("The number.", 360_360, ge=1, le=10**12)


class Factors(Answer):
    """The number as a product of primes."""

    number: int
    is_prime: bool
    factors: dict[str, int] = said("Each prime and how often it divides the number.")


class RomanQuestion(Asked):
    number: int = param("The number.", 1987, ge=1, le=3_999)


class BaseQuestion(NumberQuestion):
    base: int = param("The base.", 36, 2, ge=2, le=36)


class Written(Answer):
    """The number as it is written."""

    number: int
    text: str


@MOON.get("/v1/phases/{year}", "Moon")
def moon_phases(asked: PhaseQuestion) -> Phases:
    """New or full moons of a year."""
    half = 0.5 if asked.phase == "full_moon" else 0.0
    first = int((asked.year - 2000) * 12.3685) - 2
    found = [_lunation(first + n + half) for n in range(18)]
    return Phases(
        year=asked.year, phase=asked.phase, instants=[isoformat_z(at) for at in found if at.year == asked.year]
    )


@MOON.get("/v1/light/{day}", "Moon")
def moonlight(asked: DayQuestion) -> Light:
    """How the moon looks on a day."""
    age = _age(asked.day)
    return Light(
        day=asked.day,
        age_days=round(age, 2),
        illuminated=round((1 - cos(2 * pi * age / _MONTH)) / 2, 3),
        phase=_PHASES[round(age / _MONTH * 4) % 4],
    )


@MOON.get("/v1/seasons/{year}", "Seasons")
def seasons(asked: YearQuestion) -> Seasons:
    """Equinoxes and solstices of a year."""
    march, june, september, december = (isoformat_z(_season(asked.year, n)) for n in range(4))
    return Seasons(
        year=asked.year,
        march_equinox=march,
        june_solstice=june,
        september_equinox=september,
        december_solstice=december,
    )


@TIDES.get("/v0/strength/{day}", "Tides")
def tide_strength(asked: DayQuestion) -> Pull:
    """How strong the tides are on a day."""
    strength = (1 + cos(4 * pi * _age(asked.day) / _MONTH)) / 2
    tide: Literal["spring", "between", "neap"] = "spring" if strength > 0.8 else "neap" if strength < 0.2 else "between"
    return Pull(day=asked.day, strength=round(strength, 3), tide=tide)


@INTEGERS.get("/v1/factors/{number}", "Factors")
def factors(asked: NumberQuestion) -> Factors:
    """Prime factors of a number."""
    left, found, divisor = asked.number, dict[str, int](), 2
    while divisor <= isqrt(left):
        while left % divisor == 0:
            left //= divisor
            found[str(divisor)] = found.get(str(divisor), 0) + 1
        divisor += 1 if divisor == 2 else 2
    if left > 1:
        found[str(left)] = found.get(str(left), 0) + 1
    return Factors(number=asked.number, is_prime=found == {str(asked.number): 1}, factors=found)


@INTEGERS.get("/v1/roman/{number}", "Writing")
def roman(asked: RomanQuestion) -> Written:
    """A number in Roman numerals."""
    left, text = asked.number, ""
    for value, letters in _ROMAN:
        text += letters * (left // value)
        left %= value
    return Written(number=asked.number, text=text)


@INTEGERS.get("/v1/bases/{base}/{number}", "Writing")
def other_base(asked: BaseQuestion) -> Written:
    """A number in another base."""
    left, text = asked.number, ""
    while left:
        left, digit = divmod(left, asked.base)
        text = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + text
    return Written(number=asked.number, text=text)


_ROMAN = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
    (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip


def _lunation(k: float) -> datetime:
    """Return the new moon (k whole) or full moon (k and a half) number k since 2000: Meeus, chapter 49, the large terms."""
    t = k / 1236.85
    day = 2451550.09766 + _MONTH * k + 0.00015437 * t * t
    eccentricity = 1 - 0.002516 * t
    sun = radians(2.5534 + 29.1053567 * k)
    moon = radians(201.5643 + 385.81693528 * k + 0.0107582 * t * t)
    latitude = radians(160.7108 + 390.67050284 * k - 0.0016118 * t * t)
    is_full = k % 1 != 0
    terms = (
        (-0.40614 if is_full else -0.40720, moon),
        ((0.17302 if is_full else 0.17241) * eccentricity, sun),
        (0.01614 if is_full else 0.01608, 2 * moon),
        (0.01043 if is_full else 0.01039, 2 * latitude),
        ((0.00734 if is_full else 0.00739) * eccentricity, moon - sun),
        ((-0.00515 if is_full else -0.00514) * eccentricity, moon + sun),
        (0.00209 if is_full else 0.00208, 2 * sun),
        (-0.00111, moon - 2 * latitude),
    )
    return _instant(day + sum(size * sin(angle) for size, angle in terms))


def _season(year: int, n: int) -> datetime:
    """Return the n-th equinox or solstice: Meeus, chapter 27, mean value and twelve terms."""
    y = (year - 2000) / 1000
    mean = (
        (2451623.80984, 365242.37404, 0.05169, -0.00411),
        (2451716.56767, 365241.62603, 0.00325, 0.00888),
        (2451810.21715, 365242.01767, -0.11575, 0.00337),
        (2451900.05952, 365242.74049, -0.06223, -0.00823),
    )[n]
    day = mean[0] + mean[1] * y + mean[2] * y**2 + mean[3] * y**3
    t = (day - 2451545) / 36525
    angle = radians(35999.373 * t - 2.47)
    lengthening = 1 + 0.0334 * cos(angle) + 0.0007 * cos(2 * angle)
    terms = (
        (485, 324.96, 1934.136), (203, 337.23, 32964.467), (199, 342.08, 20.186), (182, 27.85, 445267.112),
        (156, 73.14, 45036.886), (136, 171.52, 22518.443), (77, 222.54, 65928.934), (74, 296.72, 3034.906),
        (70, 243.58, 9037.513), (58, 119.81, 33718.147), (52, 297.17, 150.678), (50, 21.02, 2281.226),
    )  # fmt: skip
    return _instant(day + 0.00001 * sum(size * cos(radians(b + c * t)) for size, b, c in terms) / lengthening)


def _age(day: date) -> float:
    if not _FIRST <= day.year <= _LAST:
        raise Fault(f"`day` must lie between {_FIRST} and {_LAST}.")
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    k = int((day.year + day.timetuple().tm_yday / 365.25 - 2000) * 12.3685) + 2
    while (new := _lunation(k)) > noon:
        k -= 1
    return (noon - new) / timedelta(days=1)


def _instant(julian_day: float) -> datetime:
    whole = datetime(2000, 1, 1, 12, tzinfo=UTC) + timedelta(days=julian_day - 2451545)
    return (whole + timedelta(seconds=30)).replace(second=0, microsecond=0)
