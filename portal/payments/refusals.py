"""A card that the bank refuses to keep: the purchase of the trial says so, while its page can still be completed.

The provider's attempt names the customer and nothing else of ours: a page for a subscription takes no metadata for its
attempt, is not found by it, and does not show it before it is complete. So the one open purchase that can be meant is
marked, and where there are two, none is told a guess. Payments that are refused are noted in `paid.py` by the same rule.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.db import SYSTEM, in_transaction
from portal.payments.models import Purchase
from portal.payments.syncing import Also, Syncing, add_nothing
from portal.ports.billing import SetupSnapshot
from portal.ports.payments import NotAtProvider
from portal.projects.queries import find_account_by_customer

_CLOCKS_DIFFER = timedelta(minutes=1)  # at most: ours, and the provider's


def sync_setup(stripe_setup_id: str, syncing: Syncing, also: Also = add_nothing) -> None:
    """Note on the purchase of a trial that the bank refused the card which the trial would have ended on."""
    try:
        setup = syncing.payments.fetch_setup(stripe_setup_id)
    except NotAtProvider:
        in_transaction(also, scope=SYSTEM)
        return
    in_transaction(lambda session: _note_refusal(session, setup, syncing, also), scope=SYSTEM)


def _note_refusal(session: Session, setup: SetupSnapshot, syncing: Syncing, also: Also) -> None:
    """Only a trial keeps a card without charging it, and only for an attempt that began after the purchase."""
    account_id = find_account_by_customer(setup.customer_id) if setup.customer_id else None
    if account_id is not None and setup.refusal is not None:
        opened = select(Purchase).where(Purchase.account_id == account_id, Purchase.status == "open")
        latest = setup.created_at + _CLOCKS_DIFFER
        meant = [one for one in session.scalars(opened) if one.trial_days and one.created_at <= latest]
        if len(meant) == 1:
            meant[0].failure, meant[0].updated_at = setup.refusal, syncing.clock.now()
    also(session)
