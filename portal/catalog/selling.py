"""What publishing needs from the features below: a product to subscribe to and a right it grants."""

from __future__ import annotations

from portal.audit.service import record
from portal.pricing.queries import list_offers
from portal.pricing.service import create_plan, create_product, publish_price
from portal.pricing.types import PriceTerms
from portal.projects.service import ensure_feature
from portal.projects.types import MARKETPLACE


def product_of(api_id: int, organisation_id: int, name: str) -> int:
    """Make the product of an API, with the feature that a subscription to it grants."""
    feature_id = ensure_feature(MARKETPLACE, f"api.{api_id}", name)
    return create_product(MARKETPLACE, name, organisation_id=organisation_id, feature_id=feature_id)


def add_free_plan(
    product_id: int, calls_per_month: int, requests_per_minute: int, *, actor: str, organisation_id: int
) -> None:
    """Give a product that sells nothing yet a free plan with a monthly quota."""
    if list_offers(product_id):
        return
    plan_id = create_plan(product_id, "free", "Free", summary="To try it out", requests_per_minute=requests_per_minute)
    publish_price(plan_id, PriceTerms(amount=0, currency="eur", included_quantity=calls_per_month))
    after = {"plan": "Free", "amount": 0, "currency": "eur", "calls": calls_per_month}
    record("price.added", f"plan:{plan_id}", actor=actor, organisation_id=organisation_id, after=after)
