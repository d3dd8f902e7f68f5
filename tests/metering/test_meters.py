"""Meters say what happens at their end."""

from __future__ import annotations

from decimal import Decimal

import pytest

from portal.metering.holdings import Allowance
from portal.metering.meters import meter_of


def plan(included: int | None, model: str | None = None) -> Allowance:
    return Allowance(included, model, Decimal("0.3") if model else None, None, "eur")


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
    ],
)
def test_the_kind_of_meter_follows_the_plan(
    allowance: Allowance, used: int, kind: str, level: str | None, beyond: int
) -> None:
    meter = meter_of(allowance, used)
    assert (meter.kind, meter.level, meter.beyond) == (kind, level, beyond)
