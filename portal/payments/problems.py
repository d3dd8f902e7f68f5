"""What stands in the way of a hosted page, as programs read it."""

from __future__ import annotations

from portal.ports.payments import PaymentsRefused, PaymentsUnavailable
from portal.subscriptions.errors import AlreadySubscribed
from portal.web.problems import Problem

PAGE_FAULTS = (AlreadySubscribed, PaymentsUnavailable, PaymentsRefused)


def problem_of(fault: AlreadySubscribed | PaymentsUnavailable | PaymentsRefused, *, held: str = "") -> Problem:
    """Return the problem that one of `PAGE_FAULTS` is. `held` says what to do to whoever is subscribed already."""
    if isinstance(fault, AlreadySubscribed):
        extra = {"subscription_id": fault.subscription_id}
        return Problem(409, "already-subscribed", "Already subscribed", held, extra=extra)
    if isinstance(fault, PaymentsUnavailable):
        detail = "The payment provider did not answer. Nothing was charged; send the same request again."
        return Problem(503, "payments-unavailable", "Try again", detail, headers={"Retry-After": "5"})
    return Problem(502, "payments-refused", "The payment provider refused", str(fault))
