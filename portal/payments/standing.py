"""How a reader stands to what is sold on a page, and the one act that helps them next. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portal.metering.meters import Meter
from portal.subscriptions.types import SubscriptionView

Act = Literal["nothing", "start", "choose", "ask to buy", "pay", "ask to pay", "resume", "upgrade", "ask to upgrade",
              "keys", "usage"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Powers:
    """What the reader's role lets them do."""

    buy: bool
    keys: bool


@dataclass(frozen=True, slots=True)
class Sold:
    """What is for sale: anything at all, a free plan first, a plan that holds more than the reader's."""

    any: bool
    free_first: bool
    more: bool


def act_of(held: SubscriptionView | None, meter: Meter | None, powers: Powers, sold: Sold) -> Act:
    """Return the next useful act: what is owed comes before what ends, and that before what runs out.

    `meter` is that of the running period. Who lacks the right is told whom to ask, never shown a door that is shut.
    """
    if held is None:
        if not sold.any:
            return "nothing"
        if not powers.buy:
            return "ask to buy"
        return "start" if sold.free_first else "choose"
    if held.status in ("past_due", "unpaid"):
        return "pay" if powers.buy else "ask to pay"
    if (held.cancel_at_period_end or held.cancel_at is not None) and powers.buy:
        return "resume"
    if meter is not None and meter.kind == "capped" and meter.level is not None and sold.more:
        return "upgrade" if powers.buy else "ask to upgrade"
    return "keys" if powers.keys else "usage"
