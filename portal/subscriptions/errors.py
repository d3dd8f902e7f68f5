"""What can stand in the way of a subscription."""

from __future__ import annotations


class AlreadySubscribed(Exception):
    """The account already holds a live subscription to this product."""

    def __init__(self, subscription_id: int) -> None:
        super().__init__(f"subscription {subscription_id} is live")
        self.subscription_id = subscription_id


class UnknownSubscription(LookupError):
    """No such subscription in this account."""


class NotFree(ValueError):
    """The act is only possible on a subscription that the payment provider does not manage."""
