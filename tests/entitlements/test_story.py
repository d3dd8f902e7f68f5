"""The story of docs/algorithms/entitlements.md, line by line over real tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from portal.entitlements.queries import has_feature
from tests.entitlements.conftest import Customer
from tests.worked_tables import instant, worked_rows


def test_the_story_of_one_subscription(subscribe: Callable[..., Customer]) -> None:
    story = worked_rows("entitlements.md", "A story")
    first = story[0][1]
    customer = subscribe(now=instant(first), **columns(story[0][2]))
    version = 0
    for what, at, facts, rows in story:
        now = instant(at)
        if facts and at != first:
            customer.hears(**columns(facts))
        before = customer.windows()
        derived = customer.derive(now)
        expected = [(source, instant(start), instant(end)) for source, start, end in rows]
        assert customer.windows() == expected, what
        assert derived.changed == (before != expected), what
        version += derived.changed
        assert derived.version == version, what
        assert not customer.derive(now).changed, f"{what}: a second run writes nothing"
        assert has_feature(customer.account_id, customer.feature_id, now) == derived.allowed, what


def columns(facts: dict[str, Any]) -> dict[str, Any]:
    """Return a subscription's columns for what a line of the story says."""
    known = dict(facts)
    if "period" in known:
        start, end = known.pop("period")
        known |= {"current_period_start": start, "current_period_end": end}
    return {
        name: instant(value) if isinstance(value, str) and value[:2] == "20" else value for name, value in known.items()
    }
