"""Values about purchases that cross borders."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from portal.catalog.labels import ProductLabel
from portal.kit.money import Money
from portal.ports.billing import PreviewLine
from portal.pricing.types import Offer

PurchaseStatus = Literal["started", "open", "complete", "canceled", "expired", "failed"]
SwitchKind = Literal["now", "trial", "later", "free_later"]


@dataclass(frozen=True, slots=True)
class Paid:
    """What decides whether a payment still pays: amounts in minor units, and how disputes about it stand."""

    status: str
    received: int
    refunded: int
    disputes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys: an account, and the person or the app acting for it, whom the trail calls `actor`.

    `name` is what the provider's customer is called. An account in an integrator's project has no organisation here.
    """

    organisation_id: int | None
    name: str
    account_id: int
    user_id: int | None
    email: str | None
    app_id: int | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class PurchaseView:
    """A purchase as its page shows it. Steps are facts read from rows, never guesses."""

    id: int
    public_id: uuid.UUID
    account_id: int
    product_id: int
    plan_id: int
    status: PurchaseStatus
    trial_days: int
    checkout_url: str | None
    checkout_expires_at: datetime | None
    subscription_id: int | None
    failure: str | None
    seen: Literal["open", "processing"] | None
    key_issued_at: datetime | None
    key_name: str | None
    promotion_code: str | None
    first_amount: int | None
    created_at: datetime
    has_access: bool
    doubted_attempt: str | None = None

    @property
    def is_paid(self) -> bool:
        """True once the provider (or a free plan) confirmed the purchase."""
        return self.status == "complete" and self.subscription_id is not None

    @property
    def is_ready(self) -> bool:
        """True once the right exists and a key would be admitted."""
        return self.is_paid and self.has_access

    @property
    def is_refused(self) -> bool:
        """True while the bank has refused the card that was tried last and another may still be tried."""
        return self.status == "open" and self.failure is not None

    @property
    def may_be_refused(self) -> bool:
        """True while a card was refused for this or for another open purchase, and nobody says for which."""
        return self.status == "open" and self.failure is None and self.doubted_attempt is not None

    @property
    def is_over(self) -> bool:
        """True when nothing more will happen by itself and nothing was bought."""
        return self.status in ("canceled", "expired", "failed")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A purchase that was begun and not paid, with what it was for. `label` is None once the API has left the market."""

    purchase: PurchaseView
    label: ProductLabel | None
    offer: Offer


@dataclass(frozen=True, slots=True)
class SwitchPreview:
    """What moving to another plan does, and what it charges at once.

    `at` is the instant the rest of the period is counted from, whole seconds. `effective_at` is when the new plan
    begins. `due` is charged on confirmation, `credit_used` what a credit on the account pays of it; `next_charge`
    falls due at `next_charge_at`. Both are None where there is none: the new plan is free, or begins its own rhythm now.
    """

    kind: SwitchKind
    current: Offer
    wanted: Offer
    at: datetime
    effective_at: datetime
    lines: tuple[PreviewLine, ...]
    due: Money
    credit_used: Money
    next_charge: Money | None
    next_charge_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A change of plan that waits for the end of the period."""

    id: int
    subscription_id: int
    to_plan_id: int
    to_price_id: int
    kind: SwitchKind
    effective_at: datetime
    planned_at: datetime
    stripe_schedule_id: str | None
