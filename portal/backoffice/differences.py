"""What an act changed, field by field, for reading. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Row = tuple[str, str | None, str | None]
_DEEPEST = 6


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Row]:
    """Return `(field, before, after)` for every field that either side has, changed ones first; None is no value.

    Fields within fields are named by their path, `price.amount`; lists are shown whole.
    """
    old, new = dict(_flat(before or {})), dict(_flat(after or {}))
    rows = [(name, old.get(name), new.get(name)) for name in dict.fromkeys([*old, *new])]
    return sorted(rows, key=lambda row: row[1] == row[2])


def _flat(values: Mapping[str, Any], path: str = "", depth: int = 1) -> Iterator[tuple[str, str | None]]:
    for name, value in values.items():
        here = f"{path}{name}"
        if isinstance(value, Mapping) and value and depth < _DEEPEST:
            yield from _flat(value, f"{here}.", depth + 1)
        else:
            yield here, _text(value)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
