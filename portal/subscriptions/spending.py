"""A buyer's own limit of money per period, and the calls that it stands for. Callers hold the unit of work.

Money is what the buyer means, calls are what a gateway can stop at. Both stand in the subscription's row and the calls
are worked out anew whenever the price is written, so they never speak of different prices (docs/adr/0038).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from portal.audit.service import record
from portal.db import db
from portal.pricing.queries import get_offer_of_price
from portal.pricing.rules import MAX_AMOUNT, MAX_QUANTITY
from portal.pricing.spending import calls_within
from portal.pricing.types import PriceTerms
from portal.subscriptions.errors import LimitOutOfRange, NotLimitable, UnknownSubscription
from portal.subscriptions.models import Subscription
from portal.subscriptions.types import LIVE, SpendingLimit

UNREACHED = MAX_QUANTITY
"""What the row holds as the calls of a limit that no volume reaches: more than anybody can be billed for."""


def check_limit(terms: PriceTerms, amount: int) -> None:
    """Raise NotLimitable or LimitOutOfRange unless a buyer may set this limit on such a price."""
    if terms.usage_model is None:
        raise NotLimitable("calls beyond the included ones cost nothing here")
    if not terms.amount <= amount <= MAX_AMOUNT:
        raise LimitOutOfRange(terms.amount, MAX_AMOUNT)


def limit_on(terms: PriceTerms, amount: int) -> SpendingLimit:
    """Return what a limit of `amount` minor units means on a price.

    A change of plan may bring a fee above the limit. No limit can save that fee, so it stands for the calls that cost
    nothing more than the fee: those that the plan includes.
    """
    return SpendingLimit(amount, calls_within(terms, max(amount, terms.amount)))


def calls_on(terms: PriceTerms, amount: int | None) -> int | None:
    """Return what the row holds as the calls of a limit, None without a limit."""
    if amount is None:
        return None
    calls = limit_on(terms, amount).calls
    return UNREACHED if calls is None else calls


def spending_of(row: Subscription | Row[Any]) -> SpendingLimit | None:
    """Return the limit of a subscription, or of a row that holds its columns."""
    if row.spending_limit is None or row.spending_calls is None:
        return None
    return SpendingLimit(row.spending_limit, row.spending_calls if row.spending_calls < UNREACHED else None)


def set_limit(
    account_id: int, subscription_id: int, amount: int | None, *, actor: str, organisation_id: int | None
) -> SpendingLimit | None:
    """Set or remove (None) the limit of a live subscription; return what holds now. The same again changes nothing.

    Raises UnknownSubscription, also for one that has ended; NotLimitable and LimitOutOfRange.
    """
    row = _lock_live(account_id, subscription_id)
    if row is None:
        raise UnknownSubscription(f"no live subscription {subscription_id} in account {account_id}")
    if amount != row.spending_limit:
        terms = get_offer_of_price(row.price_id).terms
        if amount is not None:
            check_limit(terms, amount)
        _write(row, terms, amount, actor, organisation_id)
    return spending_of(row)


def begin_limit(account_id: int, subscription_id: int, amount: int, *, actor: str, organisation_id: int | None) -> None:
    """Give a subscription that has just been bought the limit that was wished for; one that has a limit keeps it."""
    row = _lock_live(account_id, subscription_id)
    if row is not None and row.spending_limit is None:
        _write(row, get_offer_of_price(row.price_id).terms, amount, actor, organisation_id)


def _lock_live(account_id: int, subscription_id: int) -> Subscription | None:
    # As mirroring does before it reads the limit: neither can miss what the other writes.
    meant = select(Subscription).where(
        Subscription.id == subscription_id, Subscription.account_id == account_id, Subscription.status.in_(LIVE)
    )
    return db.session.scalars(meant.with_for_update(), execution_options={"populate_existing": True}).one_or_none()


def _write(row: Subscription, terms: PriceTerms, amount: int | None, actor: str, organisation_id: int | None) -> None:
    before = row.spending_limit
    row.spending_limit, row.spending_calls = amount, calls_on(terms, amount)
    db.session.flush()  # whoever reads next sees it; the gateways are told at commit, by the row's own trigger
    record(
        "subscription.spending_limit",
        f"subscription:{row.id}",
        actor=actor,
        organisation_id=organisation_id,
        before={"spending_limit": before},
        after={"spending_limit": amount, "calls": row.spending_calls},
    )
