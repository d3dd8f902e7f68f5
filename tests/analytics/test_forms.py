"""What ranges mean at any time of a month: half-open, never empty."""

from __future__ import annotations

from itertools import pairwise

import pytest

from portal.analytics.forms import RANGES, period_of, read_wish
from portal.analytics.trends import months_to
from tests.worked_tables import instant


@pytest.mark.parametrize("now", ["2026-03-10T09:00", "2026-03-01", "2026-01-01", "2028-02-29T23:59", "2026-12-31"])
def test_ranges_and_months_fit_each_other(now: str) -> None:
    at = instant(now)
    for name in RANGES:
        assert period_of(name, at).start < period_of(name, at).end
    months = months_to(at)
    assert len(months) == 12
    assert all(one.end == two.start for one, two in pairwise(months))
    assert months[-1].end >= at
    assert period_of("year", at).start <= months[0].start
    assert period_of("last-month", at) == months[-2]


@pytest.mark.parametrize("typed", ["0", "-1", "x", "9" * 30, "٣", ""])
def test_what_cannot_be_read_is_the_usual(typed: str) -> None:
    wish = read_wish({"project": typed, "range": typed, "currency": typed, "state": typed, "kind": typed})
    assert wish.project in (0, 1)
    assert (wish.range, wish.currency, wish.state, wish.kind) == ("30d", None, None, None)
