"""Reading offers. Plans and prices are public facts; what a draft API costs is hidden by whoever lists the API."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import Exists, Select, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import MultipleResultsFound

from portal.db import among, db
from portal.kit.periods import Interval
from portal.pricing.errors import UnknownPrice
from portal.pricing.models import Plan, PlanFeature, Price, PriceTier, Product
from portal.pricing.rules import in_one_currency
from portal.pricing.types import Offer, PriceTerms, Tier, UsageModel


def get_offer(plan_id: int, currency: str | None = None) -> Offer | None:
    """Return a plan with the price it is sold at now, or None when it is not for sale in this currency.

    Without a currency it is the one that the product is shown in (`rules.in_one_currency`).
    """
    if currency is not None:
        return _one(_for_sale().where(Plan.id == plan_id, Price.currency == currency))
    siblings = select(Plan.product_id).where(Plan.id == plan_id).scalar_subquery()
    shown = in_one_currency(_read(_for_sale().where(Plan.product_id == siblings)))
    return next((offer for offer in shown if offer.plan_id == plan_id), None)


def list_offers(product_id: int) -> list[Offer]:
    """Return what is for sale of a product, in one currency and in its provider's order."""
    return list_offers_for([product_id])[product_id]


def list_offers_for(product_ids: Collection[int]) -> dict[int, list[Offer]]:
    """Return what is for sale of each of many products, at the cost of one; every id asked for has an entry."""
    found: dict[int, list[Offer]] = {product_id: [] for product_id in product_ids}
    query = _for_sale().where(among(Plan.product_id, found)).order_by(Plan.position, Price.amount, Plan.id)
    for offer in _read(query) if found else ():
        found[offer.product_id].append(offer)
    return {product_id: in_one_currency(offers) for product_id, offers in found.items()}


def get_offer_of_price(price_id: int) -> Offer:
    """Return the offer a price belongs to, also when it is no longer sold: what a subscriber agreed to.

    Raises UnknownPrice.
    """
    offer = _one(_offers().where(Price.id == price_id))
    if offer is None:
        raise UnknownPrice(f"no price {price_id}")
    return offer


def find_sold_plan(project_id: int, code: str) -> Offer | None:
    """Return the plan that a project sells under a code of its own choice, in whatever currency it is sold."""
    sold = _offers().where(Price.active, Plan.active, Product.active, Product.project_id == project_id)
    return _one(sold.where(Plan.code == code).order_by(Price.id.desc()).limit(1))


def list_offers_of_prices(price_ids: Collection[int]) -> dict[int, Offer]:
    """Return the offers that many prices belong to, also those no longer sold, at the cost of one."""
    return {offer.price_id: offer for offer in _read(_offers().where(among(Price.id, price_ids)))}


def sells_any(project_id: int, codes: Collection[str]) -> Exists:
    """Ask whether a project sells a plan under one of some codes: a condition for a statement that asks more."""
    sold = select(Price.id).join(Plan, Plan.id == Price.plan_id).join(Product, Product.id == Plan.product_id)
    sold = sold.where(Price.active, Plan.active, Product.active, Product.project_id == project_id, Plan.code.in_(codes))
    return sold.exists()


def find_plan_in(product_id: int, code: str) -> int | None:
    """Return the plan of a product that has this code, for sale or not."""
    return db.session.scalar(select(Plan.id).where(Plan.product_id == product_id, Plan.code == code))


def get_offer_of_plan(plan_id: int) -> Offer | None:
    """Return a plan with its newest price in any currency, also when it is no longer sold."""
    newest = _offers().where(Plan.id == plan_id).order_by(Price.active.desc(), Price.id.desc()).limit(1)
    return _one(newest)


def find_offer_by_stripe_price(stripe_price_id: str) -> Offer | None:
    """Return the offer that the payment provider knows under this price, also when it is no longer sold."""
    return _one(_offers().where(Price.stripe_price_id == stripe_price_id))


def find_feature_of(product_id: int) -> int | None:
    """Return the feature that a subscription to a product gives, if it gives one."""
    return db.session.scalar(select(Product.feature_id).where(Product.id == product_id))


def list_features_of(product_id: int, plan_id: int) -> dict[int, Decimal | None]:
    """Return the features that a plan gives, its product's own among them, with how much of each for one unit."""
    own = find_feature_of(product_id)
    given: dict[int, Decimal | None] = {} if own is None else {own: None}
    rows = db.session.execute(
        select(PlanFeature.feature_id, PlanFeature.quantity).where(PlanFeature.plan_id == plan_id)
    )
    return given | {row.feature_id: None if row.quantity is None else _plain(row.quantity) for row in rows}


def list_products_of(feature_id: int) -> list[int]:
    """Return the products that give a feature, by themselves or by one of their plans."""
    by_plan = select(Plan.product_id).join(PlanFeature, PlanFeature.plan_id == Plan.id)
    own = select(Product.id).where(Product.feature_id == feature_id)
    return list(db.session.scalars(own.union(by_plan.where(PlanFeature.feature_id == feature_id))))


