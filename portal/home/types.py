"""What the start pages show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from portal.catalog.labels import ProductLabel
from portal.pricing.types import Offer
from portal.subscriptions.types import SubscriptionView

Act = Literal["find", "key", "call", "pay"]


@dataclass(frozen=True, slots=True)
class Featured:
    """A published API in a few words."""

    name: str
    slug: str
    organisation: str
    organisation_slug: str
    summary: str
    product_id: int | None
    logo: str | None = None


@dataclass(frozen=True, slots=True)
class Shelf:
    """A category of the market and how many listed APIs it holds."""

    category: str
    apis: int


@dataclass(frozen=True, slots=True)
class Held:
    """A live subscription with how far along its owner is.

    `calls` are those of this period that count; `daily` all calls of each of the last 30 UTC days, oldest first.
    `planned` names the plan that begins when the period ends, if another one does.
    """

    subscription: SubscriptionView
    offer: Offer
    label: ProductLabel | None
    calls: int
    daily: tuple[int, ...]
    has_key: bool
    was_called: bool
    planned: str | None = None

    @property
    def calls_30d(self) -> int:
        """All calls of the last 30 UTC days, today's so far included."""
        return sum(self.daily)

    @property
    def is_blocked(self) -> bool:
        """True while operators keep its API shut: no key and no call helps."""
        return self.label is not None and self.label.is_blocked


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one thing that helps this person most now; `held` is what it is about, if about one subscription."""

    act: Act
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class Offered:
    """An API of the reader's own organisation: how it stands and who uses it. `calls` are those of the last 30 days."""

    api_id: int
    name: str
    state: str
    subscribers: int
    calls: int


@dataclass(frozen=True, slots=True)
class Platform:
    """What an operator looks at first. Instants are aware UTC; deliveries are the payment provider's."""

    people: int
    organisations: int
    live_subscriptions: int
    overdue_subscriptions: int
    waiting_deliveries: int
    dead_deliveries: int
    oldest_waiting: datetime | None
    failed_jobs: int
