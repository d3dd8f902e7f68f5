"""Which rows a period is read from: every instant once."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from portal.metering.rules import cover


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