def find_sold_in(project_id: int, stripe_price_id: str) -> Offer | None:
    """Return what a project sells now under a price of the payment provider."""
    sold = _offers().where(Price.active, Plan.active, Product.active, Product.project_id == project_id)
    return _one(sold.where(Price.stripe_price_id == stripe_price_id))


@dataclass(frozen=True, slots=True)
class SoldProduct:
    """What a project sells under one name, with every plan that was ever made of it."""

    id: int
    name: str
    feature_id: int | None
    plans: tuple[SoldPlan, ...]


@dataclass(frozen=True, slots=True)
class SoldPlan:
    """A plan with its newest price, and the features it gives beside its product's own."""

    offer: Offer
    is_sold: bool
    features: Mapping[int, Decimal | None]


def list_sold(project_id: int) -> list[SoldProduct]:
    """Return what a project sells or has sold, products by name."""
    products = db.session.execute(
        select(Product.id, Product.name, Product.feature_id)
        .where(Product.project_id == project_id)
        .order_by(Product.name, Product.id)
    ).all()
    plans: dict[int, list[SoldPlan]] = {product.id: [] for product in products}
    newest = _offers().ext(distinct_on(Plan.id)).where(Product.project_id == project_id)
    sold = set(db.session.scalars(select(Plan.id).join(Product).where(Product.project_id == project_id, Plan.active)))
    for offer in _read(newest.order_by(Plan.id, Price.active.desc(), Price.version.desc())):
        given = list_features_of(offer.product_id, offer.plan_id)
        plans[offer.product_id].append(SoldPlan(offer, offer.plan_id in sold, given))
    return [SoldProduct(one.id, one.name, one.feature_id, tuple(plans[one.id])) for one in products]


def find_project_of(product_id: int) -> int | None:
    """Return the project that sells a product."""
    return db.session.scalar(select(Product.project_id).where(Product.id == product_id))


# Columns, not entities: a list ordered by price reads hundreds, and entities cost twice as much.
_OFFER = (
    Plan.id.label("plan_id"), Plan.code, Plan.name, Plan.summary, Plan.highlights, Plan.requests_per_minute,
    Plan.product_id, Product.name.label("product_name"), Price.id.label("price_id"), Price.stripe_price_id,
    Price.amount, Price.currency, Price.interval, Price.interval_count, Price.trial_days, Price.included_quantity,
    Price.usage_model, Price.unit_amount, Price.package_size, Price.one_time, Price.access_days,
)  # fmt: skip


def _offers() -> Select[*tuple[Any, ...]]:
    return (
        select(*_OFFER)
        .select_from(Price)
        .join(Plan, Plan.id == Price.plan_id)
        .join(Product, Product.id == Plan.product_id)
    )


def _for_sale() -> Select[*tuple[Any, ...]]:
    return _offers().where(Price.active, Plan.active, Product.active)


def _one(query: Select[*tuple[Any, ...]]) -> Offer | None:
    found = _read(query)
    if len(found) > 1:
        raise MultipleResultsFound
    return found[0] if found else None


def _read(query: Select[*tuple[Any, ...]]) -> list[Offer]:
    rows = db.session.execute(query).all()
    tiers = _tiers_of([row.price_id for row in rows if row.usage_model in ("graduated", "volume")])
    return [
        Offer(
            plan_id=row.plan_id,
            code=row.code,
            name=row.name,
            summary=row.summary,
            highlights=tuple(row.highlights),
            requests_per_minute=row.requests_per_minute,
            product_id=row.product_id,
            product_name=row.product_name,
            price_id=row.price_id,
            terms=_terms(row, tiers.get(row.price_id, ())),
            stripe_price_id=row.stripe_price_id,
        )
        for row in rows
    ]


def _tiers_of(price_ids: Collection[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    columns = PriceTier.price_id, PriceTier.up_to, PriceTier.unit_amount, PriceTier.flat_amount
    query = select(*columns).where(among(PriceTier.price_id, price_ids)).order_by(PriceTier.price_id, PriceTier.ordinal)
    for row in db.session.execute(query) if price_ids else ():
        found.setdefault(row.price_id, []).append(row)
    return found


def terms_of(price: Price) -> PriceTerms:
    """Return the terms a price row holds."""
    return _terms(price, price.tiers)


def _terms(price: Any, tiers: Iterable[Any]) -> PriceTerms:
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
        tiers=tuple(_tier(tier) for tier in tiers),
        one_time=price.one_time,
        access_days=price.access_days,
    )


def _tier(row: Any) -> Tier:
    up_to = None if row.up_to is None else _plain(row.up_to)
    return Tier(up_to=up_to, unit_amount=_plain(row.unit_amount), flat_amount=row.flat_amount)


def _plain(value: Decimal) -> Decimal:
    """Drop the zeros that the column's scale adds: 0.4, not 0.400000000000000000."""
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()
