"""What programs are told about an organisation's premium plan, in the words of their interface."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

FEATURE = "premium"
PRODUCT = "Premium"
PLANS = ("premium_monthly", "premium_yearly")
PlanName = Literal["FREE", "PREMIUM_MONTHLY", "PREMIUM_YEARLY", "CUSTOM"]


@dataclass(frozen=True, slots=True)
class PremiumEntitlement:
    """How an organisation stands. `status` is NONE, or the provider's word in capitals; instants are aware UTC.

    CUSTOM is access without a subscription: given by hand.
    """

    id: str | None
    user_external_id: str
    user_email: str | None
    plan: PlanName
    status: str
    customer_id: str | None
    subscription_id: str | None
    price_id: str | None
    period_start: datetime | None
    period_end: datetime | None
    cancel_at_period_end: bool
    synced_at: datetime | None
    has_access: bool
