"""Codes that make something cheaper, in our words. Instants are aware UTC; percentages exact, from 0 to 100."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from portal.kit.money import Money

Duration = Literal["once", "repeating", "forever"]


@dataclass(frozen=True, slots=True)
class Discount:
    """What is taken off a charge, a percentage or an amount, and for how long.

    `months` counts from the day the subscription begins and belongs to `repeating`. `products` are our references of
    the products it is for; None is all of them.
    """

    duration: Duration
    percent_off: Decimal | None = None
    amount_off: Money | None = None
    months: int | None = None
    products: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class PromotionCode:
    """A code as the provider knows it. `customer_id` names the only one who may use it, if there is such a one."""

    id: str
    code: str
    is_active: bool
    expires_at: datetime | None
    uses: int
    most_uses: int | None
    customer_id: str | None
    discount: Discount


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code to be made."""

    code: str
    discount: Discount
    expires_at: datetime | None = None
    most_uses: int | None = None


@dataclass(frozen=True, slots=True)
class HeldDiscount:
    """A discount that a subscription has. `ends_at` is exclusive; None has no end, or is used up by the next charge."""

    code: str | None
    discount: Discount
    ends_at: datetime | None
