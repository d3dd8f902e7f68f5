"""Values about subscriptions that cross borders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from portal.kit.periods import Period

Status = Literal["incomplete", "incomplete_expired", "trialing", "active", "past_due", "unpaid", "paused", "canceled"]
AccessSource = Literal["subscription", "trial", "grace"]
AccessReason = Literal[
    "free", "active", "trialing", "cancelling", "in_grace",
    "renewal_overdue", "trial_over", "cancelled", "grace_over", "unpaid", "paused", "incomplete", "disputed", "refunded",
]  # fmt: skip

# What became of the money for the current period; while it stands, nothing is supported.
Hold = Literal["disputed", "refunded"]

TERMINAL: frozenset[str] = frozenset({"canceled", "incomplete_expired"})
LIVE: frozenset[str] = frozenset({"trialing", "active", "past_due", "unpaid", "paused"})


@dataclass(frozen=True, slots=True)
class Access:
    """What a subscription supports at the instant it was asked.

    While `allowed`, the right holds during `[valid_from, valid_to)`; `valid_to` is None when nothing but a
    cancellation ends it. Otherwise all three of `source`, `valid_from` and `valid_to` are None. `reason` is a
    stable code; people get a sentence made from it at the edge.
    """

    allowed: bool
    source: AccessSource | None
    valid_from: datetime | None
    valid_to: datetime | None
    reason: AccessReason


@dataclass(frozen=True, slots=True)
class SpendingLimit:
    """What a buyer wants to spend at most per billing period: `amount` minor units of the price's currency, net of tax.

    `calls` of a period cost no more than that; None when no volume reaches it.
    """

    amount: int
    calls: int | None


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """A subscription as other features see it. Instants are aware UTC; `period` is half-open.

    `read_at` is when the read that brought these facts from their source started.
    """

    id: int
    account_id: int
    product_id: int
    plan_id: int
    price_id: int
    stripe_subscription_id: str | None
    status: Status
    quantity: int
    period: Period
    anchor_at: datetime
    trial_end: datetime | None
    cancel_at: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    ended_at: datetime | None
    past_due_since: datetime | None
    grace_until: datetime | None
    read_at: datetime
    livemode: bool = False
    hold: Hold | None = None
    spending: SpendingLimit | None = None

    @property
    def is_free(self) -> bool:
        """True when we started it ourselves: it renews itself and no payment provider knows it."""
        return self.stripe_subscription_id is None

    @property
    def has_ended(self) -> bool:
        """True when its status can never change again."""
        return self.status in TERMINAL
