"""Reading offers. Plans and prices are public facts; what a draft API costs is hidden by whoever lists the API."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import cast

from sqlalchemy import Select, select

from portal.db import db
from portal.kit.periods import Interval
from portal.pricing.errors import UnknownPrice
from portal.pricing.models import Plan, Price, PriceTier, Product
from portal.pricing.types import Offer, PriceTerms, Tier, UsageModel


def get_offer(plan_id: int, currency: str = "eur") -> Offer | None:
    """Return a plan with the price it is sold at now, or None when it is not for sale in this currency."""
    return _one(_for_sale(currency).where(Plan.id == plan_id))


def list_offers(product_id: int, currency: str = "eur") -> list[Offer]:
    """Return what is for sale of a product, in its provider's order."""
    return list_offers_for([product_id], currency)[product_id]


def list_offers_for(product_ids: Collection[int], currency: str = "eur") -> dict[int, list[Offer]]:
    """Return what is for sale of each of many products, at the cost of one; every id asked for has an entry."""
    found: dict[int, list[Offer]] = {product_id: [] for product_id in product_ids}
    query = _for_sale(currency).where(Plan.product_id.in_(found)).order_by(Plan.position, Price.amount, Plan.id)
    for row in db.session.execute(query) if found else ():
        offer = _offer(*row)
        found[offer.product_id].append(offer)
    return found


def get_offer_of_price(price_id: int) -> Offer:
    """Return the offer a price belongs to, also when it is no longer sold: what a subscriber agreed to.

    Raises UnknownPrice.
    """
    offer = _one(_offers().where(Price.id == price_id))
    if offer is None:
        raise UnknownPrice(f"no price {price_id}")
    return offer


def find_offer_by_stripe_price(stripe_price_id: str) -> Offer | None:
    """Return the offer that the payment provider knows under this price, also when it is no longer sold."""
    return _one(_offers().where(Price.stripe_price_id == stripe_price_id))


def find_feature_of(product_id: int) -> int | None:
    """Return the feature that a subscription to a product gives, if it gives one."""
    return db.session.scalar(select(Product.feature_id).where(Product.id == product_id))


def list_products_of(feature_id: int) -> list[int]:
    """Return the products that give a feature."""
    return list(db.session.scalars(select(Product.id).where(Product.feature_id == feature_id)))


def _offers() -> Select[Price, Plan, str]:
    return (
        select(Price, Plan, Product.name)
        .join(Plan, Plan.id == Price.plan_id)
        .join(Product, Product.id == Plan.product_id)
        .execution_options(populate_existing=True)
    )


def _for_sale(currency: str) -> Select[Price, Plan, str]:
    return _offers().where(Price.active, Plan.active, Product.active, Price.currency == currency)


def _one(query: Select[Price, Plan, str]) -> Offer | None:
    row = db.session.execute(query).one_or_none()
    return None if row is None else _offer(*row)


def _offer(price: Price, plan: Plan, product_name: str) -> Offer:
    return Offer(
        plan_id=plan.id,
        code=plan.code,
        name=plan.name,
        summary=plan.summary,
        highlights=tuple(plan.highlights),
        requests_per_minute=plan.requests_per_minute,
        product_id=plan.product_id,
        product_name=product_name,
        price_id=price.id,
        terms=terms_of(price),
        stripe_price_id=price.stripe_price_id,
    )


def terms_of(price: Price) -> PriceTerms:
    """Return the terms a price row holds."""
    return PriceTerms(
        amount=price.amount,
        currency=price.currency,
        interval=cast(Interval, price.interval),
        interval_count=price.interval_count,
        trial_days=price.trial_days,
        included_quantity=price.included_quantity,
        usage_model=cast("UsageModel | None", price.usage_model),
        unit_amount=None if price.unit_amount is None else _plain(price.unit_amount),
        package_size=price.package_size,
        tiers=tuple(_tier(tier) for tier in price.tiers),
    )


def _tier(row: PriceTier) -> Tier:
    up_to = None if row.up_to is None else _plain(row.up_to)
    return Tier(up_to=up_to, unit_amount=_plain(row.unit_amount), flat_amount=row.flat_amount)


def _plain(value: Decimal) -> Decimal:
    """Drop the zeros that the column's scale adds: 0.4, not 0.400000000000000000."""
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()
