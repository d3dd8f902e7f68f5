"""Differences inside bodies, answers and parameters: formats, fields, types, values and limits. Pure.

`sent` is true for what a caller sends (narrower breaks) and false for what it receives (wider breaks).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from portal.catalog.differences.breaking import Change, Place

Facts = dict[str, Any]
_LOWER_IS_LOOSER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_HIGHER_IS_LOOSER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}


def changes_of_media(
    place: Place, word: str, name: str, old: list[Facts], new: list[Facts], *, sent: bool
) -> Iterator[Change]:
    """Yield what changed between two lists of formats, each with its fields."""
    before, after = {each["type"]: each for each in old}, {each["type"]: each for each in new}
    for kind, past in before.items():
        if kind not in after:
            yield Change(f"{word} format removed", place, f"{name} {kind}".strip())
        elif "schema" in past and "schema" in after[kind]:
            yield from _fields(place, name, past["schema"], after[kind]["schema"], sent=sent)
    for kind in after:
        if kind not in before:
            yield Change(f"{word} format added", place, f"{name} {kind}".strip())


def _fields(place: Place, name: str, old: Facts, new: Facts, *, sent: bool) -> Iterator[Change]:
    before, after = dict(_flat(old, "")), dict(_flat(new, ""))
    word = f"{place} field"
    for path, past in before.items():
        where = f"{name} {path}".strip()
        if path not in after:
            if _parent(path) in after or path == "":
                yield Change(f"{word} removed", place, where)
            continue
        now = after[path]
        was, is_now = "required" in past, "required" in now
        if was != is_now and path:
            kinds = ("now required", "now optional") if sent else ("now promised", "no longer promised")
            yield Change(f"{word} {kinds[0] if is_now else kinds[1]}", place, where)
        yield from changes_of_value(place, word, where, past, now, sent=sent)
    for path, now in after.items():
        if path not in before and (_parent(path) in before or path == ""):
            kind = f"required {word} added" if sent and "required" in now else f"{word} added"
            yield Change(kind, place, f"{name} {path}".strip())


def _flat(node: Facts, path: str) -> Iterator[tuple[str, Facts]]:
    """Yield every field with its path: `rates[].date`, `labels{}`; alternatives by name or place."""
    yield path, node
    for child in node.get("children", ()):
        step = "{}" if "any_key" in child else child["name"]
        yield from _flat(child, f"{path}.{step}" if path and step != "{}" else f"{path}{step}")
    if "item" in node:
        yield from _flat(node["item"], f"{path}[]")
    for n, choice in enumerate(node.get("choices", ())):
        yield from _flat(choice, f"{path}|{choice.get('ref') or n + 1}")


def _parent(path: str) -> str:
    return re.sub(r"(\.?[^.\[\]{}|]+|\[\]|\{\}|\|[^.\[\]{}|]+)$", "", path)


def changes_of_value(place: Place, word: str, name: str, old: Facts, new: Facts, *, sent: bool) -> Iterator[Change]:
    """Yield what changed about one value: its type, the values it may take, its limits."""
    if old["type"] != new["type"]:
        grew, shrank = _widened(old["type"], new["type"]), _widened(new["type"], old["type"])
        kind = "type widened" if sent and grew else "type narrowed" if not sent and shrank else "type changed"
        yield Change(f"{word} {kind}", place, name, old["type"], new["type"])
    # A list that is longer than shown cannot be compared value by value.
    if "enum" in old and "enum" in new and _is_whole(old) and _is_whole(new):
        for value in old["enum"]:
            if value not in new["enum"]:
                yield Change(f"{word} value removed", place, name, before=value)
        for value in new["enum"]:
            if value not in old["enum"]:
                yield Change(f"{word} value added", place, name, after=value)
    if sent:
        yield from _limits(place, word, name, dict(old.get("limits", ())), dict(new.get("limits", ())))


def _is_whole(node: Facts) -> bool:
    shown: int = len(node["enum"])
    return bool(shown == node.get("enum_total", shown))


def _widened(old: str, new: str) -> bool:
    """True when everything that fits the old type fits the new one."""
    base, other = old.removesuffix(" or null"), new.removesuffix(" or null")
    if old.endswith(" or null") and not new.endswith(" or null"):
        return False
    plain = base.split(" · ")[0]
    return base == other or other in ("any", plain) or (plain == "integer" and other == "number")


def _limits(place: Place, word: str, name: str, old: dict[str, str], new: dict[str, str]) -> Iterator[Change]:
    for keyword in dict.fromkeys([*old, *new]):
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        kind = "limit tightened" if _tightened(keyword, before, after) else "limit loosened"
        yield Change(f"{word} {kind}", place, name, _limit(keyword, before), _limit(keyword, after))


def _limit(keyword: str, value: str | None) -> str:
    return "" if value is None else f"{keyword} {value}".strip()


def _tightened(keyword: str, old: str | None, new: str | None) -> bool:
    if new is None or old is None:
        return new is not None
    try:
        lower, higher = float(new) < float(old), float(new) > float(old)
    except ValueError:
        return True  # another pattern: what it refuses cannot be known without running it
    return higher if keyword in _LOWER_IS_LOOSER else lower if keyword in _HIGHER_IS_LOOSER else True
