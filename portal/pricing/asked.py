"""The volume of calls that somebody asks about, read from an address."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from portal.pricing.volumes import FARTHEST as MOST_CALLS
from portal.web.formatting import number


@dataclass(frozen=True, slots=True)
class Volume:
    """A number of calls a month as it was typed; `calls` is None when it cannot be meant, with the reason."""

    typed: str
    calls: int | None
    error: str = ""


def read_volume(args: Mapping[str, str], usual: int) -> Volume:
    """Return the volume that an address asks for; thousands may be separated. Nothing asked for means `usual`."""
    typed = args.get("calls", "").strip()[:40]
    if not typed:
        return Volume(str(usual), usual)
    digits = re.sub(r"[\s,.'’_]", "", typed) if re.fullmatch(r"\d{1,3}(?:[\s,.'’_]\d{3})*|\d+", typed) else typed
    if not (digits.isascii() and digits.isdecimal()):
        return Volume(typed, None, _("Write a whole number of calls, such as 50000."))
    if len(digits.lstrip("0")) > 13 or int(digits) > MOST_CALLS:
        return Volume(typed, None, _("Use at most %(n)s calls a month.", n=number(MOST_CALLS)))
    return Volume(typed, int(digits))
