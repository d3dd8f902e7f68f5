"""POST /api/v1/pricing/preview: what it would cost, for anybody, and clear refusals for anything else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.db import SYSTEM, transaction
from portal.pricing.rating import rate
from portal.pricing.rules import MAX_AMOUNT, MAX_QUANTITY, MAX_UNIT_AMOUNT
from portal.pricing.service import create_plan, create_product, publish_price, withdraw_plan
from portal.pricing.types import PriceTerms, Tier
from tests.pricing.terms import terms_from

URL = "/api/v1/pricing/preview"
PRO = terms_from({"amount": 2900, "included_quantity": 10_000, "usage_model": "per_unit", "unit_amount": "0.4"})


def sell(terms: PriceTerms, code: str = "pro") -> int:
    with transaction(SYSTEM):
        plan_id = create_plan(create_product(1, "Rates"), code, "Pro")
        publish_price(plan_id, terms)
    return plan_id


def test_the_preview_is_the_function(client: FlaskClient) -> None:
    plan_id = sell(PRO)
    answer = client.post(URL, json={"plan_id": plan_id, "quantity": 12_345})
    assert answer.status_code == 200
    found = answer.get_json()
    charge = rate(PRO, 12_345)
    assert found["total"] == {"amount": charge.total.amount, "currency": "eur", "text": "€38.38"}
    assert [line["amount"] for line in found["lines"]] == [line.amount for line in charge.lines] == [2900, 938]
    usage = found["lines"][1]
    assert (usage["included"], usage["billable"], usage["refused"]) == (10_000, 2345, 0)
    assert (usage["unit_amount"], usage["amount_exact"]) == ("0.4", "938")
    assert usage["text"] == "12,345 calls: 10,000 included, 2,345 × €0.004"


@pytest.mark.parametrize(
    "written",
    [
        {"included_quantity": 1000},
        {"usage_model": "package", "unit_amount": "900.5", "package_size": 1000},
        {"usage_model": "graduated", "tiers": [[1000, 0, 0], [10_000, "0.5", 250], [None, "0.000000000001", 0]]},
        {"usage_model": "volume", "tiers": [["99.5", 10, 500], [None, "5.000001", 0]]},
    ],
)
@pytest.mark.parametrize("quantity", [0, 1, 1000, 1001, 123_456_789])
def test_every_model_adds_up_exactly_in_what_is_sent(
    client: FlaskClient, written: dict[str, Any], quantity: int
) -> None:
    terms = terms_from(written)
    found = client.post(URL, json={"plan_id": sell(terms), "quantity": quantity}).get_json()
    assert (
        found["total"]["amount"] == sum(line["amount"] for line in found["lines"]) == rate(terms, quantity).total.amount
    )
    for line in found["lines"]:
        if line["kind"] == "usage":
            assert line["included"] + line["billable"] + line["refused"] == line["quantity"] == quantity
        if line["tiers"]:
            assert sum(Decimal(tier["amount_exact"]) for tier in line["tiers"]) == Decimal(line["amount_exact"])
    assert found["refused"] == (max(0, quantity - 1000) if terms.limit == "refused" else 0)


def test_the_largest_price_and_quantity_still_fit(client: FlaskClient) -> None:
    terms = PriceTerms(MAX_AMOUNT, "eur", usage_model="graduated", tiers=(Tier(None, MAX_UNIT_AMOUNT, MAX_AMOUNT),))
    answer = client.post(URL, json={"plan_id": sell(terms), "quantity": MAX_QUANTITY})
    assert answer.status_code == 200
    assert answer.get_json()["total"]["amount"] == rate(terms, MAX_QUANTITY).total.amount


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"plan_id": 999_999, "quantity": 1}, 404),
        ({"plan_id": 2**63 - 1, "quantity": 1}, 404),
        ({"plan_id": "PLAN", "quantity": 1, "currency": "usd"}, 404),
        ({"plan_id": 2**63, "quantity": 1}, 400),
        ({"plan_id": 0, "quantity": 1}, 422),
        ({"plan_id": "1", "quantity": 1}, 422),
        ({"plan_id": True, "quantity": 1}, 422),
        ({"plan_id": "PLAN", "quantity": -1}, 422),
        ({"plan_id": "PLAN", "quantity": 1.5}, 422),
        ({"plan_id": "PLAN", "quantity": MAX_QUANTITY + 1}, 422),
        ({"plan_id": "PLAN", "quantity": None}, 422),
        ({"plan_id": "PLAN"}, 422),
        ({"plan_id": "PLAN", "quantity": 1, "currency": "EUR"}, 422),
        ({"plan_id": "PLAN", "quantity": 1, "currency": "e\u0000r"}, 400),
        ({"plan_id": "PLAN", "quantity": 1, "discount": 1}, 422),
        ([], 422),
        ("text", 422),
    ],
    ids=str,
)
def test_anything_else_is_refused_clearly(client: FlaskClient, body: Any, status: int) -> None:
    plan_id = sell(PRO)
    if isinstance(body, dict) and body.get("plan_id") == "PLAN":
        body = body | {"plan_id": plan_id}
    answer = client.post(URL, json=body)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json()["status"] == status


def test_bytes_that_are_no_json_and_other_methods_are_refused(app: Flask, client: FlaskClient) -> None:
    assert client.post(URL, data=b"\xff\x00{", content_type="application/json").status_code == 400
    assert client.post(URL, data=b"plan_id=1").status_code == 415
    assert client.get(URL).status_code == 405


def test_a_withdrawn_plan_has_no_preview(client: FlaskClient) -> None:
    plan_id = sell(PRO)
    with transaction(SYSTEM):
        withdraw_plan(plan_id)
    assert client.post(URL, json={"plan_id": plan_id, "quantity": 1}).status_code == 404
