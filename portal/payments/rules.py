"""Whether and how a subscription may move to another plan. Pure."""

from __future__ import annotations

from fractions import Fraction

from portal.kit.periods import Interval
from portal.payments.errors import NotSwitchable
from portal.payments.types import SwitchKind
from portal.pricing.types import Offer, PriceTerms
from portal.subscriptions.types import Status, SubscriptionView

_DAYS: dict[Interval, Fraction] = {
    "day": Fraction(1),
    "week": Fraction(7),
    "month": Fraction(365, 12),
    "year": Fraction(365),
}
_OVERDUE: frozenset[Status] = frozenset({"past_due", "unpaid", "paused", "incomplete"})


def switch_kind(held: SubscriptionView, current: Offer, wanted: Offer) -> SwitchKind:
    """Return how a subscription moves from one plan to another (rule R15). Raises NotSwitchable.

    Dearer plans begin at once and charge the difference; cheaper ones begin when what is paid for is used up. Within a
    trial every change is free of charge and the trial goes on. Moving to a free plan lets the paid one end first.
    """
    if held.has_ended:
        raise NotSwitchable("ended")
    if held.is_free:
        raise NotSwitchable("free")
    if wanted.product_id != held.product_id:
        raise NotSwitchable("not_offered")
    if wanted.price_id == held.price_id:
        raise NotSwitchable("same_plan")
    if held.status in _OVERDUE:
        raise NotSwitchable("overdue")
    if held.cancel_at_period_end or held.cancel_at is not None:
        raise NotSwitchable("ending")
    if wanted.is_free:
        return "free_later"
    if held.status == "trialing":
        return "trial"
    return "now" if _per_day(wanted.terms) >= _per_day(current.terms) else "later"


def _per_day(terms: PriceTerms) -> Fraction:
    return Fraction(terms.amount) / (_DAYS[terms.interval] * terms.interval_count)
