"""The honest meter: how much of a plan is used, and what happens at its end. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portal.metering.holdings import Allowance

Kind = Literal["capped", "limited", "included", "pay_as_you_go", "unlimited"]
Level = Literal["near", "over"]
NEAR = 0.8


@dataclass(frozen=True, slots=True)
class Meter:
    """`used` calls against `included`. What is beyond is refused ("capped") or charged ("included").

    "limited" is charged until `stops_at`, where the buyer's own limit of money is reached.
    """

    kind: Kind
    used: int
    included: int
    stops_at: int | None = None

    @property
    def full(self) -> int:
        """The number of calls at which the bar is full."""
        return self.included if self.stops_at is None else self.stops_at

    @property
    def share(self) -> float:
        """Used share of what fills the bar; more than 1 beyond it, 0 where nothing limits."""
        if self.stops_at == 0:
            return 1.0
        return self.used / self.full if self.full else 0.0

    @property
    def beyond(self) -> int:
        """Calls above what is included."""
        return max(0, self.used - self.included)

    @property
    def level(self) -> Level | None:
        """How loud the bar has to be. Paid overage is expected, so it never shouts."""
        if self.kind in ("capped", "limited") and self.share >= 1:
            return "over"
        return "near" if self.kind in ("capped", "limited", "included") and self.share >= NEAR else None


def meter_of(allowance: Allowance, used: int) -> Meter:
    """Return the meter of a plan after `used` counted calls in its period."""
    included = allowance.included or 0
    if allowance.usage_model and allowance.stops_at is not None:
        return Meter("limited", used, included, allowance.stops_at)
    if allowance.usage_model:
        return Meter("included" if included else "pay_as_you_go", used, included)
    return Meter("capped" if included else "unlimited", used, included)
