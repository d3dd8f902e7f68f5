"""Meters say what happens at their end."""

from __future__ import annotations

from decimal import Decimal

import pytest

from portal.metering.holdings import Allowance
from portal.metering.meters import meter_of


def plan(included: int | None, model: str | None = None, stops_at: int | None = None) -> Allowance:
    return Allowance(included, model, Decimal("0.3") if model else None, None, "eur", 5800, stops_at)


@pytest.mark.parametrize(
    ("allowance", "used", "kind", "level", "beyond"),
    [
        (plan(100), 0, "capped", None, 0),
        (plan(100), 79, "capped", None, 0),
        (plan(100), 80, "capped", "near", 0),
        (plan(100), 100, "capped", "over", 0),
        (plan(100, "per_unit"), 100, "included", "near", 0),
        (plan(100, "per_unit"), 250, "included", "near", 150),
        (plan(None, "per_unit"), 250, "pay_as_you_go", None, 250),
        (plan(0, "per_unit"), 1, "pay_as_you_go", None, 1),
        (plan(None), 10**9, "unlimited", None, 10**9),
        (plan(100, "per_unit", 200), 159, "limited", None, 59),
        (plan(100, "per_unit", 200), 160, "limited", "near", 60),
        (plan(100, "per_unit", 200), 200, "limited", "over", 100),
        (plan(0, "per_unit", 0), 0, "limited", "over", 0),
        (plan(100, None, 200), 100, "capped", "over", 0),
    ],
)
def test_the_kind_of_meter_follows_the_plan(
    allowance: Allowance, used: int, kind: str, level: str | None, beyond: int
) -> None:
    meter = meter_of(allowance, used)
    assert (meter.kind, meter.level, meter.beyond) == (kind, level, beyond)
