"""What is shut is not sold: payment pages that are open for it are closed before somebody pays for refused calls."""

from __future__ import annotations

from sqlalchemy import select

from portal.catalog.labels import find_label_of_api
from portal.db import db
from portal.outbox.service import announce
from portal.payments.models import Purchase


def withdraw(api_id: int) -> int:
    """Announce the closing of every open payment page of a blocked API; return how many are new.

    The purchase is settled as expired once the provider has closed its page, or as bought when somebody was faster.
    Nothing for an API that is open again. Callers hold the unit of work.
    """
    label = find_label_of_api(api_id)
    if label is None or not label.is_blocked:
        return 0
    opened = select(Purchase.stripe_checkout_id).where(
        Purchase.product_id == label.product_id, Purchase.status == "open", Purchase.stripe_checkout_id.is_not(None)
    )
    return sum(announce("checkout.superseded", str(one), {"checkout_id": one}) for one in db.session.scalars(opened))
