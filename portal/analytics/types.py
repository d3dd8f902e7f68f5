"""Values of the figures. Amounts are minor units of a currency, exact fractions until they are shown; instants aware UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from portal.kit.periods import Interval, Period

MoveKind = Literal["new", "more", "less", "lost"]
TrialFate = Literal["running", "converted", "lost", "undecided"]


@dataclass(frozen=True, slots=True)
class Rate:
    """What a plan costs per period, before any discount and without usage."""

    amount: int
    currency: str
    interval: Interval = "month"
    interval_count: int = 1


@dataclass(frozen=True, slots=True)
class Reduction:
    """A discount that lowers more than one charge: a percentage or an amount per charge; `ends_at` is exclusive."""

    percent_off: Decimal | None = None
    amount_off: int | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A subscription as the figures see it. `changes` are moves to other plans: when, and the rate until then."""

    id: int
    account_id: int
    product_id: int
    status: str
    started_at: datetime
    rate: Rate
    quantity: int = 1
    trial_end: datetime | None = None
    ended_at: datetime | None = None
    past_due_since: datetime | None = None
    is_leaving: bool = False
    has_paid: bool = False
    reduction: Reduction | None = None
    changes: tuple[tuple[datetime, Rate], ...] = ()


@dataclass(frozen=True, slots=True)
class Named:
    """What a subscription in a list is called."""

    account: str
    product: str
    plan: str


@dataclass(frozen=True, slots=True)
class Recurring:
    """Recurring revenue of one currency, per month: what counts, and apart from it trials and overdue subscriptions."""

    currency: str
    active: Fraction = Fraction(0)
    trialing: Fraction = Fraction(0)
    past_due: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class Move:
    """What an account paid for a product per month just before a period began and just before it ended."""

    account_id: int
    product_id: int
    currency: str
    before: Fraction
    after: Fraction
    subscription_ids: tuple[int, ...] = ()

    @property
    def kind(self) -> MoveKind | None:
        """What kind of move that is; None when nothing moved."""
        if self.before == self.after:
            return None
        if not self.before:
            return "new"
        if not self.after:
            return "lost"
        return "more" if self.after > self.before else "less"


@dataclass(frozen=True, slots=True)
class Flow:
    """How recurring revenue of one currency moved in a period: `before + new + more - less - lost = after`, exactly."""

    currency: str
    before: Fraction
    new: Fraction
    more: Fraction
    less: Fraction
    lost: Fraction
    after: Fraction

    @property
    def rate(self) -> Fraction | None:
        """The share of the revenue at the beginning that was lost; None when there was none."""
        return self.lost / self.before if self.before else None


@dataclass(frozen=True, slots=True)
class Churn:
    """Who left in a period: accounts that paid for something when it began and for nothing when it ended."""

    period: Period
    customers: int
    lost_customers: int
    flows: tuple[Flow, ...]

    @property
    def rate(self) -> Fraction | None:
        """The share of the customers at the beginning that left; None when there were none."""
        return Fraction(self.lost_customers, self.customers) if self.customers else None


@dataclass(frozen=True, slots=True)
class Trials:
    """Trials that run now; those begun in a period; and what became of those that ended in it."""

    running: int
    started: int
    converted: int
    lost: int
    undecided: int


@dataclass(frozen=True, slots=True)
class SubscriptionMetrics:
    """How a project's subscriptions stand at an instant, by the states the rows are in."""

    project_id: int
    at: datetime
    by_status: Mapping[str, int]
    live: int
    leaving: int
    recurring: tuple[Recurring, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """Money that came in or went back, from one row: a payment, an invoice older than the mirror of payments, a refund.

    `amount` is negative for what went back.
    """

    at: datetime
    kind: Literal["payment", "invoice", "refund"]
    reference: str
    account_id: int
    account: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What one currency brought in a period; `open` is billed and not paid yet, whenever it was billed."""

    currency: str
    received: int = 0
    payments: int = 0
    refunded: int = 0
    refunds: int = 0
    open: int = 0
    open_invoices: int = 0

    @property
    def net(self) -> int:
        """What was received less what went back."""
        return self.received - self.refunded


@dataclass(frozen=True, slots=True)
class RevenueMetrics:
    """What a project took in a period, by currency."""

    project_id: int
    period: Period
    taken: tuple[Taken, ...]
