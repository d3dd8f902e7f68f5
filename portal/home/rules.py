"""What to do next, and a bill that shows its working. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from portal.home.types import Held, NextStep
from portal.kit.periods import Period
from portal.metering.types import Bucket
from portal.pricing.rating import rate
from portal.pricing.types import Charge, PriceTerms

# The example on the landing page: a usual plan and a volume beyond what it includes.
EXAMPLE_TERMS = PriceTerms(
    amount=2900, currency="eur", included_quantity=50_000, usage_model="per_unit", unit_amount=Decimal("0.04")
)
EXAMPLE_CALLS = 61_200


def next_step(held: Sequence[Held]) -> NextStep | None:
    """Return the most useful next act: settle what is overdue, find an API, make a key, make the first call.

    None when everything runs; then the page simply shows how. A key for an API that is blocked helps nobody.
    """
    overdue = [one for one in held if one.subscription.status in ("past_due", "unpaid")]
    if overdue:
        return NextStep("pay", overdue[0])
    if not held:
        return NextStep("find")
    for act, is_missing in (("key", _lacks_key), ("call", _lacks_call)):
        waiting = [one for one in held if is_missing(one)]
        if waiting:
            return NextStep("key" if act == "key" else "call", waiting[0])
    return None


def by_day(bars: Sequence[Bucket], subscription_id: int, span: Period) -> tuple[int, ...]:
    """Return one subscription's calls on each UTC day of a span of whole days, oldest first, days without calls as 0."""
    calls = {bar.start: bar.usage.calls for bar in bars if bar.subscription_id == subscription_id}
    days = (span.end - span.start).days
    return tuple(calls.get(span.start + timedelta(days=n), 0) for n in range(days))


def example() -> Charge:
    """Return the example's charge, priced by the function that prices invoices."""
    return rate(EXAMPLE_TERMS, EXAMPLE_CALLS)


def _lacks_key(held: Held) -> bool:
    return not held.has_key and not held.is_blocked


def _lacks_call(held: Held) -> bool:
    return not held.was_called and not held.is_blocked
