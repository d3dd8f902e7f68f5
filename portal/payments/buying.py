"""From "Subscribe" to a hosted checkout page, safely repeatable at every step.

The intent is a row before anybody outside is asked, and every call to the provider carries a key derived from that
row: a crash, a double click or a lost answer leads back to the same customer, the same price and the same page.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from portal.catalog.labels import find_label
from portal.db import db, transaction
from portal.entitlements.queries import find_bought
from portal.entitlements.service import derive
from portal.outbox.service import announce
from portal.payments.at_provider import ensure_customer, ensure_price
from portal.payments.billed import tell_if_behind
from portal.payments.currencies import check_currency
from portal.payments.discounts import Saving
from portal.payments.errors import AlreadyBought, PlanNotForSale
from portal.payments.models import Purchase
from portal.payments.terms import accept
from portal.payments.types import Buyer
from portal.ports.billing import Checkout, CheckoutRequest
from portal.ports.payments import Payments, PaymentsRefused, PaymentsUnavailable
from portal.pricing.queries import get_offer, list_features_of
from portal.pricing.types import Offer
from portal.subscriptions.errors import AlreadySubscribed
from portal.subscriptions.queries import had_trial
from portal.subscriptions.service import find_live, lock_account, start_free
from portal.subscriptions.spending import check_limit

FIRST_CHECK = timedelta(seconds=5)
OPEN = ("started", "open")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a buyer chose beside the plan: a code's saving, a name for the first key, and the terms, accepted now.

    `spending_limit` is what a period may cost at most, minor units; None for no limit.

    An integrator's buyer comes back to `success_url` or `cancel_url` of theirs, not to the purchase's page.
    """

    saving: Saving | None = None
    key_name: str | None = None
    accepts_terms: bool = False
    success_url: str | None = None
    cancel_url: str | None = None
    spending_limit: int | None = None


NO_WISHES = Wishes()


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send the buyer: a hosted page, or straight to the purchase when nothing has to be paid."""

    public_id: uuid.UUID
    checkout_url: str | None
    subscription_id: int | None = None


def begin(
    buyer: Buyer,
    plan_id: int,
    *,
    payments: Payments,
    now: datetime,
    locale: str,
    livemode: bool,
    return_url: str,
    wishes: Wishes = NO_WISHES,
) -> Begun:
    """Start buying a plan, or go on with a purchase of it that is already open.

    `return_url` holds `{purchase}`, which is replaced by the purchase's public id. Raises PlanNotForSale,
    AlreadySubscribed, OtherCurrency, NotLimitable, LimitOutOfRange, PaymentsUnavailable and PaymentsRefused; after each
    of them calling again is safe.
    """
    offer = get_offer(plan_id)
    if offer is None:
        raise PlanNotForSale(f"plan {plan_id} is not for sale")
    label = find_label(offer.product_id)
    if label is None or not label.is_listed:
        raise PlanNotForSale(f"the API of plan {plan_id} is not in the market")
    if wishes.spending_limit is not None:
        check_limit(offer.terms, wishes.spending_limit)
    if offer.is_free:
        return _begin_free(buyer, offer, now, wishes)
    check_currency(buyer.account_id, offer)
    return begin_checkout(
        buyer, offer, payments=payments, now=now, locale=locale, livemode=livemode, return_url=return_url, wishes=wishes
    )


def begin_checkout(
    buyer: Buyer,
    offer: Offer,
    *,
    payments: Payments,
    now: datetime,
    locale: str,
    livemode: bool,
    return_url: str = "",
    wishes: Wishes = NO_WISHES,
) -> Begun:
    """Open a hosted page for an offer, or return the one that is open for the same. Raises as `begin` does, and AlreadyBought."""
    purchase, superseded = _intend(buyer, offer, now, wishes)
    for checkout_id in superseded:
        with suppress(PaymentsUnavailable):  # announced as well, so it is closed as soon as the provider answers
            close_checkout(checkout_id, payments)
    if purchase.checkout_url is not None:
        return Begun(purchase.public_id, purchase.checkout_url)
    checkout = _open_checkout(
        buyer, offer, purchase, payments=payments, livemode=livemode, locale=locale, url=return_url
    )
    _remember(purchase.id, checkout, now)
    return Begun(purchase.public_id, checkout.url)


def claim_first_key(account_id: int, public_id: uuid.UUID, *, now: datetime) -> bool:
    """Take the one right to make a purchase's first key; False when somebody took it before."""
    claimed = db.session.execute(
        update(Purchase)
        .where(Purchase.account_id == account_id, Purchase.public_id == public_id, Purchase.key_issued_at.is_(None))
        .values(key_issued_at=now)
        .returning(Purchase.id)
    )
    return claimed.first() is not None


def _begin_free(buyer: Buyer, offer: Offer, now: datetime, wishes: Wishes) -> Begun:
    with transaction() as session:
        if wishes.accepts_terms:
            accept(buyer, now=now)
        subscription_id = start_free(buyer.account_id, offer, now=now)
        purchase = Purchase(
            account_id=buyer.account_id,
            user_id=buyer.user_id,
            product_id=offer.product_id,
            plan_id=offer.plan_id,
            price_id=offer.price_id,
            status="complete",
            subscription_id=subscription_id,
            key_name=wishes.key_name,
            created_at=now,
            updated_at=now,
        )
        session.add(purchase)
        derive(subscription_id, now=now)
        session.flush()  # the database makes the public id
        public_id = purchase.public_id
    return Begun(public_id, None, subscription_id)


