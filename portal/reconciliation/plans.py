"""A repair that could be made: both states, what it rests on, and the act itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.kit.clock import isoformat_z
from portal.payments.syncing import Also, Syncing
from portal.reconciliation.looking import Asking
from portal.reconciliation.types import Shown

State = dict[str, Shown]
Planning = Callable[[str, Asking, Syncing, bool], "Plan"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A repair that could be made. `inputs` is everything it rests on; `warnings` are stable codes.

    `afterwards` runs once the act is committed: what tells others at once, and is told again by the outbox if it fails.
    """

    before: State
    after: State
    inputs: dict[str, Any]
    act: Callable[[Also], None]
    account_id: int | None = None
    organisation_id: int | None = None
    warnings: tuple[str, ...] = ()
    afterwards: tuple[str, int | str] | None = None


def text_of(instant: datetime | None) -> str | None:
    """Return an instant as states hold it."""
    return None if instant is None else isoformat_z(instant)
