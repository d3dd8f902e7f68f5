"""An Atom feed (RFC 4287). Built as a tree, so that no name can break it; characters XML has no place for are dropped."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from portal.kit.clock import isoformat_z

_ATOM = "http://www.w3.org/2005/Atom"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
register_namespace("", _ATOM)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; `key` makes its id within the feed and never changes. `link` is its own page, if it has one."""

    key: str
    title: str
    summary: str
    updated: datetime
    link: str = ""


def atom(title: str, author: str, *, page: str, own: str, updated: datetime, entries: Sequence[Entry]) -> bytes:
    """Return the feed. `page` is what it is about, `own` its own address."""
    feed = Element(f"{{{_ATOM}}}feed")
    _add(feed, "id", own)
    _add(feed, "title", title)
    _add(feed, "updated", isoformat_z(max([updated, *(entry.updated for entry in entries)])))
    _add(feed, "link", rel="self", href=own)
    _add(feed, "link", href=page)
    _add(_add(feed, "author"), "name", author)
    for entry in entries:
        found = _add(feed, "entry")
        _add(found, "id", f"{own}#{entry.key}")
        _add(found, "title", entry.title)
        _add(found, "updated", isoformat_z(entry.updated))
        _add(found, "link", href=entry.link or page)
        if entry.summary:
            _add(found, "summary", entry.summary)
    written: bytes = tostring(feed, encoding="utf-8", xml_declaration=True)
    return written


def _add(parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    child = SubElement(parent, f"{{{_ATOM}}}{name}", {key: _plain(value) for key, value in attributes.items()})
    child.text = _plain(text) or None
    return child


def _plain(text: str) -> str:
    return _NO_XML.sub("", text)
