"""Figures about prices in words: never nothing for what costs something, and short in every language."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_babel import force_locale

from portal.catalog import wording
from portal.catalog.markdown import render_line
from portal.catalog.price_tables import curve
from portal.pricing.types import Offer, PriceTerms
from portal.pricing.volumes import quote
from portal.web.figures import compact


def offer(amount: int, included: int | None = None) -> Offer:
    terms = PriceTerms(amount, "eur", included_quantity=included)
    return Offer(1, "p", "P", "", (), None, 1, "Api", 1, terms, None)


@pytest.mark.parametrize(
    ("amount", "calls", "said"),
    [
        (2900, 10_000, "€0.0029"),
        (400, 200_000, "€0.00002"),
        (433, 200_000, "€0.000022"),
        (2900, 7, "€4.1429"),
        (0, 200_000, "€0.00"),
        (1, 10**12, "€0.00"),  # a ten thousand millionth of a cent is nothing
    ],
)
def test_a_call_costs_nothing_only_where_it_does(app: Flask, amount: int, calls: int, said: str) -> None:
    with app.test_request_context():
        assert wording.per_call(quote(offer(amount), calls), calls) == said


def test_the_curve_of_a_price_goes_in_round_steps_and_through_the_volume(app: Flask) -> None:
    with app.test_request_context():
        drawn = curve([offer(400, 200_000)], 37_000)
    assert drawn is not None
    volumes = [volume for volume, _quotes in drawn.rows]
    assert {volume % 5_000 for volume in volumes if volume != 37_000} == {0}
    assert 37_000 in volumes
    assert volumes[-1] >= 70_000


def test_large_numbers_are_short_where_the_language_has_short_forms(app: Flask) -> None:
    with app.test_request_context():
        assert (compact(66_700.0), compact(12_000_000.0)) == ("66.7K", "12M")
        with force_locale("de"):
            assert (compact(66_700.0), compact(12_000_000.0)) == ("66.700", "12\N{NO-BREAK SPACE}Mio.")


def test_a_line_of_an_answer_keeps_its_code_and_no_links() -> None:
    line = render_line("Says *why*:\n`detail` <b>and</b> [more](https://evil.example)", 140)
    assert line == "Says <em>why</em>: <code>detail</code> &lt;b&gt;and&lt;/b&gt; more"
    assert render_line("one two three four", 12) == "one two…"
