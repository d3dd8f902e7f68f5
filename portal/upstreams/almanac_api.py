"""The Almanac API over HTTP. Its description: almanac.openapi.yaml."""

from __future__ import annotations

from decimal import Decimal

from aiohttp import web

from portal.kit.clock import Clock, isoformat_z
from portal.upstreams import almanac
from portal.upstreams.almanac import COUNTRIES, FIRST_YEAR, LAST_YEAR, Holiday
from portal.upstreams.answers import Fault, answer, day_parameter, number_parameter, only

_LONGEST_SPAN = 3660


def almanac_routes(clock: Clock) -> list[web.RouteDef]:
    """Return the routes below the API's base path."""

    async def countries(request: web.Request) -> web.Response:
        only(request)
        listed = [{"code": code, "name": name} for code, (name, _rules) in sorted(COUNTRIES.items())]
        return answer({"countries": listed}, max_age=86_400)

    async def holidays(request: web.Request) -> web.Response:
        only(request)
        country, year = _country(request.match_info["country"]), _year(request.match_info["year"])
        listed = [_holiday(each) for each in almanac.holidays(country, year)]
        return answer({"country": country, "year": year, "holidays": listed}, max_age=86_400)

    async def easter(request: web.Request) -> web.Response:
        only(request)
        year = _year(request.match_info["year"])
        return answer({"year": year, "easter_sunday": almanac.easter(year).isoformat()}, max_age=86_400)

    async def workdays(request: web.Request) -> web.Response:
        only(request, "country", "from", "to")
        country = _country(request.query.get("country", ""))
        start = day_parameter(request.query.get("from", ""), "from")
        end = day_parameter(request.query.get("to", ""), "to")
        _year(str(start.year)), _year(str(end.year))
        if not 0 <= (end - start).days <= _LONGEST_SPAN:
            raise Fault(f"Ask for at most {_LONGEST_SPAN} days, with `from` not after `to`.")
        count = almanac.working_days(country, start, end)
        return answer(
            {"country": country, "from": start.isoformat(), "to": end.isoformat(), "working_days": count}, max_age=3600
        )

    async def deadline(request: web.Request) -> web.Response:
        only(request, "country", "from", "days")
        country = _country(request.query.get("country", ""))
        start = day_parameter(request.query["from"], "from") if "from" in request.query else clock.now().date()
        _year(str(start.year + 4))
        days = int(number_parameter(request.query.get("days", "10"), "days", Decimal(1), Decimal(500)))
        due = almanac.add_working_days(country, start, days)
        return answer(
            {"country": country, "from": start.isoformat(), "working_days": days, "due": due.isoformat()}, max_age=3600
        )

    async def sun(request: web.Request) -> web.Response:
        only(request, "latitude", "longitude", "date")
        latitude = float(number_parameter(request.query.get("latitude", ""), "latitude", Decimal(-90), Decimal(90)))
        longitude = float(
            number_parameter(request.query.get("longitude", ""), "longitude", Decimal(-180), Decimal(180))
        )
        day = day_parameter(request.query["date"], "date") if "date" in request.query else clock.now().date()
        _year(str(day.year))
        rise, fall, hours = almanac.sun(latitude, longitude, day)
        return answer(
            {
                "date": day.isoformat(),
                "sunrise": isoformat_z(rise) if rise else None,
                "sunset": isoformat_z(fall) if fall else None,
                "daylight_hours": hours,
            },
            max_age=3600,
        )

    return [
        web.get("/v1/countries", countries),
        web.get("/v1/holidays/{country}/{year}", holidays),
        web.get("/v1/easter/{year}", easter),
        web.get("/v1/working-days", workdays),
        web.get("/v1/deadline", deadline),
        web.get("/v1/sun", sun),
    ]


def _holiday(each: Holiday) -> dict[str, str]:
    return {"date": each.day.isoformat(), "name": each.name, "observed": each.observed.isoformat()}


def _country(text: str) -> str:
    code = text.strip().upper()
    if code not in COUNTRIES:
        raise Fault(f"`country` must be one of {', '.join(sorted(COUNTRIES))}.")
    return code


def _year(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) == 4 and FIRST_YEAR <= int(text) <= LAST_YEAR):
        raise Fault(f"The year must be from {FIRST_YEAR} to {LAST_YEAR}.")
    return int(text)
