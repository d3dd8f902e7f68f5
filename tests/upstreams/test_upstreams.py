"""The demo upstreams answer what their documents promise."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema
import pytest
import urllib3
import yaml

from portal.upstreams import almanac, openapi, rates
from portal.upstreams.apis import APIS
from portal.upstreams.server import NAMES, document


def operations() -> list[Any]:
    found = []
    documents = [(name, document(name)) for name in NAMES]
    documents += [(name, openapi.write(old)) for name, versions in APIS.items() for old in versions[:-1]]
    for name, written in documents:
        described = yaml.safe_load(written)
        for path, methods in described["paths"].items():
            found += [
                pytest.param(name, path, method, operation, described, id=f"{name}-{operation['operationId']}")
                for method, operation in methods.items()
            ]
    return found


@pytest.mark.parametrize(("name", "path", "method", "operation", "described"), operations())
def test_every_documented_example_call_answers_as_documented(
    base: str, name: str, path: str, method: str, operation: dict[str, Any], described: dict[str, Any]
) -> None:
    query = {}
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
        elif "example" in parameter:
            query[parameter["name"]] = str(parameter["example"])
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    address = f"{base}/{name}{quote(path)}" + (f"?{urlencode(query)}" if query else "")
    answer = urllib3.request(method.upper(), address, json=body, timeout=15, retries=False)
    if operation["operationId"] == "status":
        assert answer.status == 418
        return
    assert answer.status == 200, answer.data
    (media, content), *_ = operation["responses"]["200"]["content"].items()
    assert answer.headers["Content-Type"].startswith(media)
    if media == "application/json" and operation["operationId"] != "stream":
        schema = {**content["schema"], "components": described["components"]}
        jsonschema.validate(answer.json(), schema)
        jsonschema.validate(content["example"], schema)
    if name in APIS and "example" in content:
        assert (answer.json() if media == "application/json" else answer.data.decode()) == content["example"]


@pytest.mark.parametrize(
    "path",
    [
        "/rates/v1/latest?base=XXX", "/rates/v1/latest?bse=EUR", "/rates/v1/historical/1999-01-01",
        "/rates/v1/historical/2026-02-30", "/rates/v1/convert?from=EUR&to=USD&amount=NaN",
        "/rates/v1/convert?from=EUR&to=USD&amount=-1", "/rates/v1/series?from=2020-01-01&to=2025-01-01",
        "/rates/v1/stream?ticks=1000", "/almanac/v1/holidays/XX/2026", "/almanac/v1/holidays/DE/1e9",
        "/almanac/v1/holidays/DE/٢٠٢٦", "/almanac/v1/working-days?country=DE&from=2026-01-02&to=2026-01-01",
        "/almanac/v1/deadline?country=DE&days=0.5e9", "/almanac/v1/sun?latitude=91&longitude=0",
        "/almanac/v1/sun", "/rates/%00", "/nope",
    ],
)  # fmt: skip
def test_bad_questions_get_a_clear_no(base: str, path: str) -> None:
    answer = urllib3.request("GET", base + path, retries=False)
    assert answer.status in (400, 404)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize(
    ("year", "expected"), [(2000, (4, 23)), (2008, (3, 23)), (2019, (4, 21)), (2026, (4, 5)), (2038, (4, 25))]
)
def test_easter_falls_where_calendars_print_it(year: int, expected: tuple[int, int]) -> None:
    assert almanac.easter(year) == date(year, *expected)


def test_holidays_on_a_weekend_are_observed_on_a_working_day() -> None:
    british = {each.name: each.observed for each in almanac.holidays("GB", 2022)}
    assert (british["Christmas Day"], british["Boxing Day"]) == (date(2022, 12, 27), date(2022, 12, 26))
    american = {each.name: each.observed for each in almanac.holidays("US", 2026)}
    assert american["Independence Day"] == date(2026, 7, 3)
    assert not almanac.is_working_day("US", date(2027, 12, 31))


def test_the_day_has_24_hours_or_none_near_the_poles() -> None:
    assert almanac.sun(78.2, 15.6, date(2026, 6, 21)) == (None, None, 24.0)
    assert almanac.sun(78.2, 15.6, date(2026, 12, 21)) == (None, None, 0.0)


def test_a_rate_and_its_inverse_agree_and_weekends_repeat_friday() -> None:
    day = date(2026, 3, 14)
    assert rates.rate("EUR", "USD", day) == rates.rate("EUR", "USD", date(2026, 3, 13))
    assert abs(rates.rate("EUR", "USD", day) * rates.rate("USD", "EUR", day) - 1) < Decimal("0.00001")
    assert rates.rate("EUR", "USD", date(2026, 3, 12)) != rates.rate("EUR", "USD", date(2026, 3, 13))
