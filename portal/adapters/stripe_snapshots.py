"""Stripe's objects as the port's snapshots. Field by field, for API version 2026-10-28.endive; imports no SDK."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from portal.kit.clock import from_timestamp
from portal.kit.money import Money
from portal.ports.billing import (
    ChangePreview,
    Checkout,
    Customer,
    DisputeSnapshot,
    InvoiceSnapshot,
    PaymentSnapshot,
    PreviewLine,
    PriceSnapshot,
    RefundSnapshot,
    SetupSnapshot,
    SubscriptionSnapshot,
)
from portal.ports.promotions import Discount, HeldDiscount, PromotionCode

DISCOUNTS = ["discounts.source.coupon.applies_to", "discounts.promotion_code"]
"""What a subscription must be asked to bring along so that its discount can be read."""


def customer_of(found: Any) -> Customer:
    """Return a customer, or what is left of a deleted one."""
    deleted = bool(getattr(found, "deleted", False))
    if deleted:
        return Customer(found.id, None, None, deleted=True)
    return Customer(found.id, _metadata(found).get("account"), found.email)


def checkout_of(found: Any) -> Checkout:
    """Return a hosted page."""
    return Checkout(
        id=found.id,
        url=found.url,
        status=found.status or "",
        payment_status=found.payment_status,
        subscription_id=_id(found.subscription),
        customer_id=_id(found.customer),
        expires_at=_instant(found.expires_at),
        metadata=_metadata(found),
        payment_id=_id(getattr(found, "payment_intent", None)),
    )


def subscription_of(found: Any) -> SubscriptionSnapshot:
    """Return a subscription; its period and price are those of its first item."""
    item = found.items.data[0]
    return SubscriptionSnapshot(
        id=found.id,
        customer_id=_id(found.customer) or "",
        status=found.status,
        price_id=item.price.id,
        quantity=item.quantity or 1,
        current_period_start=from_timestamp(item.current_period_start),
        current_period_end=from_timestamp(item.current_period_end),
        trial_end=_instant(found.trial_end),
        cancel_at=_instant(found.cancel_at),
        cancel_at_period_end=bool(found.cancel_at_period_end),
        canceled_at=_instant(found.canceled_at),
        ended_at=_instant(found.ended_at),
        latest_invoice_id=_id(found.latest_invoice),
        livemode=bool(found.livemode),
        metadata=_metadata(found),
        schedule_id=_id(getattr(found, "schedule", None)),
        discount=_held_discount(found.discounts),
    )


def code_of(found: Any) -> PromotionCode:
    """Return a code; its coupon must have been brought along."""
    return PromotionCode(
        id=found.id,
        code=found.code,
        is_active=bool(found.active),
        expires_at=_instant(found.expires_at),
        uses=found.times_redeemed,
        most_uses=found.max_redemptions,
        customer_id=_id(found.customer),
        discount=discount_of(found.promotion.coupon),
    )


def discount_of(coupon: Any) -> Discount:
    """Return what a coupon takes off. Stripe sends percentages as JSON numbers; their text is exact to two places."""
    only = getattr(coupon, "applies_to", None)
    return Discount(
        duration=coupon.duration,
        percent_off=None if coupon.percent_off is None else Decimal(str(coupon.percent_off)),
        amount_off=None if coupon.amount_off is None else Money(coupon.amount_off, coupon.currency),
        months=coupon.duration_in_months,
        products=frozenset(only.products) if only else None,
    )


def _held_discount(discounts: Any) -> HeldDiscount | None:
    """Return the first discount of a subscription, None when there is none or it was not brought along."""
    first = next((each for each in discounts or [] if not isinstance(each, str)), None)
    coupon = None if first is None else first.source.coupon
    if first is None or coupon is None or isinstance(coupon, str) or getattr(coupon, "deleted", False):
        return None
    code = None if first.promotion_code is None or isinstance(first.promotion_code, str) else first.promotion_code.code
    return HeldDiscount(code, discount_of(coupon), _instant(first.end))


def preview_of(found: Any) -> ChangePreview:
    """Return an invoice that is only a preview."""
    return ChangePreview(
        currency=found.currency,
        lines=tuple(PreviewLine(line.description or "", line.amount) for line in found.lines.data),
        total=found.total,
        amount_due=found.amount_due,
    )


def invoice_of(found: Any) -> InvoiceSnapshot:
    """Return an invoice; the subscription it bills stands in its parent."""
    parent = getattr(found, "parent", None)
    details = getattr(parent, "subscription_details", None) if parent else None
    return InvoiceSnapshot(
        id=found.id,
        number=found.number,
        customer_id=_id(found.customer) or "",
        subscription_id=_id(details.subscription) if details else None,
        status=found.status or "draft",
        currency=found.currency,
        subtotal=found.subtotal,
        total=found.total,
        amount_due=found.amount_due,
        amount_paid=found.amount_paid,
        billing_reason=found.billing_reason,
        period_start=from_timestamp(found.period_start),
        period_end=from_timestamp(found.period_end),
        hosted_url=getattr(found, "hosted_invoice_url", None),
        pdf_url=getattr(found, "invoice_pdf", None),
        created_at=from_timestamp(found.created),
        attempt_count=found.attempt_count,
        next_attempt_at=_instant(found.next_payment_attempt),
        livemode=bool(found.livemode),
        discount=sum(each.amount for each in found.total_discount_amounts or []),
        billed_to=_label(found),
    )


def payment_of(
    found: Any, *, invoice_id: str | None, refunds: Iterable[Any] = (), disputes: Iterable[Any] = ()
) -> PaymentSnapshot:
    """Return an attempt to pay, its last charge brought along.

    Its error is that of the last try and goes away with the next.
    """
    charge = getattr(found, "latest_charge", None)
    paying = charge if found.status == "succeeded" else None
    return PaymentSnapshot(
        id=found.id,
        customer_id=_id(found.customer),
        amount=Money(found.amount, found.currency),
        refusal=_refusal(getattr(found, "last_payment_error", None)),
        invoice_id=invoice_id,
        status=found.status,
        amount_received=found.amount_received,
        amount_refunded=paying.amount_refunded if paying else 0,
        paid_at=from_timestamp(paying.created) if paying else None,
        created_at=from_timestamp(found.created),
        livemode=bool(found.livemode),
        refunds=tuple(
            RefundSnapshot(one.id, one.amount, one.status or "pending", one.reason, from_timestamp(one.created))
            for one in refunds
        ),
        disputes=tuple(
            DisputeSnapshot(one.id, one.amount, one.status, one.reason, from_timestamp(one.created)) for one in disputes
        ),
        metadata=_metadata(found),
    )


def price_of(found: Any) -> PriceSnapshot:
    """Return a price; its product must have been brought along."""
    recurring = found.recurring
    return PriceSnapshot(
        id=found.id,
        product_name=getattr(found.product, "name", None) or "",
        amount=None if found.unit_amount is None else Money(found.unit_amount, found.currency),
        interval=recurring.interval if recurring else None,
        interval_count=recurring.interval_count if recurring else 1,
        is_active=bool(found.active),
        livemode=bool(found.livemode),
        metadata=_metadata(found),
    )


def setup_of(found: Any) -> SetupSnapshot:
    """Return an attempt to keep a card; its error is that of the last try and goes away with the next."""
    return SetupSnapshot(
        id=found.id,
        customer_id=_id(found.customer),
        refusal=_refusal(getattr(found, "last_setup_error", None)),
        created_at=from_timestamp(found.created),
    )


def _refusal(error: Any) -> str | None:
    return (getattr(error, "decline_code", None) or getattr(error, "code", None)) if error else None


def _label(invoice: Any) -> tuple[str, ...]:
    """Return the address label of an invoice: name, street, town, country, then tax numbers; what is missing takes no line."""
    place = invoice.customer_address
    parts = [invoice.customer_name]
    if place is not None:
        town = " ".join(part for part in (place.postal_code, place.city) if part)
        parts += [place.line1, place.line2, town, place.state, place.country]
    parts += [number.value for number in invoice.customer_tax_ids or []]
    return tuple(part for part in parts if part)


def _metadata(found: Any) -> dict[str, str]:
    return dict(found.metadata.to_dict()) if getattr(found, "metadata", None) else {}


def _id(reference: Any) -> str | None:
    """Return the id of a reference, expanded or not."""
    return reference if reference is None or isinstance(reference, str) else str(reference.id)


def _instant(seconds: int | None) -> datetime | None:
    return None if seconds is None else from_timestamp(seconds)
