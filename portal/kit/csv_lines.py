"""CSV that a spreadsheet opens and a program parses: RFC 4180, and no cell that could run as a formula."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from portal.kit.clock import isoformat_z

Cell = str | int | datetime | None
# A spreadsheet takes a text that begins with one of these (also full-width, also behind a tab) for a formula.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_ROWS_AT_ONCE = 500


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[Cell]]) -> Iterator[str]:
    """Yield a header and the rows in chunks; numbers stay bare, everything else is quoted."""
    chunk = [_line(header)]
    for row in rows:
        chunk.append(_line(row))
        if len(chunk) >= _ROWS_AT_ONCE:
            yield "".join(chunk)
            chunk = []
    yield "".join(chunk)


def _line(cells: Iterable[Cell]) -> str:
    return ",".join(_cell(cell) for cell in cells) + "\r\n"


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime):
        return isoformat_z(value)
    safe = f"'{value}" if value.startswith(_FORMULA) else value
    return '"' + safe.replace('"', '""') + '"'
