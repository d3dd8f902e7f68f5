"""Which rows a period is read from: every instant once."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from portal.kit.clock import from_timestamp
from portal.metering.rules import MAX_AGE, MAX_AHEAD, Window, cover, instant_text


@pytest.mark.parametrize("seed", range(200))
def test_a_cover_holds_every_instant_of_the_period_once(seed: int) -> None:
    chance = random.Random(seed)
    start = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=chance.randint(0, 86_400 * 3))
    end = start + timedelta(seconds=chance.choice([1, 1800, 3600, 7200, 90_000, 86_400 * 40]) + chance.randint(0, 3600))
    if chance.random() < 0.4:
        start, end = start.replace(minute=0, second=0), end.replace(minute=0, second=0) + timedelta(hours=1)
    pieces = cover(start, end)
    spans = sorted([*pieces.days, *pieces.hours, *pieces.calls])
    assert spans[0][0] == start
    assert spans[-1][1] == end
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    assert all(at.hour == at.minute == at.second == 0 for span in pieces.days for at in span)
    assert all(at.minute == at.second == 0 for span in pieces.hours for at in span)
    assert all(closes - opens < timedelta(hours=1) for opens, closes in pieces.calls) or not pieces.hours


def test_the_quick_way_to_write_an_instant_writes_what_the_slow_one_does() -> None:
    """Checksums are made of this text: any other would turn the repeats of stored calls into conflicts."""
    chance = random.Random(5)
    given: list[float] = [1, 999, 1000, 951_782_400_000, 1_773_133_200_000, 4_102_444_799_999]
    given += [chance.randrange(4_102_444_800_000) for _ in range(2000)]
    given += [chance.random() * 4e12 for _ in range(500)]
    for milliseconds in given:
        assert instant_text(milliseconds) == from_timestamp(milliseconds / 1000).isoformat()


def test_the_window_of_belief_includes_its_ends() -> None:
    now = datetime(2026, 3, 10, 9, tzinfo=UTC)
    window = Window.at(now)
    for end, beyond in ((now - MAX_AGE, -1), (now + MAX_AHEAD, 1)):
        milliseconds = int(end.timestamp() * 1000)
        assert window.fault(milliseconds) is None
        assert window.fault(milliseconds + beyond) is not None
