"""The ports of the running application, for edges. `portal/wiring.py` decides what is behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import redis
from flask import current_app

from portal.kit.clock import Clock
from portal.ports.gateway import Gateway
from portal.ports.mail import Mail
from portal.ports.payments import Payments
from portal.ports.queue import Queue
from portal.settings import Settings


@dataclass(frozen=True, slots=True)
class Plugs:
    """What one application is plugged into."""

    settings: Settings
    clock: Clock
    queue: Queue
    redis: redis.Redis
    payments: Payments
    mail: Mail
    gateway: Gateway | None = None

    @property
    def holds_limits(self) -> bool:
        """True when the gateway stops at a number of calls per period, so that a buyer's limit can be kept."""
        return self.gateway is not None and self.gateway.holds_quotas


def plugs() -> Plugs:
    """Return the ports of the running application."""
    return cast(Plugs, current_app.extensions["portal"])
