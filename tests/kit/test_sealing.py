"""Sealed secrets: they open for their purpose, with any key we hold, and never after a change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kit.sealing import CannotOpen, Sealer

OLD, NEW = "the key of last year, long enough", "the key of this year, long enough"


@given(st.binary(max_size=200), st.text(max_size=30))
def test_what_was_sealed_opens_for_its_purpose_alone(plain: bytes, purpose: str) -> None:
    sealer = Sealer([OLD])
    sealed = sealer.seal(plain, purpose)
    assert sealer.open(sealed, purpose) == plain
    with pytest.raises(CannotOpen):
        sealer.open(sealed, purpose + "x")


@given(st.integers(min_value=0), st.integers(1, 255))
def test_one_changed_byte_is_enough_to_keep_it_shut(place: int, change: int) -> None:
    sealed = bytearray(Sealer([OLD]).seal(b"a secret", "row 7"))
    sealed[place % len(sealed)] ^= change
    with pytest.raises(CannotOpen):
        Sealer([OLD]).open(bytes(sealed), "row 7")


@given(st.binary(max_size=60))
def test_no_bytes_are_a_failure(garbage: bytes) -> None:
    with pytest.raises(CannotOpen):
        Sealer([OLD]).open(garbage, "")


def test_a_new_key_before_the_old_one_opens_both_and_seals_with_itself() -> None:
    sealed = Sealer([OLD]).seal(b"a secret", "row 7")
    both = Sealer([NEW, OLD])
    assert both.open(sealed, "row 7") == b"a secret"
    assert both.is_outdated(sealed)
    again = both.seal(b"a secret", "row 7")
    assert not both.is_outdated(again)
    with pytest.raises(CannotOpen):
        Sealer([OLD]).open(again, "row 7")


def test_the_same_secret_never_looks_the_same() -> None:
    sealer = Sealer([OLD])
    assert sealer.seal(b"a secret", "row 7") != sealer.seal(b"a secret", "row 7")
