"""Which purchase a refused card belongs to, as exactly as the provider lets us know.

What is bought once carries our id on the attempt to pay. A page for a subscription does not: it takes no metadata for its
attempt (`payment_intent_data` and `setup_intent_data` belong to other modes), shows no attempt before it is complete,
and the attempt names neither page nor invoice, for both come into being when it succeeds. What is left are the customer,
the amount and the time: an attempt that began before a purchase is not of it. Where two can still be meant, none is told
a guess: both are told that it may be theirs, until the attempt succeeds or one of them is known.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from portal.payments.models import Purchase

CLOCKS_DIFFER = timedelta(minutes=1)  # at most: ours, and the provider's


def note_refusal(
    session: Session,
    account_id: int,
    attempt_id: str,
    refusal: str | None,
    *,
    began_at: datetime,
    named: Purchase | None,
    fits: Callable[[Purchase], bool],
    now: datetime,
) -> None:
    """Mark the open purchase that a refused attempt belongs to, or every one that it may belong to.

    `named` is the purchase that the attempt itself names, `fits` whether one asks for what the attempt is about. An
    attempt that is not refused (any more) clears the doubt that it cast.
    """
    doubted = (Purchase.account_id == account_id, Purchase.status == "open", Purchase.doubted_attempt == attempt_id)
    session.execute(update(Purchase).where(*doubted).values(doubted_attempt=None))
    if refusal is None:
        return
    meant = [named] if named is not None else _suspects(session, account_id, began_at, fits)
    for one in meant:
        one.updated_at = now
        if len(meant) > 1:
            one.doubted_attempt = attempt_id
        elif one.status == "open":
            one.failure, one.doubted_attempt = refusal, None


def _suspects(
    session: Session, account_id: int, began_at: datetime, fits: Callable[[Purchase], bool]
) -> list[Purchase]:
    opened = select(Purchase).where(
        Purchase.account_id == account_id,
        Purchase.status == "open",
        Purchase.one_time.is_(False),
        Purchase.created_at <= began_at + CLOCKS_DIFFER,
    )
    return [one for one in session.scalars(opened, execution_options={"populate_existing": True}) if fits(one)]
