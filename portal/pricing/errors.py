"""What can be wrong with a product, a plan or a price."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """A field and a sentence that says what to change."""

    field: str
    message: str


class InvalidTerms(ValueError):
    """A price that cannot be charged, with one fault per field."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.message}" for fault in faults))
        self.faults = faults


class InvalidPlan(ValueError):
    """A plan that cannot be offered, with one fault per field."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(f"{fault.field}: {fault.message}" for fault in faults))
        self.faults = faults


class PlanCodeTaken(ValueError):
    """The product already has a plan of this code."""


class UnknownProduct(LookupError):
    """No such product."""


class UnknownPlan(LookupError):
    """No such plan."""


class UnknownPrice(LookupError):
    """No such price."""
