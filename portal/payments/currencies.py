"""One organisation, one currency: the provider bills a customer in one for as long as anything of theirs runs in it."""

from __future__ import annotations

from portal.payments.errors import OtherCurrency
from portal.pricing.queries import get_offer_of_price
from portal.pricing.types import Offer
from portal.subscriptions.queries import list_for_account


def find_currency(account_id: int) -> str | None:
    """Return what an account pays in as long as its present subscriptions run, None while it pays nothing."""
    paid = (one for one in list_for_account(account_id) if not one.has_ended and not one.is_free)
    first = next(paid, None)
    return get_offer_of_price(first.price_id).terms.currency if first else None


def other_currency(account_id: int, offer: Offer) -> str | None:
    """Return the currency that an account pays in when an offer cannot be bought beside it, None when it can."""
    known = None if offer.is_free else find_currency(account_id)
    return None if known == offer.terms.currency else known


def check_currency(account_id: int, offer: Offer) -> None:
    """Make sure that an offer can be bought beside what an account has. Raises OtherCurrency."""
    known = other_currency(account_id, offer)
    if known is not None:
        raise OtherCurrency(known)
