"""What can stand in the way of a key."""

from __future__ import annotations


class UnknownKey(LookupError):
    """No such key in this account."""


class TooManyKeys(ValueError):
    """The subscription has as many live keys as it may: `most`."""

    def __init__(self, most: int) -> None:
        super().__init__(f"a subscription can have {most} live keys")
        self.most = most


class SubscriptionOver(ValueError):
    """The subscription has ended; a key for it would admit nobody."""


class TextGone(RuntimeError):
    """A gateway needs the clear text of a key, and it is no longer kept anywhere: only a new key helps."""
