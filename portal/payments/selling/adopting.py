"""Products and prices of a project: taken over from the payment provider, or made there. Callers hold the unit of work."""

from __future__ import annotations

import re

from sqlalchemy.exc import IntegrityError

from portal.audit.service import record
from portal.db import db
from portal.kit.money import CURRENCIES
from portal.outbox.service import announce
from portal.payments.errors import PriceNotUsable
from portal.ports.billing import PriceSnapshot
from portal.pricing.service import create_plan, create_product, give_features, publish_price, set_stripe_price_id
from portal.pricing.types import Offer, PriceTerms
from portal.projects.types import Acting


def add_product(project_id: int, name: str, *, feature_id: int | None, description: str | None, by: Acting) -> int:
    """Add something that the project sells; a subscription to it gives its feature. Return its id."""
    product_id = create_product(
        project_id, name, organisation_id=by.organisation_id, feature_id=feature_id, description=description
    )
    after = {"product": product_id, "name": name, "feature": feature_id}
    record("product.added", f"project:{project_id}", **by.columns, after=after)
    return product_id


def terms_of_price(found: PriceSnapshot, *, livemode: bool, access_days: int | None, trial_days: int = 0) -> PriceTerms:
    """Return the terms that a price of the provider means. Raises PriceNotUsable, whose `reason` says why not."""
    if found.livemode != livemode:
        raise PriceNotUsable("other_mode")
    if not found.is_active:
        raise PriceNotUsable("inactive")
    if found.amount is None:
        raise PriceNotUsable("by_use")
    if found.amount.currency not in CURRENCIES:
        raise PriceNotUsable("currency")
    one_time = found.interval is None
    return PriceTerms(
        amount=found.amount.amount,
        currency=found.amount.currency,
        interval=found.interval or "month",
        interval_count=found.interval_count,
        trial_days=0 if one_time else trial_days,
        one_time=one_time,
        access_days=access_days if one_time else None,
    )


def add_price(
    product_id: int,
    name: str,
    terms: PriceTerms,
    *,
    stripe_price_id: str | None,
    features: dict[int, int | None],
    by: Acting,
    project_id: int,
) -> int:
    """Sell a product at these terms; return the plan's id. `features` are given beside the product's own.

    A price taken over keeps its id at the provider. Raises PriceNotUsable when that is sold already; InvalidTerms.
    """
    plan_id = create_plan(product_id, _code(name, stripe_price_id), name)
    give_features(plan_id, features)
    price_id = publish_price(plan_id, terms)
    if stripe_price_id is not None:
        try:
            with db.session.begin_nested():
                set_stripe_price_id(price_id, stripe_price_id)
        except IntegrityError:
            raise PriceNotUsable("sold_already") from None
    else:  # whoever adds it asks the provider at once; should they die before, the worker does
        announce("price.offered", str(price_id), {"plan_id": plan_id})
    after = {"product": product_id, "plan": name, "price": stripe_price_id, "amount": terms.amount}
    record("price.added", f"project:{project_id}", **by.columns, after={**after, "currency": terms.currency})
    return plan_id


def note_withdrawal(project_id: int, offer: Offer, *, by: Acting) -> None:
    """Write into the trail that a plan is no longer sold."""
    before = {"plan": offer.name, "price": offer.stripe_price_id}
    record("price.withdrawn", f"project:{project_id}", **by.columns, before=before)


def _code(name: str, stripe_price_id: str | None) -> str:
    """Return a code for a plan: its name in small letters, made unique by the price it stands for."""
    words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "plan"
    tail = re.sub(r"[^a-z0-9]", "", (stripe_price_id or "").lower())[-8:]
    return f"{words}-{tail}" if tail else words
