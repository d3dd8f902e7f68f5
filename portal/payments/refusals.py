"""A card that the bank refuses to keep: the purchase of the trial says so, while its page can still be completed.

The provider's attempt names the customer and nothing else of ours; `suspects.py` says what can be known. Payments that
are refused are noted in `paid.py` by the same rule.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from portal.db import SYSTEM, in_transaction
from portal.payments.suspects import note_refusal
from portal.payments.syncing import Also, Syncing, add_nothing
from portal.ports.billing import SetupSnapshot
from portal.ports.payments import NotAtProvider
from portal.projects.queries import find_account_by_customer


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
    if account_id is not None:
        note_refusal(
            session,
            account_id,
            setup.id,
            setup.refusal,
            began_at=setup.created_at,
            named=None,
            fits=lambda one: bool(one.trial_days),
            now=syncing.clock.now(),
        )
    also(session)
