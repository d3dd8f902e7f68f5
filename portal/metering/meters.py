"""The honest meter: how much of a plan is used, and what happens at its end. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portal.metering.holdings import Allowance

Kind = Literal["capped", "included", "pay_as_you_go", "unlimited"]
Level = Literal["near", "over"]
NEAR = 0.8


@dataclass(frozen=True, slots=True)
class Meter:
    """`used` calls against `included`. What is beyond is refused ("capped") or charged ("included")."""

    kind: Kind
    used: int
    included: int

    @property
    def share(self) -> float:
        """Used share of what is included; more than 1 beyond it, 0 where nothing limits."""
        return self.used / self.included if self.included else 0.0

    @property
    def beyond(self) -> int:
        """Calls above what is included."""
        return max(0, self.used - self.included)

    @property
    def level(self) -> Level | None:
        """How loud the bar has to be. Paid overage is expected, so it never shouts."""
        if self.kind == "capped" and self.share >= 1:
            return "over"
        return "near" if self.kind in ("capped", "included") and self.share >= NEAR else None


def meter_of(allowance: Allowance, used: int) -> Meter:
    """Return the meter of a plan after `used` counted calls in its period."""
    included = allowance.included or 0
    if allowance.usage_model:
        return Meter("included" if included else "pay_as_you_go", used, included)
    return Meter("capped" if included else "unlimited", used, included)
