"""Keeping the provider's customer equal to what an organisation says about whom to bill.

A change is announced with the change itself and told by a reaction; a purchase tells it first when that is still
waiting, because the first invoice is finished the moment somebody pays. Telling twice changes nothing. Whoever tells an
old version late looks again afterwards and tells the new one, so the last word is always the present one.
"""

from __future__ import annotations

from portal.db import SYSTEM, scoped, transaction
from portal.identity.billing import get_billing
from portal.identity.tax_numbers import kind_of
from portal.identity.types import Billing
from portal.outbox.service import Pending
from portal.ports.billing import BillingIdentity
from portal.ports.payments import NotAtProvider, Payments, PaymentsRefused
from portal.projects.queries import find_account_id, find_account_mail, find_told
from portal.projects.service import note_told

_MOST_LOOKS = 5


def tell(organisation_id: int, *, payments: Payments, livemode: bool) -> None:
    """Tell the provider whom to bill, if it bills this organisation at all.

    Raises PaymentsUnavailable and PaymentsRefused; a tax number that the provider does not take is noted instead.
    """
    for _look in range(_MOST_LOOKS):
        with scoped(SYSTEM):
            said, account_id = get_billing(organisation_id), find_account_id(organisation_id)
            told = find_told(account_id, livemode=livemode) if account_id is not None else None
            mail = find_account_mail(account_id) if account_id is not None else None
        if account_id is None or told is None:
            return  # the first purchase makes the customer and tells it
        problem = _say(told.customer_id, identity_of(said, mail), payments)
        with transaction(SYSTEM):
            note_told(account_id, livemode, said.version, problem)
            is_last_word = get_billing(organisation_id).version == said.version
        if is_last_word:
            return
    raise Pending("the billing details change faster than they can be told")


def tell_if_behind(organisation_id: int, account_id: int, *, payments: Payments, livemode: bool) -> None:
    """Tell the provider before money moves what it has not been told yet. Raises as `tell` does."""
    with scoped(SYSTEM):
        told = find_told(account_id, livemode=livemode)
        is_behind = told is not None and told.version < get_billing(organisation_id).version
    if is_behind:
        tell(organisation_id, payments=payments, livemode=livemode)


def identity_of(said: Billing, mail: str | None) -> BillingIdentity:
    """Return an organisation's billing details as the provider takes them. `mail` stands in for an address for invoices."""
    kind = kind_of(said.country)
    return BillingIdentity(
        name=said.shown_name,
        email=said.email or mail,
        line1=said.line1,
        line2=said.line2,
        postal_code=said.postal_code,
        city=said.city,
        state=said.state,
        country=said.country,
        tax_number=(kind, said.tax_number) if kind and said.tax_number else None,
    )


def _say(customer_id: str, identity: BillingIdentity, payments: Payments) -> str | None:
    """Say it; return what was not taken."""
    try:
        payments.set_billing_identity(customer_id, identity)
    except NotAtProvider:
        return None  # the customer was deleted there: nobody is billed any more
    except PaymentsRefused as refusal:
        if refusal.code != "tax_id_invalid":
            raise
        return "tax_number"
    return None
