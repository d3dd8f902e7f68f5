"""One box that finds everything a person may open or do: pages, APIs, what is theirs, and acts.

The web layer knows no features. Each feature registers a source (`offer`) that says which entries it has for a reader;
what no source returns does not exist for that reader. This module ranks and groups them, and adds the pages of the
navigation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import groupby

from flask import Flask, current_app

from portal.web import nav
from portal.web.matching import Part, parts_of, rank, terms_of
from portal.web.principal import Principal

PER_GROUP = 6
# What stays whatever it is called: found by a search of its own, perhaps by words that its name does not hold.
_FOUND = 15


class Group(IntEnum):
    """What kind of thing an entry is; the order among groups that answer equally well."""

    RECENT = 0
    PAGES = 1
    SUBSCRIPTIONS = 2
    KEYS = 3
    INVOICES = 4
    OWN_APIS = 5
    APIS = 6
    PROVIDERS = 7
    ACTS = 8
    ORGANISATIONS = 9
    OPERATIONS = 10
    SEARCHES = 11


# What is shown before anything is typed.
_BEGINNING = (Group.PAGES, Group.SUBSCRIPTIONS, Group.OWN_APIS, Group.ACTS, Group.ORGANISATIONS, Group.OPERATIONS)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to open, or to do when `is_act`: then the address is posted to, with the one value it `sends`.

    `also` holds further words it can be found by. `is_found` says that its source searched: it stays whatever it is
    called, in the order its source gave. `image` is the address of a small picture of it.
    """

    label: str
    href: str
    group: Group
    note: str = ""
    also: str = ""
    is_act: bool = False
    sends: tuple[str, str] | None = None
    is_found: bool = False
    image: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader wants: the words typed, and addresses this browser remembers, which may be stale or made up."""

    reader: Principal | None
    words: str = ""
    recent: tuple[str, ...] = ()

    @property
    def is_searching(self) -> bool:
        """True when there is something to look for, words or addresses; else sources name only where to begin."""
        return bool(self.words or self.recent)

    def may(self, right: str) -> bool:
        """True when the reader's role includes a right."""
        return self.reader is not None and self.reader.may(right)


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry with its name in parts, each with whether it is what was typed."""

    entry: Entry
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """The hits of one group, best first."""

    group: Group
    hits: list[Hit] = field(default_factory=list)


Source = Callable[[Asked], Iterable[Entry]]


def offer(app: Flask, source: Source) -> None:
    """Let a feature offer entries. A source decides itself what its reader may see: it is handed the principal."""
    app.extensions.setdefault("palette", []).append(source)


def find(asked: Asked) -> list[Section]:
    """Return what there is for a reader: for the words, the best first, or where to begin when there are none."""
    sources: Sequence[Source] = (_navigation, *current_app.extensions.get("palette", ()))
    entries = _once(entry for source in sources for entry in source(asked))
    terms = terms_of(asked.words)
    return _matching(entries, terms) if terms else _beginning(entries, asked.recent)


def _navigation(asked: Asked) -> list[Entry]:
    return [Entry(item.label, item.href, Group.PAGES) for item in nav.items_for(asked.reader)]


def _once(entries: Iterable[Entry]) -> list[Entry]:
    """Drop what two sources offer: a page of the navigation may be named by its feature as well."""
    return list({(entry.group, entry.href, entry.sends): entry for entry in entries}.values())


def _matching(entries: list[Entry], terms: Sequence[str]) -> list[Section]:
    scored = [(rank(entry.label, f"{entry.also} {entry.note}", terms), entry) for entry in entries]
    kept = [(score or _FOUND, entry) for score, entry in scored if score or entry.is_found]
    best = {group: max(score for score, entry in kept if entry.group == group) for group in {e.group for _, e in kept}}
    # Searches that can be made elsewhere come last, however well their words agree: they repeat what was typed.
    groups = sorted(best, key=lambda group: (group == Group.SEARCHES, -best[group], group))
    return [Section(group, _hits([pair for pair in kept if pair[1].group == group], terms)) for group in groups]


def _hits(scored: list[tuple[int, Entry]], terms: Sequence[str]) -> list[Hit]:
    ordered = sorted(scored, key=lambda pair: -pair[0])[:PER_GROUP]
    return [Hit(entry, parts_of(entry.label, terms)) for _score, entry in ordered]


def _beginning(entries: list[Entry], recent: Sequence[str]) -> list[Section]:
    to_open = {entry.href: entry for entry in entries if not entry.is_act}
    again = [to_open[address] for address in dict.fromkeys(recent) if address in to_open]
    left = sorted(
        (entry for entry in entries if entry.group in _BEGINNING and not entry.is_found and entry not in again),
        key=lambda entry: entry.group,
    )
    sections = [(group, list(found)) for group, found in groupby(left, key=lambda entry: entry.group)]
    shown = [(Group.RECENT, again)] * bool(again) + sections
    return [Section(group, [Hit(entry, ((entry.label, False),)) for entry in found[:8]]) for group, found in shown]
