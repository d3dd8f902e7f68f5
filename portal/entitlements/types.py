"""Values about rights that cross borders. Windows are half-open, `[valid_from, valid_to)`, aware UTC; None is open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

Source = Literal["subscription", "purchase", "manual", "trial", "plan_default", "grace"]
RowState = Literal["live", "ended", "not_yet", "revoked"]


@dataclass(frozen=True, slots=True)
class Grant:
    """One entitlement row: the right to a feature during a window, because of one source."""

    id: int
    feature_id: int
    source: Source
    source_id: int
    valid_from: datetime
    valid_to: datetime | None
    quantity: Decimal | None = None
    revoked_at: datetime | None = None
    revoke_reason: str | None = None
    granted_by: str | None = None
    reason: str | None = None
    written_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """True when this row alone gives the right at an instant."""
        return self.state(at) == "live"

    def state(self, at: datetime) -> RowState:
        """How the row stands at an instant. A revoked row never counts, as if it had not been written."""
        if self.revoked_at is not None:
            return "revoked"
        if at < self.valid_from:
            return "not_yet"
        return "live" if self.valid_to is None or at < self.valid_to else "ended"


@dataclass(frozen=True, slots=True)
class Right:
    """What all live rows of a feature add up to.

    `quantity` is their sum, None when no row counts anything. `until` is when the last of them ends.
    `steady_until` is the first instant at which the answer may be another one: cache no longer than that.
    """

    feature_id: int
    code: str
    name: str
    quantity: Decimal | None
    sources: tuple[Source, ...]
    until: datetime | None
    steady_until: datetime | None


@dataclass(frozen=True, slots=True)
class Support:
    """What a source supports: a right to a feature during a window."""

    feature_id: int
    source: Source
    valid_from: datetime
    valid_to: datetime | None
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """An existing row gets another window."""

    grant_id: int
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class Steps:
    """What makes the rows of one source equal to what it supports; empty when they already are.

    `revoke` are rows that have not begun, `close` rows that have; the past stays as it was answered.
    """

    revoke: tuple[int, ...] = ()
    close: tuple[int, ...] = ()
    move: Move | None = None
    open: Support | None = None

    def __bool__(self) -> bool:
        return bool(self.revoke or self.close or self.move or self.open)


@dataclass(frozen=True, slots=True)
class Derivation:
    """What deriving did. `version` is the account's entitlement version afterwards; it grows with every change."""

    subscription_id: int
    account_id: int
    allowed: bool
    reason: str
    version: int
    changed: bool


@dataclass(frozen=True, slots=True)
class Granted:
    """A manual grant as written. `replaced` is true when one of the same feature was live and gave way to it."""

    grant: Grant
    version: int
    replaced: bool


@dataclass(frozen=True, slots=True)
class Revoked:
    """Manual grants that were ended, as they were before, and the version of the account's rights afterwards."""

    grants: tuple[Grant, ...]
    version: int


@dataclass(frozen=True, slots=True)
class Cause:
    """A subscription behind a right, or behind its absence."""

    subscription_id: int
    plan_id: int
    status: str
    stripe_subscription_id: str | None
    read_at: datetime
    allowed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Proof:
    """One row of the answer to "why do I (not) have this": how it stands, and the subscription it came from."""

    grant: Grant
    state: RowState
    cause: Cause | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an account may or may not use a feature at an instant.

    `proofs` are its rows, those that count first. `causes` are the account's subscriptions to what gives the
    feature, also those that support nothing.
    """

    allowed: bool
    at: datetime
    proofs: tuple[Proof, ...]
    causes: tuple[Cause, ...]
