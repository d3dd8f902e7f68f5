"""What can be wrong with projects, apps and accounts."""

from __future__ import annotations


class UnknownAccount(LookupError):
    """No such account."""


class CustomerTaken(ValueError):
    """The payment provider's customer already belongs to another account; nothing re-maps it."""


class UnknownProject(LookupError):
    """No such project, or none of this organisation's."""


class UnknownApp(LookupError):
    """The project has no such app, or the app no such key."""


class UnknownFeature(LookupError):
    """The project has no such feature."""


class InvalidApp(ValueError):
    """What an app should be given is not possible; `faults` maps a field to a sentence."""

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__("; ".join(faults.values()))
        self.faults = faults


class NameTaken(ValueError):
    """A project, or an app within its project, already has this name."""
