"""Codes, as Stripe's promotion codes and coupons. Functions over its client; imports no SDK."""

from __future__ import annotations

from typing import Any

from portal.adapters.stripe_snapshots import code_of
from portal.ports.promotions import Discount, NewCode, PromotionCode

_WHOLE = "data.promotion.coupon.applies_to"


def find(client: Any, code: str) -> PromotionCode | None:
    """Return the newest code of this text, one that can be used before one that cannot."""
    found = client.v1.promotion_codes.list(params={"code": code, "limit": 10, "expand": [_WHOLE]}).data
    written = sorted((code_of(each) for each in found if _leads_somewhere(each)), key=lambda each: not each.is_active)
    return written[0] if written else None


def list_all(client: Any) -> list[PromotionCode]:
    """Return every code, newest first."""
    page = client.v1.promotion_codes.list(params={"limit": 100, "expand": [_WHOLE]})
    return [code_of(each) for each in page.auto_paging_iter() if _leads_somewhere(each)]


def create(client: Any, wanted: NewCode, key: str) -> PromotionCode:
    """Make a coupon and the code that leads to it."""
    coupon = client.v1.coupons.create(params=_coupon(wanted.discount), options={"idempotency_key": f"{key}:coupon"})
    params: dict[str, Any] = {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": wanted.code}
    if wanted.expires_at is not None:
        params["expires_at"] = int(wanted.expires_at.timestamp())
    if wanted.most_uses is not None:
        params["max_redemptions"] = wanted.most_uses
    params["expand"] = ["promotion.coupon.applies_to"]
    return code_of(client.v1.promotion_codes.create(params=params, options={"idempotency_key": key}))


def _leads_somewhere(found: Any) -> bool:
    """False for a code whose coupon was deleted."""
    return found.promotion.coupon is not None and not getattr(found.promotion.coupon, "deleted", False)


def _coupon(discount: Discount) -> dict[str, Any]:
    params: dict[str, Any] = {"duration": discount.duration}
    if discount.percent_off is not None:
        params["percent_off"] = float(discount.percent_off)  # the SDK's type; no money, exact to two places
    if discount.amount_off is not None:
        params |= {"amount_off": discount.amount_off.amount, "currency": discount.amount_off.currency}
    if discount.months is not None:
        params["duration_in_months"] = discount.months
    if discount.products is not None:
        params["applies_to"] = {"products": sorted(discount.products)}
    return params
