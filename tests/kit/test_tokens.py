"""Tokens: long, recognisable, checked before the database is asked, stored only as hashes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kit.tokens import (
    Pepper,
    is_hash_of,
    is_one_of,
    keyed_hash,
    new_token,
    plain_hash,
    public_id_of,
    random_text,
)

PEPPER = b"pepper"


def test_a_token_shows_its_kind_and_carries_its_public_id() -> None:
    token = new_token("mk_live")
    assert token.text.startswith(f"mk_live_{token.public_id}_")
    assert token.text.endswith(token.last_four)
    assert public_id_of(token.text) == token.public_id
    assert len(token.text) == len("mk_live_") + 10 + 1 + 43 + 6


def test_tokens_do_not_repeat() -> None:
    made = [new_token("mk_test") for _ in range(500)]
    assert len({token.text for token in made}) == len({token.public_id for token in made}) == 500
    assert len({random_text() for _ in range(500)}) == 500


def test_every_single_wrong_character_is_noticed() -> None:
    text = new_token("mk_test").text
    for place, char in enumerate(text):
        wrong = "x" if char != "x" else "y"
        assert public_id_of(text[:place] + wrong + text[place + 1 :]) is None, place


@pytest.mark.parametrize("wrong", ["swapped", "truncated", "longer", "spaced", "newline"])
def test_usual_mishaps_are_noticed(wrong: str) -> None:
    text = new_token("mk_test").text
    place = next(n for n in range(30, 50) if text[n] != text[n + 1])
    mishaps = {
        "swapped": text[:place] + text[place + 1] + text[place] + text[place + 2 :],
        "truncated": text[:-1],
        "longer": text + "a",
        "spaced": f" {text}",
        "newline": f"{text}\n",
    }
    assert public_id_of(mishaps[wrong]) is None


@given(st.text() | st.text("_abc0", max_size=130))
def test_anything_else_is_no_token_and_never_an_error(text: str) -> None:
    assert public_id_of(text) is None
    assert len(keyed_hash(text, PEPPER)) == len(plain_hash(text)) == 32


def test_lone_surrogates_only_do_not_match() -> None:
    assert public_id_of("mk_test_\ud800") is None
    assert keyed_hash("\ud800", PEPPER) != keyed_hash("?", PEPPER)


def test_another_pepper_gives_another_hash() -> None:
    text = new_token("mk_test").text
    assert keyed_hash(text, PEPPER) == keyed_hash(text, PEPPER)
    assert keyed_hash(text, PEPPER) != keyed_hash(text, b"salt")
    assert keyed_hash(text, PEPPER) != plain_hash(text)


def test_a_pepper_is_replaced_while_what_the_old_one_hashed_still_counts() -> None:
    old = Pepper.of(["an old pepper"])
    stored = keyed_hash("secret", old)
    both = Pepper.of(["a new pepper", "an old pepper"])
    assert is_hash_of("secret", stored, both)
    assert is_hash_of("secret", keyed_hash("secret", both), both)
    assert keyed_hash("secret", both) == keyed_hash("secret", Pepper.of(["a new pepper"])), "new hashes use the new one"
    assert not is_hash_of("secret", stored, Pepper.of(["a new pepper"]))
    assert not is_hash_of("another", stored, both)
    with pytest.raises(ValueError, match="pepper"):
        Pepper.of([])


def test_a_setting_may_hold_two_secrets_while_one_replaces_the_other() -> None:
    assert is_one_of("new", "new, old")
    assert is_one_of("old", "new, old")
    assert not is_one_of("new, old", "new, old")
    assert not is_one_of("", "")
    assert not is_one_of("", "new,,old")
    assert not is_one_of("\udcff", "new")
