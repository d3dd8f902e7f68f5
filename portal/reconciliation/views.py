"""What pages and answers are made from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portal.kit.money import Money
from portal.reconciliation.types import Cause, Code, Difference, Repair, Severity


@dataclass(frozen=True, slots=True)
class RunView:
    """One run, as far as it has come."""

    id: int
    trigger: str
    actor: str
    status: str
    error: str | None
    stage: str
    expected: int
    total: int
    in_sync: int
    mismatched: int
    unknown: int
    healed: int
    skipped: int
    repaired: int
    left_over: int
    started_at: datetime
    finished_at: datetime | None
    by_code: dict[str, int] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        """True while pages are still to be worked."""
        return self.status == "running"

    @property
    def share(self) -> float:
        """How much of the estimate is done, 0 to 1."""
        return min(1.0, (self.total + self.skipped) / self.expected) if self.expected else 0.0


@dataclass(frozen=True, slots=True)
class MismatchView:
    """One disagreement as an operator sees it."""

    id: int
    record: str
    subject: str
    code: Code
    severity: Severity
    cause: Cause
    differences: tuple[Difference, ...]
    repairs: tuple[Repair, ...]
    title: str
    whose: str
    account_id: int | None
    subscription_id: int | None
    at_risk: Money | None
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    resolution: str | None
    suppressed_until: datetime | None

    @property
    def is_open(self) -> bool:
        """True until a comparison did not find it again."""
        return self.resolved_at is None

    def is_suppressed(self, now: datetime) -> bool:
        """True while it is left out of the list."""
        return self.is_open and self.suppressed_until is not None and self.suppressed_until > now


@dataclass(frozen=True, slots=True)
class ActionView:
    """One act of the trail of a disagreement."""

    at: datetime
    step: str
    action: str
    subject: str
    actor: str
    reason: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The open disagreements in figures. `at_risk` adds up per currency."""

    open: int
    suppressed: int
    by_severity: dict[int, int]
    by_code: dict[str, int]
    at_risk: tuple[Money, ...]
