"""Reading the worked tables of docs/algorithms, so that a page and the code cannot drift apart."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from portal.app import ROOT


def worked_rows(page: str, section: str) -> list[tuple[Any, ...]]:
    """Return the rows of the table under a heading: the first cell as text, the others as JSON with exact decimals."""
    text = (ROOT / "docs" / "algorithms" / page).read_text(encoding="utf-8")
    _before, found, body = text.partition(f"\n## {section}\n")
    if not found:
        raise LookupError(f"{page} has no section {section!r}")
    lines = [line for line in body.split("\n## ")[0].splitlines() if line.startswith("|")][2:]
    if not lines:
        raise LookupError(f"the section {section!r} of {page} has no table")
    return [_cells(line) for line in lines]


def instant(text: str) -> datetime:
    """Return the UTC instant of `2026-03-01` or `2026-03-01T00:30`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _cells(line: str) -> tuple[Any, ...]:
    name, *values = (cell.strip() for cell in line.strip("|").split(" |"))
    return name.strip(), *(json.loads(value.strip("`"), parse_float=Decimal) for value in values)
