"""What a code takes off a plan and for how long, and whether it may be used for it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from portal.kit.money import Money, round_half_up
from portal.kit.periods import add_intervals
from portal.payments.errors import CodeRefused
from portal.ports.promotions import Discount, HeldDiscount, PromotionCode
from portal.pricing.types import Offer

_MOST_CHARGES = 600


@dataclass(frozen=True, slots=True)
class Saving:
    """What a code does to a plan: `reduced` instead of `full` for the first `charges`, None for all of them."""

    code: str
    promotion_id: str
    full: Money
    reduced: Money
    charges: int | None


def saving_of(
    found: PromotionCode | None, offer: Offer, *, now: datetime, trial_days: int, customer_id: str | None
) -> Saving:
    """Return what a code does for this buyer of this plan. Raises CodeRefused with the reason."""
    if found is None:
        raise CodeRefused("unknown")
    _check(found, now, customer_id)
    discount, full = found.discount, Money(offer.terms.amount, offer.terms.currency)
    if not full.amount:
        raise CodeRefused("free")
    if not applies_to(discount, offer):
        raise CodeRefused("other_plan")
    if discount.amount_off is not None and discount.amount_off.currency != full.currency:
        raise CodeRefused("currency")
    charges = _charges(discount, offer, now, trial_days)
    if charges == 0:
        raise CodeRefused("too_short")
    return Saving(found.code, found.id, full, lowered(full, discount), charges)


def lowered(full: Money, discount: Discount) -> Money:
    """Return an amount with the discount taken off: a percentage is rounded half up, and nothing falls below zero."""
    if discount.amount_off is not None:
        return Money(max(0, full.amount - discount.amount_off.amount), full.currency)
    share = Fraction(discount.percent_off or 0) / 100
    return Money(full.amount - round_half_up(full.amount * share), full.currency)


def next_charge(offer: Offer, held: HeldDiscount | None, at: datetime) -> Money:
    """Return what a plan's period that begins at an instant costs a subscription that has this discount."""
    full = Money(offer.terms.amount, offer.terms.currency)
    if held is None or not applies_to(held.discount, offer) or (held.ends_at is not None and at >= held.ends_at):
        return full
    if held.discount.amount_off is not None and held.discount.amount_off.currency != full.currency:
        return full
    return lowered(full, held.discount)


def applies_to(discount: Discount, offer: Offer) -> bool:
    """True when a discount is for this plan, or for all."""
    return discount.products is None or product_reference(offer.plan_id) in discount.products


def product_reference(plan_id: int) -> str:
    """Return the name under which the provider knows a plan."""
    return f"portal-plan-{plan_id}"


def _check(found: PromotionCode, now: datetime, customer_id: str | None) -> None:
    if found.expires_at is not None and found.expires_at <= now:
        raise CodeRefused("expired")
    if found.most_uses is not None and found.uses >= found.most_uses:
        raise CodeRefused("used_up")
    if not found.is_active:
        raise CodeRefused("expired")
    if found.customer_id is not None and found.customer_id != customer_id:
        raise CodeRefused("other_customer")


def _charges(discount: Discount, offer: Offer, now: datetime, trial_days: int) -> int | None:
    """How many charges are lowered: those whose period begins before the months are over, counted from today."""
    if discount.duration == "forever":
        return None
    if discount.duration == "once":
        return 1
    ends = add_intervals(now, "month", discount.months or 0)
    first, terms, count = now + timedelta(days=trial_days), offer.terms, 0
    while count < _MOST_CHARGES and add_intervals(first, terms.interval, count * terms.interval_count) < ends:
        count += 1
    return count
