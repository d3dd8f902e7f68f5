"""Values about prices that cross borders. Amounts are minor units; unit amounts are exact, fractions allowed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from portal.kit.money import Money
from portal.kit.periods import Interval

UsageModel = Literal["per_unit", "package", "graduated", "volume"]
LineKind = Literal["recurring", "usage"]
LimitKind = Literal["unlimited", "refused", "billed"]
Quantity = int | Decimal | Fraction


@dataclass(frozen=True, slots=True)
class Tier:
    """A step of a tiered price. `up_to` is inclusive; None is the open end. `flat_amount` is due on entering it."""

    up_to: Decimal | None
    unit_amount: Decimal
    flat_amount: int = 0


@dataclass(frozen=True, slots=True)
class PriceTerms:
    """Everything that decides what a period costs.

    `amount` is due per period. `included_quantity` calls are free in each period. Beyond them: `usage_model`
    prices every call, and without one calls are refused, or unlimited when nothing is included either.
    `unit_amount` is per call, or per started package of `package_size` calls. What is `one_time` has no periods: its
    amount is due once and gives access for `access_days` days, for good without one.
    """

    amount: int
    currency: str
    interval: Interval = "month"
    interval_count: int = 1
    trial_days: int = 0
    included_quantity: int | None = None
    usage_model: UsageModel | None = None
    unit_amount: Decimal | None = None
    package_size: int | None = None
    tiers: tuple[Tier, ...] = ()
    one_time: bool = False
    access_days: int | None = None

    @property
    def is_free(self) -> bool:
        """True when no use of it can ever cost anything, so that no card is needed."""
        return self.amount == 0 and self.usage_model is None

    @property
    def limit(self) -> LimitKind:
        """What happens to calls beyond the included ones."""
        if self.usage_model is not None:
            return "billed"
        return "unlimited" if self.included_quantity is None else "refused"


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan with one of its prices: what a customer chooses, and what a subscription holds on to."""

    plan_id: int
    code: str
    name: str
    summary: str
    highlights: tuple[str, ...]
    requests_per_minute: int | None
    product_id: int
    product_name: str
    price_id: int
    terms: PriceTerms
    stripe_price_id: str | None

    @property
    def is_free(self) -> bool:
        """True when no use of it can ever cost anything, so that no card is needed."""
        return self.terms.is_free


@dataclass(frozen=True, slots=True)
class TierShare:
    """The part of a quantity that one tier prices, unrounded. `after` is exclusive, `up_to` inclusive."""

    after: Decimal
    up_to: Decimal | None
    quantity: Fraction
    unit_amount: Decimal
    flat_amount: int
    amount_exact: Fraction


@dataclass(frozen=True, slots=True)
class ChargeLine:
    """One line of a charge with all that explains it.

    `quantity` splits into `included`, `billable` and `refused`. `amount_exact` is what the arithmetic gives and
    `amount` is that, rounded once. `description_key` is stable; people read a sentence made from it.
    """

    kind: LineKind
    description_key: str
    quantity: Fraction
    amount_exact: Fraction
    amount: int
    included: Fraction = Fraction(0)
    billable: Fraction = Fraction(0)
    refused: Fraction = Fraction(0)
    unit_amount: Decimal | None = None
    package_size: int | None = None
    packages: int | None = None
    tiers: tuple[TierShare, ...] = ()


@dataclass(frozen=True, slots=True)
class Charge:
    """What a period costs: the total is the sum of the rounded lines, never rounded by itself."""

    lines: tuple[ChargeLine, ...]
    total: Money


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an offer would cost at a volume, and how many of the calls it would not serve."""

    offer: Offer
    charge: Charge
    refused: Fraction
