"""Random histories over the real table, whose exclusion constraint is the judge of overlaps."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from portal.entitlements.queries import has_feature
from portal.kit.clock import ManualClock
from tests.entitlements.conftest import Customer

DAY = timedelta(days=1)
STATUSES = ["active", "active", "active", "trialing", "past_due", "unpaid", "paused"]


@pytest.mark.parametrize("seed", range(3))
def test_rights_follow_any_history_without_a_clash(
    subscribe: Callable[..., Customer], clock: ManualClock, seed: int
) -> None:
    chance = random.Random(seed)
    customer = subscribe()
    version = 0
    for _ in range(40):
        # Mostly forwards; now and then a machine whose clock is a little behind.
        now = clock.advance(chance.choice([DAY, 9 * DAY, timedelta(0), timedelta(seconds=7), -timedelta(seconds=3)]))
        if chance.random() < 0.8:
            start = now - chance.randint(0, 30) * DAY
            facts: dict[str, Any] = {
                "status": chance.choice(STATUSES),
                "current_period_start": start,
                "current_period_end": start + chance.randint(1, 31) * DAY,
                "past_due_since": start,
                "grace_until": start + chance.randint(1, 40) * DAY,
                "cancel_at_period_end": chance.random() < 0.3,
            }
            customer.hears(**facts)
        for _again in range(chance.randint(1, 3)):
            derived = customer.derive(now)
            version += derived.changed
            assert derived.version == version
            assert has_feature(customer.account_id, customer.feature_id, now) == derived.allowed
    assert version > 5
