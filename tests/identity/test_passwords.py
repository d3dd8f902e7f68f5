"""Which passwords are accepted: length, yes; guessable, no; mixtures, irrelevant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.identity.passwords import Fault, Hashing, find_fault, is_too_long

CHEAP = Hashing(memory_kib=16, passes=1)


@pytest.mark.parametrize(
    "password",
    [
        "heron tunnel marmalade",
        "läuft über grüne wiesen",
        "日本語の長い合い言葉です。",
        "9f!kQz7#mWp2",
        "correct pony battery glue",
        "zugvogel tinte kante",
    ],
)
def test_long_and_unexpected_is_enough(password: str) -> None:
    assert find_fault(password, ("cleo@example.com", "Cleo Quist", "Harbour", "Mercato")) is None


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password2026!!",
        "P@ssw0rd2024!",
        "passwordpassword",
        "qwertyuiop12",
        "qwertz123456",
        "aaaaaaaaaaaaaaaa",
        "123456789012",
        "abcdefghijklmn",
        "Welcome2024!!!",
        "correct horse battery staple",
        "CorrectHorseBatteryStaple",
        "letmein letmein",
        "summer winter 1999",
        "ＰＡＳＳＷＯＲＤ１２３４",
        "            ",
    ],
)
def test_what_is_guessed_first_is_refused_however_it_is_dressed(password: str) -> None:
    assert find_fault(password) is Fault.COMMON


@pytest.mark.parametrize("password", ["cleo quist cleo", "cleo@example.com", "harbour-labs-2026", "CleoQuist1990!"])
def test_one_s_own_name_and_address_are_refused(password: str) -> None:
    assert find_fault(password, ("cleo@example.com", "Cleo Quist", "Harbour Labs")) is Fault.PERSONAL


@pytest.mark.parametrize(
    ("password", "fault"), [("elevenchars", Fault.SHORT), ("é" * 513, Fault.LONG), ("x" * 1025, Fault.LONG)]
)
def test_length_is_counted_in_characters_below_and_bytes_above(password: str, fault: Fault) -> None:
    assert find_fault(password) is fault


@given(st.text(max_size=1100))
def test_no_text_breaks_the_policy_or_the_hash(password: str) -> None:
    find_fault(password, (password, "x"))
    if not is_too_long(password):
        assert CHEAP.verify(CHEAP.hash(password), password)
        assert not CHEAP.verify(None, password)


def test_a_stored_hash_that_is_not_one_verifies_nothing() -> None:
    assert not CHEAP.verify("garbage", "heron tunnel marmalade")
    assert not CHEAP.verify("", "heron tunnel marmalade")
