"""Money: whole minor units of a known currency, one rounding rule."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from portal.db import db
from portal.kit.money import CURRENCIES, Money, UnknownCurrency, chargeable, currency, round_half_up, to_minor


@given(st.fractions())
def test_rounding_goes_to_the_nearest_and_halves_away_from_zero(value: Fraction) -> None:
    found = round_half_up(value)
    assert abs(found - value) <= Fraction(1, 2)
    assert round_half_up(-value) == -found
    if abs(found - value) == Fraction(1, 2):
        assert abs(found) > abs(value)


@given(st.decimals(-(10**12), 10**12, places=6))
def test_rounding_agrees_with_decimal(value: Decimal) -> None:
    context = Context(prec=60, rounding=ROUND_HALF_UP)
    assert round_half_up(value) == int(value.quantize(Decimal(1), context=context))


@pytest.mark.parametrize("value", ["0.5", "-0.5", "1.5", "2.5", "-2.5", "0.499999999999999999", "1033.3333", "-0.49"])
def test_rounding_agrees_with_the_database(app: Flask, value: str) -> None:
    theirs = db.session.execute(text("SELECT round(CAST(:value AS numeric))"), {"value": value}).scalar_one()
    assert round_half_up(Decimal(value)) == int(theirs)


@pytest.mark.parametrize(
    ("major", "code", "minor"),
    [
        ("29.005", "eur", 2901),
        ("29.004999", "eur", 2900),
        ("-29.005", "eur", -2901),
        ("1023.5", "jpy", 1024),
        ("1.2345", "kwd", 1235),
        ("0", "usd", 0),
        ("123456789012345678901234567890.125", "eur", 12345678901234567890123456789013),
    ],
)
def test_major_units_become_minor_by_the_currency_s_own_decimals(major: str, code: str, minor: int) -> None:
    assert to_minor(Decimal(major), code) == Money(minor, code)


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_no_amount(value: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        to_minor(Decimal(value), "eur")


@pytest.mark.parametrize(("amount", "charged"), [(5124, 5120), (5125, 5130), (-5125, -5130), (5120, 5120), (4, 0)])
def test_three_decimal_currencies_are_charged_in_steps_of_ten(amount: int, charged: int) -> None:
    assert chargeable(Money(amount, "kwd")) == Money(charged, "kwd")
    assert chargeable(Money(amount, "eur")) == Money(amount, "eur")


@pytest.mark.parametrize("code", ["", "e", "euro", "xxx", "eur ", "\N{KELVIN SIGN}wd", "eur\x00", "ЕUR"])
def test_an_unknown_currency_is_never_guessed(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        currency(code)


def test_currency_codes_are_found_in_any_case_and_kept_in_lower_case() -> None:
    assert currency("EUR") is currency("eur") is CURRENCIES["eur"]
    with pytest.raises(UnknownCurrency):
        Money(1, "EUR")


@pytest.mark.parametrize("amount", [1.0, True, "1", Decimal(1), None])
def test_money_is_a_whole_number_of_minor_units(amount: Any) -> None:
    with pytest.raises(TypeError):
        Money(amount, "eur")


def test_sums_need_the_same_currency() -> None:
    assert Money(5, "eur") + Money(7, "eur") - Money(2, "eur") == Money(10, "eur") == -Money(-10, "eur")
    assert not Money(0, "eur")
    for act in (Money.__add__, Money.__sub__):
        with pytest.raises(ValueError, match="do not add up"):
            act(Money(5, "eur"), Money(5, "usd"))


@pytest.mark.parametrize(("code", "text"), [("eur", "12.34"), ("jpy", "1234"), ("kwd", "1.234")])
def test_the_major_amount_has_exactly_the_currency_s_decimals(code: str, text: str) -> None:
    assert str(Money(1234, code).decimal) == text
