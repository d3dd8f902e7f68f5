"""Values of mails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a mail, and how."""

    address: str
    name: str
    locale: str = "en"
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a mail says: a greeting is added, the action becomes a button, and `small` stands beneath it."""

    subject: str
    paragraphs: tuple[str, ...]
    action: tuple[str, str] | None = None
    small: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptView:
    """A kept mail as the page shows it."""

    id: int
    recipient: str
    subject: str
    text: str
    html: str
    kept_at: datetime
