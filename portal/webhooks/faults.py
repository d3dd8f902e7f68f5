"""What a failed attempt means: is it worth another, how soon, and what is an operator told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy.exc import OperationalError

from portal.payments.errors import UnknownCustomer, UnknownPrice
from portal.ports.payments import PaymentsRefused, PaymentsUnavailable

Fault = Literal["away", "busy", "unknown_customer", "unknown_price", "refused", "unreadable", "unexpected", "crash"]

MAX_ATTEMPTS = 15
"""After these even a surprise is given up: about nine hours."""
HOPELESS_AFTER = 5
"""Attempts at what the provider refuses or answers unreadably: saying it again seldom helps."""
MAPPING_MAY_APPEAR = timedelta(hours=1)
"""How long an event may be ahead of the row that explains it."""
_GROWING = 10
_PASSING: tuple[Fault, ...] = ("away", "busy", "unknown_customer", "unknown_price")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What follows from a failed attempt. `longest` bounds the pause, in seconds; `counted` are the attempts on record."""

    fault: Fault
    is_final: bool
    longest: float
    counted: int

    @property
    def is_passing(self) -> bool:
        """True for what is expected to pass by itself, and therefore no error of ours."""
        return self.fault in _PASSING and not self.is_final


def judge(problem: Exception, *, attempts: int, age: timedelta) -> Ruling:
    """Rule on an attempt that failed. `age` is how long ago the delivery came.

    A party that is away never makes a delivery dead, however long: nothing is wrong with it.
    """
    fault = fault_of(problem)
    if fault in ("away", "busy"):
        return Ruling(fault, is_final=False, longest=600.0, counted=min(attempts, _GROWING))
    if fault in ("unknown_customer", "unknown_price"):
        return Ruling(fault, is_final=age >= MAPPING_MAY_APPEAR, longest=600.0, counted=min(attempts, _GROWING))
    most = HOPELESS_AFTER if fault in ("refused", "unreadable") else MAX_ATTEMPTS
    return Ruling(fault, is_final=attempts >= most, longest=6 * 3600.0, counted=attempts)


def fault_of(problem: Exception) -> Fault:
    """Return what kind of failure this is."""
    for kinds, fault in _KINDS:
        if isinstance(problem, kinds):
            return fault
    return "unexpected"


_KINDS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Fault], ...] = (
    (PaymentsUnavailable, "away"),
    (OperationalError, "busy"),
    (UnknownCustomer, "unknown_customer"),
    (UnknownPrice, "unknown_price"),
    (PaymentsRefused, "refused"),
    ((ValueError, KeyError, TypeError, AttributeError), "unreadable"),
)
