"""What stands in the way of a spending limit, as scripts are told."""

from __future__ import annotations

from portal.subscriptions.errors import LimitOutOfRange, NotLimitable
from portal.web.plugs import plugs
from portal.web.problems import Problem


def check_holds() -> None:
    """Raise the Problem of a marketplace whose gateway cannot keep a limit."""
    if not plugs().holds_limits:
        detail = "The gateway of this marketplace counts calls per minute only, so a limit of money would stop nothing."
        raise Problem(409, "limits-not-held", "No spending limits here", detail)


def about_limit(refusal: NotLimitable | LimitOutOfRange) -> Problem:
    """Return what to answer to a limit that the plan does not allow."""
    if isinstance(refusal, NotLimitable):
        detail = "This plan bills no calls beyond its fee, so a limit of money has nothing to stop."
        return Problem(422, "not-limitable", "No spending limit on this plan", detail)
    detail = "The plan itself costs more than this before the first call. Set at least `least`, or null for no limit."
    return Problem(422, "spending-limit-too-low", "The limit is too low", detail, extra={"least": refusal.least})
