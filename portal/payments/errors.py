"""What can stand in the way of buying."""

from __future__ import annotations

from datetime import datetime


class PurchaseNotFound(LookupError):
    """No such purchase in this account."""


class AlreadyBought(ValueError):
    """What is paid once is held already; buying it again would give nothing. `until` is None when it is held for good."""

    def __init__(self, until: datetime | None) -> None:
        super().__init__("bought already")
        self.until = until


class PriceNotUsable(ValueError):
    """A price of the provider cannot be sold here.

    `reason`: unknown, other_mode, inactive, by_use, currency, sold_already.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class PlanNotForSale(ValueError):
    """The plan is retired or has no price in this currency."""


class UnknownCustomer(LookupError):
    """The provider's object names a customer that no account of ours is mapped to (yet)."""


class UnknownPrice(LookupError):
    """The provider's subscription holds a price that is not in our catalogue (yet)."""


class NotSwitchable(ValueError):
    """This subscription cannot move to that plan as things are; `reason` is a stable code.

    Reasons: `same_plan`, `not_offered`, `free` (a checkout does it), `overdue`, `ending`, `ended`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CodeRefused(ValueError):
    """A code that takes nothing off here; `reason` is a stable code.

    Reasons: `unknown`, `expired`, `used_up`, `other_plan`, `other_customer`, `currency`, `free` (the plan costs nothing),
    `too_short` (it ends before the first charge).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StalePreview(ValueError):
    """What was previewed is not what would be charged now; nothing happened, and a fresh preview is needed."""


class TermsNotAccepted(ValueError):
    """The terms in force have to be accepted before something is paid for. Its text is their version."""


class TermsChanged(ValueError):
    """Another version of the terms than the one that is meant is in force. Its text is the version in force."""


class OtherCurrency(ValueError):
    """The account pays in another currency, and the provider mixes none. Its text is the code of that currency."""
