"""A histogram of latencies that adds up: hours merge into days without losing anything.

Buckets grow by 5 %, so a percentile read from them is within 2.5 % of the exact one, whatever the distribution; below
40 ms each millisecond has its own. Merging adds counts, so any order of merging gives the same result, which
digests that keep samples cannot promise. The bounds are written into stored rows: changing them means recomputing.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import ceil

GROWTH = Fraction(105, 100)
LONGEST_MS = 3_600_000


def _bounds() -> tuple[int, ...]:
    """Return the lower bounds of the buckets in milliseconds, strictly rising from 1 to about an hour."""
    found = [1]
    while found[-1] < LONGEST_MS:
        found.append(max(found[-1] + 1, int(found[-1] * GROWTH)))
    return tuple(found)


BOUNDS = _bounds()


def representative_ms(bucket: int) -> int:
    """Return the latency that stands for a bucket: the value that no member is relatively further from than another.

    Bucket 0 holds 0 ms, bucket n holds `BOUNDS[n - 1]` up to but without `BOUNDS[n]`.
    """
    if bucket == 0:
        return 0
    low = BOUNDS[bucket - 1]
    high = BOUNDS[bucket] - 1 if bucket < len(BOUNDS) else low
    return round(Fraction(2 * low * high, low + high))


def merge(histograms: Iterable[Iterable[tuple[int, int]]]) -> dict[int, int]:
    """Return the sum of histograms, each given as pairs of a bucket number and its count."""
    total: dict[int, int] = {}
    for histogram in histograms:
        for bucket, count in histogram:
            total[bucket] = total.get(bucket, 0) + count
    return total


def percentile_ms(histogram: dict[int, int], share: Fraction) -> int | None:
    """Return the latency in milliseconds that `share` of the calls did not exceed, within 2.5 %; None without calls.

    Same rank as PostgreSQL's `percentile_disc`: the first value whose running share reaches `share`.
    """
    calls = sum(histogram.values())
    if not calls:
        return None
    rank = max(1, ceil(share * calls))
    running = 0
    for bucket in sorted(histogram):
        running += histogram[bucket]
        if running >= rank:
            return representative_ms(bucket)
    raise AssertionError("the counts add up to the calls")
