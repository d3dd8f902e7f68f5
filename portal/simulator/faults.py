"""Trouble on request: API calls that fail, answers that get lost, deliveries late, doubled, shuffled or gone."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

ApiFault = Literal["error", "drop_answer", "slow", "hang"]
DeliveryFault = Literal["delay", "duplicate", "reorder", "drop", "fail"]


@dataclass
class PlannedApiFault:
    """The next ``count`` matching calls fail.

    ``error`` answers ``status`` without doing anything; ``drop_answer`` does the work, keeps it and closes the
    connection; ``slow`` waits ``seconds`` and then works; ``hang`` waits and then closes without doing anything.
    ``stored`` keeps a 500 under the idempotency key, as Stripe does.
    """

    kind: ApiFault
    method: str = ""
    path: str = ""
    status: int = 500
    seconds: float = 0.0
    count: int = 1
    stored: bool = True


@dataclass
class PlannedDeliveryFault:
    """The next ``count`` deliveries of matching event types go wrong.

    ``delay`` waits ``seconds``; ``duplicate`` sends twice; ``reorder`` lets later ones overtake; ``drop`` pretends the
    endpoint never answered (it is retried); ``fail`` sends nothing and counts as undelivered for good.
    """

    kind: DeliveryFault
    types: str = "*"
    seconds: float = 1.0
    count: int = 1


@dataclass
class Faults:
    """What is planned. Empty means everything works."""

    api: list[PlannedApiFault] = field(default_factory=list)
    deliveries: list[PlannedDeliveryFault] = field(default_factory=list)
    paused: bool = False

    def take_api(self, method: str, path: str) -> PlannedApiFault | None:
        """The fault for this call, used up once."""
        for planned in self.api:
            if (not planned.method or planned.method.upper() == method) and path.startswith(planned.path):
                planned.count -= 1
                if planned.count <= 0:
                    self.api.remove(planned)
                return planned
        return None

    def take_delivery(self, kind: str) -> PlannedDeliveryFault | None:
        """The fault for a delivery of this event type, used up once."""
        for planned in self.deliveries:
            matches = planned.types == "*" or any(_fits(kind, pattern) for pattern in planned.types.split(","))
            if matches:
                planned.count -= 1
                if planned.count <= 0:
                    self.deliveries.remove(planned)
                return planned
        return None

    def shown(self) -> dict[str, Any]:
        """What is planned, as JSON."""
        return {
            "api": [asdict(planned) for planned in self.api],
            "deliveries": [asdict(planned) for planned in self.deliveries],
            "deliveries_paused": self.paused,
        }


def _fits(kind: str, pattern: str) -> bool:
    pattern = pattern.strip()
    return kind.startswith(pattern[:-1]) if pattern.endswith("*") else kind == pattern
