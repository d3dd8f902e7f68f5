"""Why an operator puts something back into the queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext as _

from portal.identity.rules import clean_name, is_clean

LONGEST = 300


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason as typed, and what is wrong with it."""

    typed: str = ""
    error: str | None = None

    @property
    def problems(self) -> list[tuple[str, str]]:
        """Field id and message for the summary at the top of the form."""
        return [("f-reason", self.error)] if self.error else []


def read_reason(typed: Mapping[str, str]) -> Reason:
    """Read why somebody does it."""
    reason = clean_name(typed.get("reason", "")[:2000])
    if not reason:
        return Reason(reason, _("Say why, so that the trail makes sense later."))
    if len(reason) > LONGEST or not is_clean(reason):
        return Reason(reason, _("Use at most %(limit)s ordinary characters.", limit=LONGEST))
    return Reason(reason)
