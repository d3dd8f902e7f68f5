"""Values of a comparison. Instants are aware UTC; `ours` and `theirs` are as they may be shown and stored in JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from portal.entitlements.types import Grant
from portal.kit.money import Money
from portal.ports.billing import SubscriptionSnapshot
from portal.subscriptions.types import SubscriptionView

Code = Literal[
    "SUB_MISSING_LOCAL", "SUB_MISSING_REMOTE", "SUB_STATUS_DIFF", "SUB_PLAN_DIFF", "SUB_QTY_DIFF", "SUB_PERIOD_DIFF",
    "SUB_CANCEL_FLAG_DIFF", "SUB_DUPLICATE_LIVE", "SUB_STALE_SNAPSHOT", "CUSTOMER_UNMAPPED", "CUSTOMER_DELETED",
    "EMAIL_DIFF", "ENT_WITHOUT_SOURCE", "ENT_MISSING", "ENT_WINDOW_DIFF", "INV_STATUS_DIFF", "INV_TOTAL_DIFF",
    "INV_MISSING", "USAGE_ROLLUP_DIFF", "PRICE_DRIFT", "PRICE_INACTIVE_IN_USE", "EVENT_STUCK", "EVENT_DEAD", "MODE_MIX",
    "API_KEY_ORPHAN", "PAY_UNCREDITED", "PAY_STATUS_DIFF", "PAY_AMOUNT_DIFF", "REFUND_NOT_APPLIED",
    "REFUND_OVERAPPLIED", "DISPUTE_NOT_APPLIED", "DISPUTE_WON_NOT_RESTORED",
]  # fmt: skip
Severity = Literal[1, 2, 3, 4]
Cause = Literal[
    "event_lost", "event_waiting", "event_failed", "event_undone", "gone_there", "ended_here", "unknown_customer",
    "unknown_price", "bought_twice", "rights_not_derived", "source_gone", "unexplained", "changed_there", "deleted_there",
    "other_account", "not_told", "other_mode", "gateway_behind", "sums_behind",
    "hold_not_derived", "payment_gone",
]  # fmt: skip
Repair = Literal[
    "sync_from_stripe", "reset_to_free", "rebuild_entitlements", "admit_key", "refuse_key", "recompute_usage",
    "tell_billing", "replay_event",
]  # fmt: skip
Verdict = Literal["in_sync", "mismatched", "unknown", "healed"]
Shown = str | int | bool | None

# 1: somebody loses money now. 2: somebody has the wrong access. 3: wrong on a page, or a loss later. 4: hygiene.
SEVERITY: dict[Code, Severity] = {
    "SUB_MISSING_LOCAL": 1, "SUB_MISSING_REMOTE": 2, "SUB_STATUS_DIFF": 2, "SUB_PLAN_DIFF": 2, "SUB_QTY_DIFF": 2,
    "SUB_PERIOD_DIFF": 3, "SUB_CANCEL_FLAG_DIFF": 3, "SUB_DUPLICATE_LIVE": 1, "SUB_STALE_SNAPSHOT": 3,
    "CUSTOMER_UNMAPPED": 2, "CUSTOMER_DELETED": 2, "EMAIL_DIFF": 4, "ENT_WITHOUT_SOURCE": 2, "ENT_MISSING": 1,
    "ENT_WINDOW_DIFF": 2, "INV_STATUS_DIFF": 1, "INV_TOTAL_DIFF": 1, "INV_MISSING": 1, "USAGE_ROLLUP_DIFF": 3,
    "PRICE_DRIFT": 3, "PRICE_INACTIVE_IN_USE": 3, "EVENT_STUCK": 2, "EVENT_DEAD": 2, "MODE_MIX": 1, "API_KEY_ORPHAN": 2,
    "PAY_UNCREDITED": 1, "PAY_STATUS_DIFF": 1, "PAY_AMOUNT_DIFF": 1, "REFUND_NOT_APPLIED": 1, "REFUND_OVERAPPLIED": 1,
    "DISPUTE_NOT_APPLIED": 1, "DISPUTE_WON_NOT_RESTORED": 1,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is not the same on both sides; None means that a side has nothing there."""

    field: str
    ours: Shown
    theirs: Shown


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One disagreement. `subject` names what disagrees; `at_risk` is what one period of it costs whoever loses it."""

    code: Code
    subject: str
    differences: tuple[Difference, ...]
    cause: Cause
    repairs: tuple[Repair, ...] = ()
    at_risk: Money | None = None

    @property
    def severity(self) -> Severity:
        """How much it hurts, 1 to 4."""
        return SEVERITY[self.code]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the provider answered about a subscription.

    `state`: read, absent (it knows no such subscription), unreachable (nobody knows), not_asked (there is nothing to ask).
    """

    state: Literal["read", "absent", "unreachable", "not_asked"]
    snapshot: SubscriptionSnapshot | None = None


@dataclass(frozen=True, slots=True)
class EventFact:
    """The newest delivery about an object."""

    state: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Ours:
    """A subscription with everything of ours that hangs on it.

    `features` are those its plan gives, with how much of each for one unit; `grants` are the unrevoked rights derived from
    it; `stripe_price_id` is the provider's name of its price.
    """

    held: SubscriptionView
    organisation_id: int | None
    external_id: str
    email: str | None
    account_name: str
    customer_id: str | None
    plan_code: str
    plan_name: str
    product_name: str
    stripe_price_id: str | None
    price: Money
    features: dict[int, Decimal | None]
    grants: tuple[Grant, ...] = ()
    event: EventFact | None = None
    price_names: dict[str, str] = field(default_factory=dict)

    @property
    def record(self) -> str:
        """How runs and repairs name it."""
        return f"subscription:{self.held.id}"


@dataclass(frozen=True, slots=True)
class Found:
    """What comparing one record came to. `labels` say whose it is and what it is about, for the page."""

    record: str
    verdict: Verdict
    mismatches: tuple[Mismatch, ...] = ()
    account_id: int | None = None
    subscription_id: int | None = None
    title: str = ""
    whose: str = ""
