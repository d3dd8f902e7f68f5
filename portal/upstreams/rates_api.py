"""The Rates API over HTTP. Its description: rates.openapi.yaml."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from decimal import Decimal

import orjson
from aiohttp import web

from portal.kit.clock import Clock, isoformat_z
from portal.upstreams.answers import Fault, answer, day_parameter, number_parameter, only
from portal.upstreams.rates import FIRST_DAY, REFERENCE, converted, published_day, rate

_LONGEST_SERIES = 366


def rates_routes(clock: Clock) -> list[web.RouteDef]:
    """Return the routes below the API's base path."""

    async def currencies(request: web.Request) -> web.Response:
        only(request)
        listed = [{"code": code, "name": name} for code, (name, _rate) in sorted(REFERENCE.items())]
        return answer({"currencies": listed}, max_age=86_400)

    async def latest(request: web.Request) -> web.Response:
        return _table(request, clock.now().date())

    async def on_day(request: web.Request) -> web.Response:
        return _table(request, _fixed_day(request.match_info["day"], "date", clock))

    async def convert(request: web.Request) -> web.Response:
        only(request, "from", "to", "amount", "date")
        base, symbol = _code(request.query.get("from", ""), "from"), _code(request.query.get("to", ""), "to")
        amount = number_parameter(request.query.get("amount", "1"), "amount", Decimal(0), Decimal(10**12))
        day = _fixed_day(request.query["date"], "date", clock) if "date" in request.query else clock.now().date()
        return answer(
            {
                "date": published_day(day).isoformat(),
                "from": base,
                "to": symbol,
                "amount": amount,
                "rate": rate(base, symbol, day),
                "result": converted(amount, base, symbol, day),
            },
            max_age=300,
        )

    async def series(request: web.Request) -> web.Response:
        only(request, "base", "symbol", "from", "to")
        base = _code(request.query.get("base", "EUR"), "base")
        symbol = _code(request.query.get("symbol", "USD"), "symbol")
        end = _fixed_day(request.query["to"], "to", clock) if "to" in request.query else clock.now().date()
        start = (
            _fixed_day(request.query["from"], "from", clock)
            if "from" in request.query
            else max(FIRST_DAY, end - timedelta(days=30))
        )
        length = (end - start).days + 1
        if not 1 <= length <= _LONGEST_SERIES:
            raise Fault(f"Ask for 1 to {_LONGEST_SERIES} days, with `from` not after `to`.")
        days = [start + timedelta(days=n) for n in range(length)]
        points = [{"date": day.isoformat(), "rate": rate(base, symbol, day)} for day in days if day.weekday() < 5]
        return answer({"base": base, "symbol": symbol, "points": points}, max_age=300)

    async def stream(request: web.Request) -> web.StreamResponse:
        only(request, "base", "symbol", "ticks")
        base = _code(request.query.get("base", "EUR"), "base")
        symbol = _code(request.query.get("symbol", "USD"), "symbol")
        ticks = int(number_parameter(request.query.get("ticks", "10"), "ticks", Decimal(1), Decimal(60)))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        for number in range(ticks):
            now = clock.now()
            tick = {
                "at": isoformat_z(now),
                "base": base,
                "symbol": symbol,
                "rate": float(rate(base, symbol, now.date())),
            }
            await response.write(b"id: %d\nevent: rate\ndata: %s\n\n" % (number + 1, orjson.dumps(tick)))
            if number + 1 < ticks:
                await asyncio.sleep(1)
        return response

    return [
        web.get("/v1/currencies", currencies),
        web.get("/v1/latest", latest),
        web.get("/v1/convert", convert),
        web.get("/v1/series", series),
        web.get("/v1/stream", stream),
        web.get("/v1/historical/{day}", on_day),
    ]


def _table(request: web.Request, day: date) -> web.Response:
    only(request, "base", "symbols")
    base = _code(request.query.get("base", "EUR"), "base")
    wanted = request.query.get("symbols")
    symbols = [_code(part, "symbols") for part in wanted.split(",")] if wanted else sorted(set(REFERENCE) - {base})
    if len(symbols) > len(REFERENCE):
        raise Fault("`symbols` names more currencies than there are.")
    rates = {symbol: rate(base, symbol, day) for symbol in symbols}
    return answer({"date": published_day(day).isoformat(), "base": base, "rates": rates}, max_age=300)


def _code(text: str, name: str) -> str:
    code = text.strip().upper()
    if code not in REFERENCE:
        raise Fault(f"`{name}` must be one of {', '.join(sorted(REFERENCE))}.")
    return code


def _fixed_day(text: str, name: str, clock: Clock) -> date:
    day = day_parameter(text, name)
    if not FIRST_DAY <= day <= clock.now().date():
        raise Fault(f"`{name}` must be from {FIRST_DAY} to today.")
    return day
