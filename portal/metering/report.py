"""A span of usage as a page shows it: bars, totals and percentiles that all come from the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from portal.metering import queries
from portal.metering.latency import percentile_ms
from portal.metering.spans import Span
from portal.metering.types import Bucket, Usage


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its sums, and the counted calls of each subscription in it."""

    start: datetime
    usage: Usage
    counted: dict[int, int]


@dataclass(frozen=True, slots=True)
class Report:
    """`total` is the sum of the bars, by construction. `slowest_ms` is the 95th percentile."""

    span: Span
    bars: Sequence[Bar]
    total: Usage
    slowest_ms: int | None

    @property
    def error_share(self) -> float:
        """Share of answers of 400 and above."""
        return self.total.errors / self.total.calls if self.total.calls else 0.0

    def counted_by_subscription(self) -> dict[int, int]:
        """Return the counted calls of the span per subscription, the busiest first."""
        sums: dict[int, int] = {}
        for bar in self.bars:
            for subscription_id, calls in bar.counted.items():
                sums[subscription_id] = sums.get(subscription_id, 0) + calls
        return dict(sorted(sums.items(), key=lambda pair: (-pair[1], pair[0])))


def read_report(account_id: int, subscription_ids: Sequence[int], span: Span) -> Report:
    """Read a span of some subscriptions."""
    buckets = queries.calls_by_bucket(
        account_id, span.period, step=span.step, zone=span.zone, subscription_ids=subscription_ids
    )
    histogram = queries.latency_histogram(account_id, span.period, subscription_ids=subscription_ids)
    return make_report(span, buckets, percentile_ms(histogram, Fraction(95, 100)))


def make_report(span: Span, buckets: Sequence[Bucket], slowest_ms: int | None) -> Report:
    """Sort buckets into the bars of a span; a bar without calls stays, with zeros."""
    sums: dict[datetime, Usage] = dict.fromkeys(span.starts, Usage())
    counted: dict[datetime, dict[int, int]] = {start: {} for start in span.starts}
    total = Usage()
    for bucket in buckets:
        sums[bucket.start] += bucket.usage
        counted[bucket.start][bucket.subscription_id] = bucket.usage.billable_calls
        total += bucket.usage
    return Report(span, [Bar(start, sums[start], counted[start]) for start in span.starts], total, slowest_ms)
