"""Putting premium on sale. The caller holds the unit of work."""

from __future__ import annotations

from portal.audit.service import record
from portal.payments.premium.types import FEATURE, PLANS, PRODUCT
from portal.pricing.queries import find_plan_in, list_products_of
from portal.pricing.service import create_plan, create_product, publish_price
from portal.pricing.types import PriceTerms
from portal.projects.service import ensure_feature
from portal.projects.types import MARKETPLACE


def offer_premium(monthly: int, yearly: int, currency: str, *, actor: str) -> None:
    """Make feature, product and plans where they are missing, and sell them at these amounts (minor units).

    Safe to repeat; another amount is a new price, and who has premium keeps theirs. Raises InvalidTerms.
    """
    feature_id = ensure_feature(MARKETPLACE, FEATURE, PRODUCT)
    products = list_products_of(feature_id)
    product_id = products[0] if products else create_product(MARKETPLACE, PRODUCT, feature_id=feature_id)
    for code, amount, interval in zip(PLANS, (monthly, yearly), ("month", "year"), strict=True):
        plan_id = find_plan_in(product_id, code) or create_plan(product_id, code, code.replace("_", " ").capitalize())
        publish_price(plan_id, PriceTerms(amount, currency, "month" if interval == "month" else "year"))
    after = {"monthly": monthly, "yearly": yearly, "currency": currency}
    record("premium.offered", f"product:{product_id}", actor=actor, after=after)
