"""Public holidays, working days, sunrise and sunset: computed, so right for any year in range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from math import acos, asin, cos, degrees, radians, sin

FIRST_YEAR, LAST_YEAR = 1990, 2100


@dataclass(frozen=True, slots=True)
class Holiday:
    """A day on which a whole country rests. `observed` is the day off when it differs from the day itself."""

    day: date
    name: str
    observed: date


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (the anonymous computus, as printed by Meeus)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = b // 4, b % 4
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    lunar = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * lunar) // 451
    month, day = divmod(h + lunar - 7 * m + 114, 31)
    return date(year, month, day + 1)


Rule = Callable[[int], date]


def _fixed(month: int, day: int) -> Rule:
    return lambda year: date(year, month, day)


def _after_easter(days: int) -> Rule:
    return lambda year: easter(year) + timedelta(days=days)


def _nth(month: int, weekday: int, n: int) -> Rule:
    """The n-th weekday (Monday is 0) of a month; -1 is the last."""

    def find(year: int) -> date:
        if n > 0:
            first = date(year, month, 1)
            return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))
        last = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
        return last - timedelta(days=(last.weekday() - weekday) % 7)

    return find


_NEW_YEAR, _EPIPHANY, _LABOUR = _fixed(1, 1), _fixed(1, 6), _fixed(5, 1)
_GOOD_FRIDAY, _EASTER_MONDAY, _ASCENSION, _WHIT_MONDAY = (_after_easter(n) for n in (-2, 1, 39, 50))
_ASSUMPTION, _ALL_SAINTS, _CHRISTMAS, _SECOND_DAY = _fixed(8, 15), _fixed(11, 1), _fixed(12, 25), _fixed(12, 26)

COUNTRIES: dict[str, tuple[str, list[tuple[str, Rule]]]] = {
    "AT": ("Austria", [
        ("New Year's Day", _NEW_YEAR), ("Epiphany", _EPIPHANY), ("Easter Monday", _EASTER_MONDAY),
        ("Labour Day", _LABOUR), ("Ascension Day", _ASCENSION), ("Whit Monday", _WHIT_MONDAY),
        ("Corpus Christi", _after_easter(60)), ("Assumption Day", _ASSUMPTION), ("National Day", _fixed(10, 26)),
        ("All Saints' Day", _ALL_SAINTS), ("Immaculate Conception", _fixed(12, 8)), ("Christmas Day", _CHRISTMAS),
        ("St Stephen's Day", _SECOND_DAY),
    ]),
    "DE": ("Germany", [
        ("New Year's Day", _NEW_YEAR), ("Good Friday", _GOOD_FRIDAY), ("Easter Monday", _EASTER_MONDAY),
        ("Labour Day", _LABOUR), ("Ascension Day", _ASCENSION), ("Whit Monday", _WHIT_MONDAY),
        ("Day of German Unity", _fixed(10, 3)), ("Christmas Day", _CHRISTMAS), ("Second Christmas Day", _SECOND_DAY),
    ]),
    "FR": ("France", [
        ("New Year's Day", _NEW_YEAR), ("Easter Monday", _EASTER_MONDAY), ("Labour Day", _LABOUR),
        ("Victory in Europe Day", _fixed(5, 8)), ("Ascension Day", _ASCENSION), ("Whit Monday", _WHIT_MONDAY),
        ("Bastille Day", _fixed(7, 14)), ("Assumption Day", _ASSUMPTION), ("All Saints' Day", _ALL_SAINTS),
        ("Armistice Day", _fixed(11, 11)), ("Christmas Day", _CHRISTMAS),
    ]),
    "GB": ("England and Wales", [
        ("New Year's Day", _NEW_YEAR), ("Good Friday", _GOOD_FRIDAY), ("Easter Monday", _EASTER_MONDAY),
        ("Early May bank holiday", _nth(5, 0, 1)), ("Spring bank holiday", _nth(5, 0, -1)),
        ("Summer bank holiday", _nth(8, 0, -1)), ("Christmas Day", _CHRISTMAS), ("Boxing Day", _SECOND_DAY),
    ]),
    "NL": ("Netherlands", [
        ("New Year's Day", _NEW_YEAR), ("Easter Monday", _EASTER_MONDAY), ("King's Day", _fixed(4, 27)),
        ("Ascension Day", _ASCENSION), ("Whit Monday", _WHIT_MONDAY), ("Christmas Day", _CHRISTMAS),
        ("Second Christmas Day", _SECOND_DAY),
    ]),
    "US": ("United States", [
        ("New Year's Day", _NEW_YEAR), ("Martin Luther King Jr. Day", _nth(1, 0, 3)),
        ("Washington's Birthday", _nth(2, 0, 3)), ("Memorial Day", _nth(5, 0, -1)), ("Juneteenth", _fixed(6, 19)),
        ("Independence Day", _fixed(7, 4)), ("Labor Day", _nth(9, 0, 1)), ("Columbus Day", _nth(10, 0, 2)),
        ("Veterans Day", _fixed(11, 11)), ("Thanksgiving Day", _nth(11, 3, 4)), ("Christmas Day", _CHRISTMAS),
    ]),
}  # fmt: skip
_SINCE = {("US", "Juneteenth"): 2021, ("DE", "Day of German Unity"): 1990}


@lru_cache(maxsize=2048)
def holidays(country: str, year: int) -> tuple[Holiday, ...]:
    """Return a country's nationwide holidays of a year, in order. Raises KeyError for an unknown country."""
    rules = [(name, rule) for name, rule in COUNTRIES[country][1] if year >= _SINCE.get((country, name), 0)]
    days = [(_national(country, name, rule(year)), name) for name, rule in rules]
    taken: set[date] = set()
    found = []
    for day, name in sorted(days):
        off = _observed(country, day, taken | {each for each, _ in days if each != day})
        taken.add(off)
        found.append(Holiday(day, name, off))
    return tuple(found)


