"""What the operators' desk shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from portal.audit.types import ChainState, Entry, Fault


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody or something of the trail: its reference, its name where we know one, and its page where it has one."""

    ref: str
    name: str | None = None
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """An entry with names instead of numbers."""

    entry: Entry
    actor: Named
    subject: Named
    organisation: Named | None


@dataclass(frozen=True, slots=True)
class LastWalk:
    """When the timetable last walked the whole chain, and what it found to be wrong."""

    at: datetime
    error: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """The state of the chain: what is sealed, what waits, what the newest links and the last complete walk say."""

    chain: ChainState
    fault: Fault | None
    checked: int
    walked: LastWalk | None
    is_late: bool

    @property
    def is_whole(self) -> bool:
        """True when nothing that was looked at is wrong."""
        return self.fault is None and (self.walked is None or self.walked.error is None)


@dataclass(frozen=True, slots=True)
class Run:
    """The last run of a job of the timetable."""

    job: str
    at: datetime
    finished_at: datetime | None
    error: str | None
