"""What crosses the borders of logos."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MAX_BYTES = 1024 * 1024
MOST_PIXELS, FEWEST_PIXELS = 4096, 64  # a side, of what is uploaded
LARGE, SMALL = 256, 96  # a side, of what we keep


class Fault(StrEnum):
    """Why a file is no logo."""

    MISSING = "missing"
    EMPTY = "empty"
    HEAVY = "heavy"
    VECTOR = "vector"
    OTHER = "other"
    NO_PICTURE = "no picture"
    BROKEN = "broken"
    MOVING = "moving"
    LARGE = "large"
    TINY = "tiny"
    BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A logo as we keep it: two squares in WebP. `digest` is of both, so one address never shows another picture."""

    digest: str
    large: bytes
    small: bytes


class LogoRefused(Exception):
    """The file cannot be a logo. `detail` is what the sentence about it names, such as the kind of file."""

    def __init__(self, fault: Fault, detail: str = "") -> None:
        super().__init__(fault)
        self.fault, self.detail = fault, detail


class UnknownLogo(LookupError):
    """The organisation has no such picture."""