def is_working_day(country: str, day: date) -> bool:
    """True from Monday to Friday unless the country rests."""
    around = (day.year, day.year + 1) if day.month == 12 else (day.year,)
    return day.weekday() < 5 and all(day != each.observed for year in around for each in holidays(country, year))


def working_days(country: str, start: date, end: date) -> int:
    """Return how many working days lie in `[start, end]`, both ends included."""
    return sum(is_working_day(country, start + timedelta(days=n)) for n in range((end - start).days + 1))


def add_working_days(country: str, start: date, count: int) -> date:
    """Return the day that is `count` working days after `start`."""
    day = start
    while count:
        day += timedelta(days=1)
        count -= is_working_day(country, day)
    return day


def sun(latitude: float, longitude: float, day: date) -> tuple[datetime | None, datetime | None, float]:
    """Return sunrise and sunset in UTC and the length of daylight in hours, to about two minutes.

    The sunrise equation with the sun's centre 0.833 degrees below the horizon. Both instants are None in polar day
    (24 hours) and polar night (0 hours).
    """
    noon = day.toordinal() - date(2000, 1, 1).toordinal() - longitude / 360
    anomaly = radians((357.5291 + 0.98560028 * noon) % 360)
    centre = 1.9148 * sin(anomaly) + 0.02 * sin(2 * anomaly) + 0.0003 * sin(3 * anomaly)
    ecliptic = radians((degrees(anomaly) + centre + 282.9372) % 360)
    transit = noon + 0.0053 * sin(anomaly) - 0.0069 * sin(2 * ecliptic)
    declination = asin(sin(ecliptic) * sin(radians(23.4397)))
    phi = radians(latitude)
    height = (sin(radians(-0.833)) - sin(phi) * sin(declination)) / max(1e-9, cos(phi) * cos(declination))
    if not -1 <= height <= 1:
        return None, None, 24.0 if height < -1 else 0.0
    half = degrees(acos(height)) / 360
    epoch = datetime(2000, 1, 1, 12, tzinfo=UTC)
    rise, fall = (epoch + timedelta(days=transit + sign * half) for sign in (-1, 1))
    return rise.replace(microsecond=0), fall.replace(microsecond=0), round(48 * half, 2)


def _national(country: str, name: str, day: date) -> date:
    if (country, name) == ("NL", "King's Day") and day.weekday() == 6:
        return day - timedelta(days=1)  # the king celebrates on Saturday rather than on Sunday
    return day


def _observed(country: str, day: date, taken: set[date]) -> date:
    """Return the day off: British holidays move on to the next free working day, American ones to the nearest."""
    if country == "GB":
        while day.weekday() > 4 or day in taken:
            day += timedelta(days=1)
    elif country == "US" and day.weekday() > 4:
        return day + timedelta(days=1 if day.weekday() == 6 else -1)
    return day
