"""Public holidays of more than a hundred countries and their regions, by the holidays package."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from holidays import country_holidays, list_supported_countries

from portal.upstreams.answers import Fault
from portal.upstreams.describing import Answer, Api, Asked, Day, param, said

API = Api(
    "public-holidays",
    "International Register of Public Holidays, Observances and Bridge Days",
    "2026.1.0",
    "Public holidays of countries and their regions, and the days off that make a long weekend.",
    """
    Kept by the institute since 1987, for the public. National and regional holidays of more than a hundred countries from 1950
    to 2100, with their English names.

    Free for everybody. Please cache what you are given: holidays of a year rarely change.
    """,
    {"Holidays": "Days on which people rest.", "Places": "Countries and regions that are known."},
)
_FIRST, _LAST = 1950, 2100


class YearQuestion(Asked):
    country: str = param("Country, two letters.", "PT", pattern="^[A-Za-z]{2}$")
    year: int = param("Year.", 2026, ge=_FIRST, le=_LAST)
    region: str = param("Region, as its country abbreviates it.", "", "", max_length=10)


class DayQuestion(Asked):
    country: str = param("Country, two letters.", "DE", pattern="^[A-Za-z]{2}$")
    day: Day = param("The day.", "2026-10-31")
    region: str = param("Region, as its country abbreviates it.", "SN", "", max_length=10)


class PlacesQuestion(Asked):
    country: str = param("Country, two letters.", "AT", pattern="^[A-Za-z]{2}$")


class Holiday(Answer):
    """A day on which people rest."""

    day: date
    name: str = said("Its name, in English.")


class Holidays(Answer):
    """The holidays of a year."""

    country: str
    region: str
    holidays: list[Holiday]


class Verdict(Answer):
    """Whether people rest on a day."""

    day: date
    is_holiday: bool
    name: str | None


class Bridges(Answer):
    """Working days between a holiday and a weekend."""

    country: str
    bridge_days: list[date]


class Regions(Answer):
    """Regions with holidays of their own."""

    country: str
    regions: list[str]


@API.get("/v2/countries/{country}/holidays", "Holidays")
def holidays_of_year(asked: YearQuestion) -> Holidays:
    """Holidays of a year."""
    found = sorted(_holidays(asked.country, asked.region, asked.year).items())
    listed = [Holiday(day=day, name=name) for day, name in found]
    return Holidays(country=asked.country.upper(), region=asked.region, holidays=listed)


@API.get("/v2/countries/{country}/holidays/{day}", "Holidays")
def holiday_on_day(asked: DayQuestion) -> Verdict:
    """Is a day a holiday."""
    if not _FIRST <= asked.day.year <= _LAST:
        raise Fault(f"`day` must lie between {_FIRST} and {_LAST}.")
    name = _holidays(asked.country, asked.region, asked.day.year).get(asked.day)
    return Verdict(day=asked.day, is_holiday=name is not None, name=name)


@API.get("/v2/countries/{country}/bridge-days", "Holidays")
def bridge_days(asked: YearQuestion) -> Bridges:
    """Bridge days of a year.

    Working days that lie alone between a holiday and a weekend: a day off there makes four.
    """
    found = _holidays(asked.country, asked.region, asked.year)
    after = (day + timedelta(1) for day in found if day.weekday() == 3)
    before = (day - timedelta(1) for day in found if day.weekday() == 1)
    days = sorted(day for day in (*after, *before) if day not in found)
    return Bridges(country=asked.country.upper(), bridge_days=days)


@API.get("/v2/countries/{country}/regions", "Places")
def regions(asked: PlacesQuestion) -> Regions:
    """Regions of a country."""
    return Regions(country=asked.country.upper(), regions=list(_regions(asked.country)))


@lru_cache(maxsize=256)
def _holidays(country: str, region: str, year: int) -> dict[date, str]:
    known = _regions(country)
    if region and region not in known:
        raise Fault(f"`region` must be one of {', '.join(known) or 'none'}.", 404)
    return dict(country_holidays(country.upper(), subdiv=region or None, years=year, language="en_US").items())


def _regions(country: str) -> tuple[str, ...]:
    known = list_supported_countries(include_aliases=False)
    if country.upper() not in known:
        raise Fault(f"There are no holidays of {country.upper()} here yet.", 404)
    return tuple(known[country.upper()])
