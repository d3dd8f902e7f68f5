"""What can stand in the way of buying."""

from __future__ import annotations


class PurchaseNotFound(LookupError):
    """No such purchase in this account."""


class PlanNotForSale(ValueError):
    """The plan is retired or has no price in this currency."""


class UnknownCustomer(LookupError):
    """The provider's object names a customer that no account of ours is mapped to (yet)."""


class UnknownPrice(LookupError):
    """The provider's subscription holds a price that is not in our catalogue (yet)."""
