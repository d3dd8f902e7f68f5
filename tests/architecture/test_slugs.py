"""No organisation's address can hide a page of ours: the words to keep free follow from the routes themselves."""

from __future__ import annotations

import re

from flask import Flask

from portal.identity.rules import RESERVED_SLUGS, slug_of

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")


def first_words(app: Flask) -> set[str]:
    """What stands where an organisation's slug could: at the beginning of a path, and behind /marketplace/."""
    found = set()
    for rule in app.url_map.iter_rules():
        parts = rule.rule.strip("/").split("/")
        found |= {parts[0], *(parts[1:2] if parts[0] == "marketplace" else ())}
    return {word for word in found if _SLUG.match(word)}


def test_every_word_of_our_own_addresses_is_reserved(app: Flask) -> None:
    words = first_words(app)
    assert {"compare", "view", "search-gaps", "marketplace", "settings"} <= words
    assert words - RESERVED_SLUGS == set()


def test_an_organisation_of_such_a_name_gets_another_address() -> None:
    for name in ("Compare", "View", "Search gaps", "Widgets", "LOGOS"):
        assert slug_of(name) not in RESERVED_SLUGS
    assert slug_of("Compare") == "compare-1"
