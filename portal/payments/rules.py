"""Whether and how a subscription may move to another plan, and whether its money is there. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from fractions import Fraction

from portal.kit.periods import Interval
from portal.payments.errors import NotSwitchable
from portal.payments.types import Paid, SwitchKind
from portal.pricing.types import Offer, PriceTerms
from portal.subscriptions.types import Hold, Status, SubscriptionView

_DAYS: dict[Interval, Fraction] = {
    "day": Fraction(1),
    "week": Fraction(7),
    "month": Fraction(365, 12),
    "year": Fraction(365),
}
_OVERDUE: frozenset[Status] = frozenset({"past_due", "unpaid", "paused", "incomplete"})
# While one of these holds the money is with the bank, or lost. An inquiry (`warning_...`) takes nothing yet.
TAKEN = frozenset({"needs_response", "under_review", "lost", "appeal_needs_response", "appeal_under_review"})


def hold_of(payments: Iterable[Paid]) -> Hold | None:
    """Return why the payments for one thing no longer pay for it, None while they do.

    A dispute that is open or lost about any of them: the bank has taken the money. All that came in given back: nobody
    pays for it any more. A part given back changes nothing. Payments that never came in are no reason here: for those
    the subscription's own state speaks.
    """
    paid = [payment for payment in payments if payment.status == "succeeded"]
    if any(state in TAKEN for payment in paid for state in payment.disputes):
        return "disputed"
    received = sum(payment.received for payment in paid)
    return "refunded" if received and received == sum(payment.refunded for payment in paid) else None


def bought_window(
    payment: Paid, paid_at: datetime | None, access_days: int | None
) -> tuple[datetime, datetime | None] | None:
    """Return how long something paid once may be used, `[from, to)`; None while its payment does not pay for it."""
    if payment.status != "succeeded" or paid_at is None or hold_of([payment]) is not None:
        return None
    return paid_at, None if access_days is None else paid_at + timedelta(days=access_days)


def is_within_reach(current: Offer, wanted: Offer) -> bool:
    """True when a subscription can move without changing its currency, which the provider does not do."""
    return wanted.is_free or wanted.terms.currency == current.terms.currency


def why_stuck(held: SubscriptionView) -> str | None:
    """Return why a paid subscription can move to no plan at all as things are (a reason of NotSwitchable), or None."""
    if held.has_ended:
        return "ended"
    if held.status in _OVERDUE:
        return "overdue"
    return "ending" if held.cancel_at_period_end or held.cancel_at is not None else None


def switch_kind(held: SubscriptionView, current: Offer, wanted: Offer) -> SwitchKind:
    """Return how a subscription moves from one plan to another (rule R15). Raises NotSwitchable.

    Dearer plans begin at once and charge the difference; cheaper ones begin when what is paid for is used up. Within a
    trial every change is free of charge and the trial goes on. Moving to a free plan lets the paid one end first.
    """
    if held.has_ended:
        raise NotSwitchable("ended")
    if held.is_free:
        raise NotSwitchable("free")
    if wanted.product_id != held.product_id or not is_within_reach(current, wanted):
        raise NotSwitchable("not_offered")
    if wanted.price_id == held.price_id:
        raise NotSwitchable("same_plan")
    if (reason := why_stuck(held)) is not None:
        raise NotSwitchable(reason)
    if wanted.is_free:
        return "free_later"
    if held.status == "trialing":
        return "trial"
    return "now" if _per_day(wanted.terms) >= _per_day(current.terms) else "later"


def _per_day(terms: PriceTerms) -> Fraction:
    return Fraction(terms.amount) / (_DAYS[terms.interval] * terms.interval_count)
