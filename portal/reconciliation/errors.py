"""What can stand in the way of a run or a repair."""

from __future__ import annotations


class UnknownRecord(LookupError):
    """There is no such disagreement, or nothing of that name to repair."""


class NotPossible(Exception):
    """This repair cannot be made now; `why` is a stable code, which the page turns into a sentence."""

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(detail or why)
        self.why = why


class ChangedMeanwhile(Exception):
    """What the preview showed is no longer so: look at it again."""


class LeaseLost(Exception):
    """Another worker goes on with the run; this one's page must not be committed."""
