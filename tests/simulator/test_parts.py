"""Small parts on their own: form decoding, amounts for people, signatures."""

import hashlib
import hmac

import pytest

from portal.simulator.billing.amounts import share, shown
from portal.simulator.cards import CARDS, luhn
from portal.simulator.errors import StripeError
from portal.simulator.form_encoding import decode
from portal.simulator.webhooks import sign


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a=1&b=two+words&c=%C3%A4", {"a": "1", "b": "two words", "c": "ä"}),
        ("a[b][c]=1&a[b][d]=2", {"a": {"b": {"c": "1", "d": "2"}}}),
        ("a[]=x&a[]=y", {"a": {"0": "x", "1": "y"}}),
        ("a[0][b]=1&a[1][b]=2", {"a": {"0": {"b": "1"}, "1": {"b": "2"}}}),
        ("a[][b]=1&a[][c]=2&a[][b]=3", {"a": {"0": {"b": "1", "c": "2"}, "1": {"b": "3"}}}),
        ("a=", {"a": ""}),
    ],
)
def test_forms_become_nested(raw: str, expected: dict[str, object]) -> None:
    assert decode(raw) == expected


@pytest.mark.parametrize("raw", ["a=1&a[b]=2", "a" + "[b]" * 40 + "=1", "&".join(f"a{n}=1" for n in range(6000))])
def test_forms_no_sdk_sends_are_refused(raw: str) -> None:
    with pytest.raises(StripeError) as refusal:
        decode(raw)
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [(2900, "eur", "€29.00"), (123456789, "usd", "$1,234,567.89"), (1500, "jpy", "¥1,500"),
     (1234, "kwd", "KWD 1.234"), (-5, "gbp", "−£0.05")],
)  # fmt: skip
def test_amounts_have_the_currencys_decimals(amount: int, currency: str, expected: str) -> None:
    assert shown(amount, currency) == expected


def test_a_share_of_a_period_rounds_half_up() -> None:
    assert share(5, 1, 2) == 3
    assert share(2900, 31, 31) == 2900
    assert share(2900, 0, 31) == 0


def test_a_signature_has_one_part_per_secret() -> None:
    header = sign(b"{}", ["whsec_new", "whsec_old"], 1_700_000_000)
    parts = header.split(",")
    expected = hmac.new(b"whsec_old", b"1700000000.{}", hashlib.sha256).hexdigest()
    assert (parts[0], len(parts), parts[2]) == ("t=1700000000", 3, f"v1={expected}")


def test_every_test_card_has_a_valid_check_digit() -> None:
    assert all(luhn(card.number) for card in CARDS)
    assert not luhn("4242424242424241")
