"""Making products, plans and prices. Callers hold the unit of work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from portal.db import db
from portal.pricing.errors import InvalidPlan, InvalidTerms, PlanCodeTaken, UnknownPlan, UnknownPrice
from portal.pricing.models import Plan, PlanFeature, Price, PriceTier, Product
from portal.pricing.queries import terms_of
from portal.pricing.rules import faults_of_plan, faults_of_terms
from portal.pricing.types import PriceTerms


def create_product(
    project_id: int,
    name: str,
    *,
    organisation_id: int | None = None,
    feature_id: int | None = None,
    description: str | None = None,
) -> int:
    """Add something to sell; return its id. A subscription to it gives its feature."""
    product = Product(
        project_id=project_id,
        name=name,
        organisation_id=organisation_id,
        feature_id=feature_id,
        description=description,
    )
    db.session.add(product)
    db.session.flush()  # the id is the answer
    return product.id


def create_plan(
    product_id: int,
    code: str,
    name: str,
    *,
    summary: str = "",
    requests_per_minute: int | None = None,
    highlights: Sequence[str] = (),
    position: int = 0,
) -> int:
    """Add a plan to a product; return its id. Not for sale until it has a price.

    Raises InvalidPlan and PlanCodeTaken; the unit of work stays usable.
    """
    faults = faults_of_plan(code, name, requests_per_minute)
    if faults:
        raise InvalidPlan(faults)
    statement = insert(Plan).values(
        product_id=product_id,
        code=code,
        name=name.strip(),
        summary=summary,
        requests_per_minute=requests_per_minute,
        highlights=list(highlights),
        position=position,
    )
    plan_id = db.session.execute(
        statement.on_conflict_do_nothing(constraint="plans_code").returning(Plan.id)
    ).scalar_one_or_none()
    if plan_id is None:
        raise PlanCodeTaken(f"the product already has a plan {code!r}")
    return plan_id


def publish_price(plan_id: int, terms: PriceTerms) -> int:
    """Sell a plan at these terms from now on; return the id of the price.

    A change is a new version: whoever subscribed before keeps the old one. Publishing the terms that are already
    in force changes nothing and returns the price in force. Raises InvalidTerms and UnknownPlan.
    """
    faults = faults_of_terms(terms)
    if faults:
        raise InvalidTerms(faults)
    _lock_plan(plan_id)
    in_force = db.session.scalars(
        select(Price).where(Price.plan_id == plan_id, Price.currency == terms.currency, Price.active)
    ).one_or_none()
    if in_force is not None and terms_of(in_force) == terms:
        return in_force.id
    if in_force is not None:
        in_force.active = False
        db.session.flush()  # the index admits one active price, so the old one leaves first
    price = _price_row(plan_id, _next_version(plan_id, terms.currency), terms)
    db.session.add(price)
    db.session.flush()  # the id is the answer
    return price.id


def give_features(plan_id: int, quantities: Mapping[int, int | None]) -> None:
    """Let a plan give these features, and no others, beside its product's own."""
    db.session.execute(delete(PlanFeature).where(PlanFeature.plan_id == plan_id))
    rows = [{"plan_id": plan_id, "feature_id": one, "quantity": each} for one, each in quantities.items()]
    if rows:
        db.session.execute(insert(PlanFeature), rows)


def withdraw_plan(plan_id: int) -> None:
    """Stop selling a plan. Subscribers keep it. Raises UnknownPlan."""
    _lock_plan(plan_id)
    db.session.execute(update(Plan).where(Plan.id == plan_id).values(active=False))


def set_stripe_price_id(price_id: int, stripe_price_id: str) -> str:
    """Remember under which id the payment provider knows a price; the first id stays. Returns the one that holds.

    Raises UnknownPrice.
    """
    db.session.execute(
        update(Price)
        .where(Price.id == price_id, Price.stripe_price_id.is_(None))
        .values(stripe_price_id=stripe_price_id)
    )
    found = db.session.execute(select(Price.stripe_price_id).where(Price.id == price_id)).scalar_one_or_none()
    if found is None:
        raise UnknownPrice(f"no price {price_id}")
    return found


def _lock_plan(plan_id: int) -> None:
    if db.session.execute(select(Plan.id).where(Plan.id == plan_id).with_for_update()).one_or_none() is None:
        raise UnknownPlan(f"no plan {plan_id}")


def _next_version(plan_id: int, currency: str) -> int:
    newest = db.session.scalar(
        select(func.max(Price.version)).where(Price.plan_id == plan_id, Price.currency == currency)
    )
    return (newest or 0) + 1


def _price_row(plan_id: int, version: int, terms: PriceTerms) -> Price:
    tiers = [
        PriceTier(ordinal=n, up_to=tier.up_to, unit_amount=tier.unit_amount, flat_amount=tier.flat_amount)
        for n, tier in enumerate(terms.tiers, start=1)
    ]
    return Price(
        plan_id=plan_id,
        version=version,
        currency=terms.currency,
        amount=terms.amount,
        interval=terms.interval,
        interval_count=terms.interval_count,
        trial_days=terms.trial_days,
        included_quantity=terms.included_quantity,
        usage_model=terms.usage_model,
        unit_amount=terms.unit_amount,
        package_size=terms.package_size,
        tiers=tiers,
        one_time=terms.one_time,
        access_days=terms.access_days,
    )
