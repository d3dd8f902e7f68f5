"""The usage page's figures as CSV: the bars, or the calls behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from portal.kit.csv_lines import Cell, csv_lines
from portal.metering.calls import Call, each_call
from portal.metering.holdings import Holding
from portal.metering.queries import calls_by_bucket
from portal.metering.spans import Span
from portal.metering.types import Bucket


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
