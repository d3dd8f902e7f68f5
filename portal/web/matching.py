"""How well a name answers what was typed, and which parts of it are what was typed. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

Part = tuple[str, bool]
# What a term is worth by where it stands: the whole begins with it, a word does, it is somewhere; then the same of the
# words an entry is not called by but can be found by.
_BEGINS, _WORD_BEGINS, _INSIDE, _ALSO_BEGINS, _ALSO_INSIDE = 40, 30, 20, 10, 5
_IS = 100


def fold(text: str) -> str:
    """Return a text as it is compared: without case and accents, so that "uber" finds "Über"."""
    return "".join(_fold(character) for character in text)


def _fold(character: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", character.casefold()) if not unicodedata.combining(c))


def terms_of(words: str, most: int = 6) -> tuple[str, ...]:
    """Return the separate words of a text, folded."""
    return tuple(fold(words).split()[:most])


def rank(label: str, also: str, terms: Sequence[str]) -> int:
    """Return how well a name answers the terms, the higher the better; 0 unless every term is somewhere."""
    name, more = fold(label), fold(also)
    worth = [_worth(name, more, term) for term in terms]
    if not all(worth):
        return 0
    return sum(worth) + (_IS if name == " ".join(terms) else 0)


def _worth(name: str, more: str, term: str) -> int:
    if name.startswith(term):
        return _BEGINS
    if _begins_word(name, term):
        return _WORD_BEGINS
    if term in name:
        return _INSIDE
    if more.startswith(term) or _begins_word(more, term):
        return _ALSO_BEGINS
    return _ALSO_INSIDE if term in more else 0


def _begins_word(text: str, term: str) -> bool:
    at = text.find(term)
    while at > 0:
        if not text[at - 1].isalnum():
            return True
        at = text.find(term, at + 1)
    return False


def parts_of(label: str, terms: Sequence[str]) -> tuple[Part, ...]:
    """Return a name in parts, each with whether it is one of the terms. Together the parts are the name, unchanged."""
    places = [place for place, character in enumerate(label) for _ in _fold(character)]
    name, is_term = fold(label), [False] * len(label)
    for term in terms:
        at = name.find(term)
        while at >= 0:
            for place in range(places[at], places[at + len(term) - 1] + 1):
                is_term[place] = True
            at = name.find(term, at + len(term))
    return _joined(label, is_term)


def _joined(label: str, is_term: Sequence[bool]) -> tuple[Part, ...]:
    parts: list[Part] = []
    for character, marked in zip(label, is_term, strict=True):
        if parts and (parts[-1][1] == marked or unicodedata.combining(character)):
            parts[-1] = (parts[-1][0] + character, parts[-1][1])
        else:
            parts.append((character, marked))
    return tuple(parts)
