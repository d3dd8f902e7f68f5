"""CSV that a spreadsheet opens and a program parses: RFC 4180, and no cell that could run as a formula."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from portal.kit.clock import isoformat_z
from portal.metering.calls import Call, each_call
from portal.metering.holdings import Holding
from portal.metering.queries import calls_by_bucket
from portal.metering.spans import Span
from portal.metering.types import Bucket

Cell = str | int | datetime | None
# A spreadsheet takes a text that begins with one of these (also full-width, also behind a tab) for a formula.
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
_ROWS_AT_ONCE = 500


def bar_lines(account_id: int, holdings: Sequence[Holding], span: Span) -> Iterator[str]:
    """Yield the sums of a span: one row per bar and subscription that has calls."""
    names = {held.subscription_id: held.name for held in holdings}
    header = ("from", "subscription", "api", "calls", "counted", "not counted", "errors", "average ms", "bytes out")
    buckets = calls_by_bucket(account_id, span.period, step=span.step, zone=span.zone, subscription_ids=list(names))
    return csv_lines(header, (_bar_cells(bucket, names) for bucket in buckets))


def call_lines(
    account_id: int, holdings: Sequence[Holding], span: Span, *, status_class: str | None = None
) -> Iterator[str]:
    """Yield the calls of a span, newest first."""
    header = ("time", "request id", "subscription", "key", "method", "path", "status", "counted")
    ids = [held.subscription_id for held in holdings]
    calls = each_call(account_id, ids, span.period, status_class=status_class)
    return csv_lines((*header, "ms", "bytes out", "decision"), (_call_cells(call) for call in calls))


def _bar_cells(bucket: Bucket, names: dict[int, str]) -> tuple[Cell, ...]:
    used, subscription = bucket.usage, bucket.subscription_id
    sums = (used.calls, used.billable_calls, used.not_billed, used.errors, used.average_ms, used.bytes_out)
    return (bucket.start, subscription, names[subscription], *sums)


def _call_cells(call: Call) -> tuple[Cell, ...]:
    asked = (call.started_at, call.request_id.hex, call.subscription_id, call.key_name, call.method, call.path)
    counted = "yes" if call.billable else "no"
    return (*asked, call.status, counted, call.latency_ms, call.bytes_out, call.decision)


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
