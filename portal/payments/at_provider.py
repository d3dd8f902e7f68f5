"""Customers and prices of ours at the payment provider, each made once.

Every call carries a key derived from our row, so a crash or a lost answer leads back to the same customer and price.
"""

from __future__ import annotations

from portal.db import SYSTEM, scoped, transaction
from portal.kit.money import Money
from portal.payments.discounts import product_reference
from portal.payments.types import Buyer
from portal.ports.billing import NewPrice
from portal.ports.payments import Payments
from portal.pricing.queries import get_offer_of_plan
from portal.pricing.service import set_stripe_price_id
from portal.pricing.types import Offer
from portal.projects.queries import find_customer
from portal.projects.service import bind_customer


def ensure_customer(buyer: Buyer, payments: Payments, *, livemode: bool) -> str:
    """Return the provider's customer of an account, made once; the mapping is ours and never re-made by a webhook."""
    found = find_customer(buyer.account_id, livemode=livemode)
    if found is not None:
        return found
    customer = payments.create_customer(
        reference=str(buyer.account_id),
        name=buyer.name,
        email=buyer.email,
        key=f"customer:{buyer.account_id}:{'live' if livemode else 'test'}",
    )
    with transaction():
        return bind_customer(buyer.account_id, livemode, customer.id)


def ensure_price(offer: Offer, payments: Payments) -> str:
    """Return the provider's id of the offer's price, made once."""
    if offer.stripe_price_id is not None:
        return offer.stripe_price_id
    terms = offer.terms
    price_id = payments.ensure_price(
        NewPrice(
            reference=f"portal-price-{offer.price_id}",
            product_reference=product_reference(offer.plan_id),
            product_name=f"{offer.product_name} · {offer.name}",
            amount=Money(terms.amount, terms.currency),
            interval=None if terms.one_time else terms.interval,
            interval_count=terms.interval_count,
        )
    )
    with transaction(SYSTEM):
        set_stripe_price_id(offer.price_id, price_id)
    return price_id


def make_price(plan_id: int, payments: Payments) -> None:
    """Make the price of a plan known at the provider, if it is not yet."""
    with scoped(SYSTEM):
        offer = get_offer_of_plan(plan_id)
    if offer is not None:
        ensure_price(offer, payments)
