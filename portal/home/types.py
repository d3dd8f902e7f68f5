"""What the start pages show."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Held:
    """A live subscription with how far along its owner is. `calls` are those of this period that count."""

    subscription: SubscriptionView
    offer: Offer
    label: ProductLabel | None
    calls: int
    has_key: bool
    was_called: bool


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one thing that helps this person most now; `held` is what it is about, if about one subscription."""

    act: Act
    held: Held | None = None