def _intend(buyer: Buyer, offer: Offer, now: datetime, wishes: Wishes) -> tuple[Purchase, list[str]]:
    """Write the intent, or find the open one for the same plan. Returns it with checkout pages it replaces."""
    superseded: list[str] = []
    saving = wishes.saving
    with transaction() as session:
        lock_account(buyer.account_id)
        if wishes.accepts_terms:
            accept(buyer, now=now)
        _refuse_twice(buyer.account_id, offer, now)
        open_one = session.scalars(
            select(Purchase).where(
                Purchase.account_id == buyer.account_id,
                Purchase.product_id == offer.product_id,
                Purchase.status.in_(OPEN),
            )
        ).one_or_none()
        if open_one is not None:
            is_same = (
                open_one.price_id,
                open_one.stripe_promotion_id,
                open_one.success_url,
                open_one.cancel_url,
            ) == (offer.price_id, saving.promotion_id if saving else None, wishes.success_url, wishes.cancel_url)
            if is_same and _is_usable(open_one, now):
                open_one.key_name = wishes.key_name or open_one.key_name
                open_one.spending_limit = wishes.spending_limit
                return open_one, []
            open_one.status, open_one.updated_at = "canceled", now
            if open_one.stripe_checkout_id:
                superseded.append(open_one.stripe_checkout_id)
                announce(
                    "checkout.superseded", open_one.stripe_checkout_id, {"checkout_id": open_one.stripe_checkout_id}
                )
            session.flush()  # the unique index must see the old intent closed before the new one is written
        purchase = Purchase(
            account_id=buyer.account_id,
            user_id=buyer.user_id,
            product_id=offer.product_id,
            plan_id=offer.plan_id,
            price_id=offer.price_id,
            trial_days=0 if had_trial(buyer.account_id, offer.product_id) else offer.terms.trial_days,
            status="started",
            key_name=wishes.key_name,
            spending_limit=wishes.spending_limit,
            promotion_code=saving.code if saving else None,
            stripe_promotion_id=saving.promotion_id if saving else None,
            first_amount=saving.reduced.amount if saving else None,
            app_id=buyer.app_id,
            one_time=offer.terms.one_time,
            success_url=wishes.success_url,
            cancel_url=wishes.cancel_url,
            created_at=now,
            updated_at=now,
        )
        session.add(purchase)
        session.flush()
    return purchase, superseded


def _refuse_twice(account_id: int, offer: Offer, now: datetime) -> None:
    if offer.terms.one_time:
        bought = find_bought(account_id, list(list_features_of(offer.product_id, offer.plan_id)), now)
        if bought is not None:
            raise AlreadyBought(bought.valid_to)
        return
    live = find_live(account_id, offer.product_id)
    if live is not None and live.stripe_subscription_id is not None:
        raise AlreadySubscribed(live.id)


def _is_usable(purchase: Purchase, now: datetime) -> bool:
    return purchase.checkout_expires_at is None or purchase.checkout_expires_at > now + timedelta(minutes=2)


def _open_checkout(
    buyer: Buyer, offer: Offer, purchase: Purchase, *, payments: Payments, livemode: bool, locale: str, url: str
) -> Checkout:
    customer_id = ensure_customer(buyer, payments, livemode=livemode)
    if buyer.organisation_id is not None:
        tell_if_behind(buyer.organisation_id, buyer.account_id, payments=payments, livemode=livemode)
    price_id = ensure_price(offer, payments)
    page = url.replace("{purchase}", str(purchase.public_id))
    return payments.start_checkout(
        CheckoutRequest(
            intent=f"purchase:{purchase.public_id}:{purchase.attempt}",
            customer_id=customer_id,
            price_id=price_id,
            quantity=1,
            trial_days=purchase.trial_days,
            success_url=purchase.success_url or f"{page}?back=1",
            cancel_url=purchase.cancel_url or f"{page}?left=1",
            locale=locale,
            metadata={"purchase": str(purchase.public_id), "account": str(buyer.account_id)},
            promotion_id=purchase.stripe_promotion_id,
            one_time=purchase.one_time,
        )
    )


def _remember(purchase_id: int, checkout: Checkout, now: datetime) -> None:
    with transaction() as session:
        session.execute(
            update(Purchase)
            .where(Purchase.id == purchase_id, Purchase.status == "started")
            .values(
                status="open",
                stripe_checkout_id=checkout.id,
                checkout_url=checkout.url,
                checkout_expires_at=checkout.expires_at,
                next_check_at=now + FIRST_CHECK,
                updated_at=now,
            )
        )


def close_checkout(checkout_id: str, payments: Payments) -> None:
    """Close a page that another purchase replaced, so that nobody pays twice. Raises PaymentsUnavailable.

    A page that was paid or has expired refuses; a payment on it arrives as an event and is worked like any other.
    """
    with suppress(PaymentsRefused):
        payments.expire_checkout(checkout_id)
