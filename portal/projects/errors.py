"""What can be wrong with projects, apps and accounts."""

from __future__ import annotations


class UnknownAccount(LookupError):
    """No such account."""


class CustomerTaken(ValueError):
    """The payment provider's customer already belongs to another account; nothing re-maps it."""


class NameTaken(ValueError):
    """A project, or an app within its project, already has this name."""
