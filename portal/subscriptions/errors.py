"""What can stand in the way of a subscription."""

from __future__ import annotations


class AlreadySubscribed(Exception):
    """The account already holds a live subscription to this product."""

    def __init__(self, subscription_id: int) -> None:
        super().__init__(f"subscription {subscription_id} is live")
        self.subscription_id = subscription_id


class UnknownSubscription(LookupError):
    """No such subscription in this account."""


class NotLimitable(ValueError):
    """The plan bills no calls beyond what it includes, so there is nothing that a limit of money could stop."""


class LimitOutOfRange(ValueError):
    """A limit of money below what the period costs before the first call, or above what can be charged; minor units."""

    def __init__(self, least: int, most: int) -> None:
        super().__init__(f"a limit lies between {least} and {most}")
        self.least, self.most = least, most


class NotFree(ValueError):
    """The act is only possible on a subscription that the payment provider does not manage."""
