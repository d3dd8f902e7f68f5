"""The APIs of the demo's providers are right where anybody can look it up, and never fall over a bad question."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import urllib3

from portal.upstreams.apis import APIS
from portal.upstreams.describing import Operation

STRANGE: tuple[Any, ...] = (
    "",
    "\0",
    "١٢",
    "-1",
    "NaN",
    "1e400",
    "9" * 400,
    "ÿ" * 3_000,
    "\ud800",
    "../..",
    "%",
    "0001-01-01",
)
BODIES = (b"", b"{", b"[]", b"null", b'{"a":1}', b"\xff\xfe", b"[" * 50_000, b'{"a":' * 50_000)

OPERATIONS = [
    pytest.param(name, operation, id=f"{name}-{operation.id}")
    for name, versions in APIS.items()
    for api in versions
    for operation in api.operations
]


def ask(base: str, name: str, operation: Operation, given: dict[str, Any], body: bytes | None = None) -> Any:
    path, query = operation.path, {}
    if operation.method == "POST":
        body = json.dumps(given).encode() if body is None else body
    else:
        for key, value in given.items():
            text = quote(str(value), safe="", errors="surrogatepass")
            path = path.replace(f"{{{key}}}", text)
            if f"{{{key}}}" not in operation.path:
                query[key] = str(value)
    address = f"{base}/{name}{path}" + (f"?{urlencode(query, errors='surrogatepass')}" if query else "")
    return urllib3.request(operation.method, address, body=body, timeout=20, retries=False)


def get(base: str, path: str) -> Any:
    return urllib3.request("GET", base + path, retries=False).json()


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
def test_a_strange_question_gets_an_answer_or_a_clear_no(base: str, name: str, operation: Operation) -> None:
    questions = [{**operation.example, key: value} for key in operation.example for value in STRANGE]
    questions += [{**operation.example, "strange": "1"}]
    if operation.method == "POST":
        questions += [
            {**operation.example, key: value} for key in operation.example for value in ([], {}, None, [[]], 5)
        ]
        answers = [ask(base, name, operation, {}, body) for body in BODIES]
    else:
        answers = []
    answers += [ask(base, name, operation, question) for question in questions]
    refused = [answer for answer in answers if answer.status != 200]
    assert refused
    assert {answer.status for answer in refused} <= {400, 404, 413, 414}, [a.data for a in refused if a.status >= 500]
    named = [answer for answer in refused if answer.headers.get("Content-Type") == "application/problem+json"]
    assert all(answer.json()["detail"] for answer in named)
    assert (
        "Unknown parameter `strange`" in next(a for a in reversed(named)).json()["detail"] or operation.method == "POST"
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/bank-accounts/v2/accounts/GB82WEST12345698765432", {"is_valid": True, "country_code": "GB", "reason": None}),
        ("/bank-accounts/v1/iban?iban=GB82WEST12345698765433", {"valid": False}),
        ("/vat-numbers/v1/check/nl-btw/NL004495445B01", {"is_valid": True}),
        ("/product-codes/v1/check/ean/4006381333932", {"is_valid": False}),
        ("/phone-numbers/v1/check?number=(415)%20555-2671&region=us", {"e164": "+14155552671"}),
        ("/distances/v1/geohash?latitude=57.64911&longitude=10.40744&length=11", {"geohash": "u4pruydqqvj"}),
        ("/time-zones/v1/instants?zone=Europe/Berlin&local=2026-03-29T02:30:00", {"instants": []}),
        ("/colours/v1/contrast?text=000000&background=ffffff", {"ratio": 21.0, "passes": True, "suggestion": None}),
        ("/colours/v1/contrast?text=777777&background=ffffff", {"passes": False, "suggestion": "#757575"}),
        ("/measures/v3/convert?amount=-40&from=%C2%B0F&to=%C2%B0C", {"amount": "-40"}),
        ("/measures/v3/convert?amount=1&from=in&to=cm", {"amount": "2.54"}),
        ("/integers/v1/factors/999999000001", {"is_prime": True}),
        ("/integers/v1/roman/3999", {"text": "MMMCMXCIX"}),
        ("/slugs/v1/slug?text=Stra%C3%9Fe%20%26%20Weg&longest=10", {"slug": "strasse"}),
        ("/public-holidays/v2/countries/de/holidays/2026-10-31", {"is_holiday": False}),
        ("/public-holidays/v2/countries/de/holidays/2026-10-31?region=SN", {"is_holiday": True}),
        ("/moon/v1/light/2026-03-03", {"phase": "full_moon"}),
    ],
)  # fmt: skip
def test_answers_are_what_anybody_can_look_up(base: str, path: str, expected: dict[str, Any]) -> None:
    found = get(base, path)
    assert {key: found.get(key) for key in expected} == expected


@pytest.mark.parametrize(("phase", "day"), [("new_moon", "2026-08-12T17:3"), ("full_moon", "2026-12-24T01:2")])
def test_the_moon_keeps_its_appointments(base: str, phase: str, day: str) -> None:
    instants = get(base, f"/moon/v1/phases/2026?phase={phase}")["instants"]
    assert [at for at in instants if at.startswith(day)]


@pytest.mark.parametrize("rate", ["0", "0.1", "5.4", "99"])
@pytest.mark.parametrize("months", [1, 7, 480])
def test_a_loan_ends_at_zero_and_its_instalments_are_its_total(base: str, rate: str, months: int) -> None:
    question = f"principal=12000.01&rate={rate}&months={months}"
    rows = get(base, f"/loans/v2/schedule?{question}&first=2026-01-31")["instalments"]
    assert rows[-1]["left"] == "0.00"
    assert sum(round(float(row["payment"]) * 100) for row in rows) == round(
        float(get(base, f"/loans/v2/loan?{question}")["total"]) * 100
    )


def test_the_same_seed_gives_the_same_people_and_another_seed_others(base: str) -> None:
    one, again, other = (get(base, f"/test-data/v5/people?seed={seed}") for seed in (4, 4, 5))
    assert one == again
    assert one != other
    assert all(person["email"].rpartition("@")[2].startswith("example.") for person in one["people"])


def test_a_schema_reaches_nothing_outside_itself(base: str) -> None:
    for reference in ("https://example.com/schema", "file:///etc/passwd", "#/nowhere", "#"):
        body = {"document": 1, "schema": {"$ref": reference}}
        answer = urllib3.request("POST", f"{base}/json-schema/v1/check", json=body, retries=False)
        assert answer.status == 400
        assert "reference" in answer.json()["detail"]


def test_a_hostile_pattern_is_not_run(base: str) -> None:
    body = {"document": "a" * 60 + "!", "schema": {"pattern": "^(a+)+$"}}
    answer = urllib3.request("POST", f"{base}/json-schema/v1/check", json=body, timeout=5, retries=False)
    assert answer.json()["is_valid"] is True


def test_references_that_multiply_are_given_up(base: str) -> None:
    steps = {f"s{n}": {"allOf": [{"$ref": f"#/$defs/s{n + 1}"}] * 2} for n in range(30)} | {"s30": True}
    body = {"document": 1, "schema": {"$ref": "#/$defs/s0", "$defs": steps}}
    answer = urllib3.request("POST", f"{base}/json-schema/v1/check", json=body, timeout=5, retries=False)
    assert answer.status == 400


def test_markdown_comes_back_without_scripts(base: str) -> None:
    body = {"markdown": "<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>"}
    html = urllib3.request("POST", f"{base}/markdown/v3/render", json=body, retries=False).json()["html"]
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert "onerror" not in html


def test_answers_that_never_change_may_be_kept_and_the_others_not(base: str) -> None:
    kept = urllib3.request("GET", f"{base}/measures/v3/units", retries=False)
    assert kept.headers["Cache-Control"] == "public, max-age=86400"
    fresh = urllib3.request("POST", f"{base}/statistics/v1/describe", json={"values": [1, 2]}, retries=False)
    assert fresh.headers["Cache-Control"] == "no-store"
