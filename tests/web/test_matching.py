"""Names against what was typed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from portal.web.matching import fold, parts_of, rank, terms_of


def test_the_nearer_to_the_beginning_the_better() -> None:
    names = ["Rates", "Rates archive", "Exchange rates", "Prorates", "Currencies"]
    worth = [rank(name, "rates of exchange" if name == "Currencies" else "", ("rates",)) for name in names]
    assert worth == sorted(worth, reverse=True)
    assert len(set(worth)) == len(worth)


def test_every_word_has_to_be_somewhere() -> None:
    assert rank("Keys of Rates", "credential", terms_of("cred rat"))
    assert rank("Keys of Rates", "credential", terms_of("keys almanac")) == 0


def test_case_and_accents_make_no_difference() -> None:
    assert rank("Büro für Straßen", "", terms_of("BURO strassen"))
    assert parts_of("Büro für Straßen", terms_of("buro STRASS")) == (
        ("Büro", True),
        (" für ", False),
        ("Straß", True),
        ("en", False),
    )


@given(st.text(max_size=40), st.text(max_size=12))
def test_the_parts_are_the_name_whatever_it_is_made_of(name: str, words: str) -> None:
    terms = terms_of(words)
    parts = parts_of(name, terms)
    assert "".join(text for text, _ in parts) == name
    if rank(name, "", terms) and terms:
        assert any(is_term for _, is_term in parts)
    for text, is_term in parts:
        assert text
        if is_term:
            assert any(fold(text).find(term[:1]) >= 0 for term in terms)
