"""Prices in words: cards, limits and explanations say what the arithmetic does."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from portal.pricing import words
from portal.pricing.rating import rate
from portal.pricing.types import Offer, PriceTerms
from tests.pricing.terms import terms_from

FREE: dict[str, Any] = {"included_quantity": 1000}
PRO: dict[str, Any] = {"amount": 2900, "included_quantity": 10_000, "usage_model": "per_unit", "unit_amount": "0.4"}
METERED: dict[str, Any] = {"usage_model": "per_unit", "unit_amount": "0.3"}
PACKS: dict[str, Any] = {
    "usage_model": "package",
    "unit_amount": "900",
    "package_size": 1000,
    "included_quantity": 5000,
}
TIERS: dict[str, Any] = {"usage_model": "graduated", "tiers": [[1000, 0, 0], [10_000, 0.5, 250], [None, "0.03", 0]]}


@pytest.fixture(autouse=True)
def request_in_english(app: Flask) -> Iterator[None]:
    with app.test_request_context("/"):
        yield


def offers(*written: dict[str, Any]) -> list[Offer]:
    return [
        Offer(n, f"p{n}", "P", "", (), None, 1, "Rates", n, terms_from(terms), None) for n, terms in enumerate(written)
    ]


@pytest.mark.parametrize(
    ("sold", "text"),
    [
        ([], ""),
        ([{}], "Free"),
        ([FREE], "Free 1,000 calls a month"),
        ([FREE, PRO], "Free 1,000 calls a month, then from €29.00 a month"),
        ([PRO, FREE, METERED], "Free 1,000 calls a month, then €0.003 a call"),
        ([{}, PRO], "Free, then from €29.00 a month"),
        ([PRO], "From €29.00 a month"),
        ([METERED], "€0.003 a call"),
        ([METERED | FREE], "Free 1,000 calls a month, then €0.003 a call"),
        ([{"amount": 9900, "interval": "year"}, PRO], "From €29.00 a month"),
        ([PRO | {"interval_count": 3}], "From €29.00 every 3 months"),
        ([TIERS], "up to €0.005 a call by volume, plus the fee of each step"),
        ([{"usage_model": "volume", "tiers": [[10, 2, 0], [None, 1, 0]]}], "up to €0.02 a call, by volume"),
        ([PRO | {"currency": "jpy"}], "From ¥2,900 a month"),
    ],
)
def test_a_card_says_what_is_free_and_then_the_next_step(sold: list[dict[str, Any]], text: str) -> None:
    assert words.headline(offers(*sold)) == text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ({}, "Unlimited calls"),
        (FREE, "1,000 calls a month, then refused until the next period"),
        (PRO, "10,000 calls a month included, then €0.004 a call"),
        (METERED, "Every call billed: €0.003 a call"),
        (PACKS, "5,000 calls a month included, then €9.00 per 1,000 calls started"),
        ({"included_quantity": 0}, "0 calls a month, then refused until the next period"),
    ],
)
def test_a_limit_says_what_happens_to_the_next_call(written: dict[str, Any], text: str) -> None:
    assert words.limit(terms_from(written)) == text


@pytest.mark.parametrize(
    ("written", "quantity", "text"),
    [
        (PRO, 12_345, "12,345 calls: 10,000 included, 2,345 × €0.004"),
        (PRO, 0, "0 calls"),
        (FREE, 1500, "1,500 calls: 1,000 included, 500 refused"),
        (PACKS, 7400, "7,400 calls: 5,000 included, 3 × €9.00 per 1,000 calls started"),
        (TIERS, 1001, "1,001 calls: 1,000 × €0.00 + €2.50 + 1 × €0.005"),
    ],
)
def test_a_line_explains_itself(written: dict[str, Any], quantity: int, text: str) -> None:
    terms: PriceTerms = terms_from(written)
    line = rate(terms, quantity).lines[-1]
    assert words.explain_line(line, terms.currency) == text


def test_the_plan_fee_is_called_that() -> None:
    assert words.explain_line(rate(terms_from(PRO), 5).lines[0], "eur") == "Plan fee"


def test_templates_have_the_same_words(app: Flask) -> None:
    page = app.jinja_env.from_string("{{ price_headline(o) }} | {{ price_fee(t) }} | {{ price_limit(t) }}")
    terms = terms_from(PRO)
    assert page.render(o=offers(PRO), t=terms) == " | ".join(
        [words.headline(offers(PRO)), "€29.00 a month", words.limit(terms)]
    )
    assert Decimal("0.4") == terms.unit_amount
