"""What a call says about its provider. The one definition, for pages in Python and for sums in SQL.

A call *asks* the provider when the gateway passed it on. It *fails* when the provider answered with a status of 500 or
more, could not be reached, or was too slow. Calls that the gateway refused by itself (no key, too many, over quota)
say nothing about the provider and are left out. Availability is the share of asked calls that did not fail.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

Outcome = Literal["answered", "failed", "not asked"]

# Below so many asked calls a percentage tells more about chance than about the provider, so none is shown.
SMALLEST_SAMPLE = 50
# Below so many, a single day's bar says only that there were calls and whether any failed.
SMALLEST_DAY = 10

_GAVE_UP = ("upstream-failed", "upstream-timeout")

# The same as `outcome_of`, over columns of the request log; a test compares the two over every combination.
FAILED_SQL = (
    "(source = 'upstream' AND status >= 500 OR coalesce(decision, '') IN ('upstream-failed', 'upstream-timeout')"
    " OR decision IS NULL AND source <> 'upstream' AND status >= 500 AND upstream_ms IS NOT NULL)"
)
ASKED_SQL = f"(source = 'upstream' OR {FAILED_SQL})"


def outcome_of(source: str, status: int, decision: str | None, upstream_ms: int | None) -> Outcome:
    """Return what one logged call says about the provider.

    `source`, `decision` and `upstream_ms` are as the gateway logged them. Our own names what it gave up on; Kong answers
    502 by itself after having asked, and then knows how long the asking took (seen on 3.9).
    """
    gave_up = decision is None and source != "upstream" and upstream_ms is not None and status >= 500
    if decision in _GAVE_UP or gave_up:
        return "failed"
    if source == "upstream":
        return "failed" if status >= 500 else "answered"
    return "not asked"


def availability(asked: int, failed: int, *, smallest: int = SMALLEST_SAMPLE) -> Fraction | None:
    """Return the exact share of asked calls that were answered, or None below `smallest` calls."""
    return Fraction(asked - failed, asked) if asked >= max(smallest, 1) else None
