"""How an organisation stands with the premium plan: our own rows, in one snapshot."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from portal.db import db
from portal.entitlements.queries import has_feature
from portal.payments.models import Purchase
from portal.payments.premium.types import FEATURE, PLANS, PlanName, PremiumEntitlement
from portal.pricing.queries import find_sold_plan, get_offer_of_price, list_products_of
from portal.pricing.types import Offer
from portal.projects.queries import find_account_mail, find_customer, find_feature
from portal.projects.types import MARKETPLACE
from portal.subscriptions.queries import list_for_account
from portal.subscriptions.types import SubscriptionView


def offers() -> list[Offer]:
    """Return what is for sale: monthly, yearly, both or none."""
    found = (find_sold_plan(MARKETPLACE, code) for code in PLANS)
    return [offer for offer in found if offer is not None]


def standing(account_id: int | None, external_id: str, *, livemode: bool, at: datetime) -> PremiumEntitlement:
    """Return how an organisation stands at an instant; one without an account has never bought anything."""
    feature = find_feature(MARKETPLACE, FEATURE)
    if account_id is None or feature is None:
        return _nothing(external_id)
    held = _held(account_id, feature.id)
    has_access = has_feature(account_id, feature.id, at)
    mail, customer = find_account_mail(account_id), find_customer(account_id, livemode=livemode)
    if held is None or (held.has_ended and has_access):
        return PremiumEntitlement(
            id=f"account:{account_id}",
            user_external_id=external_id,
            user_email=mail,
            plan="CUSTOM" if has_access else "FREE",
            status="ACTIVE" if has_access else ("INCOMPLETE" if _is_buying(account_id, feature.id) else "NONE"),
            customer_id=customer,
            subscription_id=None,
            price_id=None,
            period_start=None,
            period_end=None,
            cancel_at_period_end=False,
            synced_at=None,
            has_access=has_access,
        )
    offer = get_offer_of_price(held.price_id)
    return PremiumEntitlement(
        id=str(held.id),
        user_external_id=external_id,
        user_email=mail,
        plan="FREE" if held.has_ended else _plan(offer.code),
        status=held.status.upper(),
        customer_id=customer,
        subscription_id=held.stripe_subscription_id,
        price_id=offer.stripe_price_id,
        period_start=held.period.start,
        period_end=held.period.end,
        cancel_at_period_end=held.cancel_at_period_end,
        synced_at=held.read_at,
        has_access=has_access,
    )


def _held(account_id: int, feature_id: int) -> SubscriptionView | None:
    products = list_products_of(feature_id)
    return next((one for one in list_for_account(account_id) if one.product_id in products), None)


def _is_buying(account_id: int, feature_id: int) -> bool:
    begun = select(Purchase.id).where(
        Purchase.account_id == account_id,
        Purchase.product_id.in_(list_products_of(feature_id)),
        Purchase.status.in_(("started", "open")),
    )
    return db.session.scalar(begun.limit(1)) is not None


def _plan(code: str) -> PlanName:
    return (
        "PREMIUM_YEARLY" if code == "premium_yearly" else "PREMIUM_MONTHLY" if code == "premium_monthly" else "CUSTOM"
    )


def _nothing(external_id: str) -> PremiumEntitlement:
    return PremiumEntitlement(
        id=None,
        user_external_id=external_id,
        user_email=None,
        plan="FREE",
        status="NONE",
        customer_id=None,
        subscription_id=None,
        price_id=None,
        period_start=None,
        period_end=None,
        cancel_at_period_end=False,
        synced_at=None,
        has_access=False,
    )
