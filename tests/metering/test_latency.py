"""The latency histogram: no value is misplaced, none is off by more than 2.5 %."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from pathlib import Path

import pytest

from portal.metering.latency import BOUNDS, LONGEST_MS, merge, percentile_ms, representative_ms


def test_every_latency_is_represented_within_two_and_a_half_percent() -> None:
    for ms in [*range(1, 20_000), *range(20_000, LONGEST_MS, 997)]:
        assert abs(representative_ms(bisect_right(BOUNDS, ms)) - ms) <= 0.025 * ms, ms


def documented() -> list[tuple[int, ...]]:
    """The rows of the table in docs/algorithms/rollups.md."""
    text = (Path(__file__).parents[2] / "docs/algorithms/rollups.md").read_text()
    table = text.partition("| Bucket | Lowest, ms |")[2].partition("\n\n")[0].splitlines()[2:]
    return [tuple(int(cell) for cell in line.strip("| ").split("|")) for line in table]


@pytest.mark.parametrize(("bucket", "lowest", "highest", "stands_for"), documented())
def test_buckets_are_where_the_documentation_says(bucket: int, lowest: int, highest: int, stands_for: int) -> None:
    assert {bisect_right(BOUNDS, ms) for ms in (lowest, highest)} == {bucket}
    assert bisect_right(BOUNDS, lowest - 1) == bucket - 1
    assert bisect_right(BOUNDS, highest + 1) == bucket + 1
    assert representative_ms(bucket) == stands_for


def test_short_latencies_are_exact() -> None:
    assert [representative_ms(bisect_right(BOUNDS, ms)) for ms in range(40)] == list(range(40))


def test_merging_does_not_depend_on_order() -> None:
    parts = [[(0, 1), (3, 2)], [(3, 5), (9, 1)], []]
    assert merge(parts) == merge(reversed(parts)) == {0: 1, 3: 7, 9: 1}


@pytest.mark.parametrize(
    ("share", "expected"), [(Fraction(1, 100), 10), (Fraction(1, 2), 10), (Fraction(51, 100), 20), (Fraction(1), 30)]
)
def test_a_percentile_is_the_first_value_that_reaches_the_share(share: Fraction, expected: int) -> None:
    assert percentile_ms({10: 50, 20: 49, 30: 1}, share) == expected


def test_no_calls_have_no_percentile() -> None:
    assert percentile_ms({}, Fraction(95, 100)) is None
