"""Values of the audit trail that cross borders. Instants are aware UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

FaultKind = Literal[
    "entry changed",
    "entry missing",
    "entry backdated",
    "entry never sealed",
    "seal changed",
    "seal missing",
    "head unknown",
]


@dataclass(frozen=True, slots=True)
class Act:
    """One act of the trail, briefly."""

    at: datetime
    actor: str
    action: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One act of the trail, whole."""

    id: int
    at: datetime
    actor: str
    organisation_id: int | None
    action: str
    subject: str
    reason: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Seal:
    """A link of the chain. `sealed_text` is `sealed_at` as it is hashed."""

    number: int
    entry_id: int
    entry_hash: bytes
    previous_hash: bytes
    horizon: int
    sealed_at: datetime
    sealed_text: str
    hash: bytes = b""


@dataclass(frozen=True, slots=True)
class Link:
    """A seal and the entry it is for: its fields as they are hashed, None when it is gone."""

    seal: Seal
    at: datetime | None
    fields: tuple[str | None, ...] | None


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that is wrong: what kind, at which number of the chain, about which entry."""

    kind: FaultKind
    number: int | None
    entry_id: int | None


@dataclass(frozen=True, slots=True)
class Walk:
    """What walking the chain found. `head` is the last seal that was reached; `found_at` where an expected head stands."""

    links: int
    head: Seal | None
    fault: Fault | None
    found_at: int | None = None


@dataclass(frozen=True, slots=True)
class ChainState:
    """How the chain stands. `waiting` entries are not sealed yet, the oldest since `waiting_since`."""

    head: Seal | None
    waiting: int
    waiting_since: datetime | None


class ChainBroken(Exception):
    """The trail is not what it was. Its text says in words what is wrong first."""

    def __repr__(self) -> str:
        return str(self)
