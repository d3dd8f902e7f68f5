"""The discount a subscription has at the provider: the mirror, and reading it. Callers of the mirror hold the unit of work."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from portal.db import db
from portal.kit.money import Money
from portal.payments.models import SubscriptionDiscount
from portal.ports.promotions import Discount, HeldDiscount


def mirror_discount(session: Session, account_id: int, subscription_id: int, held: HeldDiscount | None) -> None:
    """Make our row equal to what the provider said of a subscription."""
    if held is None:
        session.execute(delete(SubscriptionDiscount).where(SubscriptionDiscount.subscription_id == subscription_id))
        return
    discount = held.discount
    values: dict[str, Any] = {
        "code": held.code,
        "percent_off": discount.percent_off,
        "amount_off": discount.amount_off.amount if discount.amount_off else None,
        "currency": discount.amount_off.currency if discount.amount_off else None,
        "ends_at": held.ends_at,
        "is_once": discount.duration == "once",
        "products": sorted(discount.products) if discount.products is not None else None,
    }
    statement = insert(SubscriptionDiscount).values(subscription_id=subscription_id, account_id=account_id, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["subscription_id"], set_=values))


def find_discount(account_id: int, subscription_id: int) -> HeldDiscount | None:
    """Return the discount that lowers a subscription's next charge, if there is one."""
    row = db.session.scalars(
        select(SubscriptionDiscount).where(
            SubscriptionDiscount.account_id == account_id, SubscriptionDiscount.subscription_id == subscription_id
        )
    ).one_or_none()
    if row is None:
        return None
    discount = Discount(
        duration="once" if row.is_once else "forever" if row.ends_at is None else "repeating",
        percent_off=row.percent_off,
        amount_off=Money(row.amount_off, row.currency) if row.amount_off is not None and row.currency else None,
        products=frozenset(row.products) if row.products is not None else None,
    )
    return HeldDiscount(row.code, discount, row.ends_at)
