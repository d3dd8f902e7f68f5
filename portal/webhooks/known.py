"""What our rows know about the object of a delivery: whose it is, and how it stands here."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text

from portal.db import db


@dataclass(frozen=True, slots=True)
class Known:
    """The row that mirrors an object. `status` is our word for it; `organisation` is None for accounts without one."""

    status: str
    account_id: int
    organisation: str | None


_MIRRORS = {
    "subscription": ("subscriptions", "stripe_subscription_id"),
    "invoice": ("stripe_invoices", "stripe_invoice_id"),
    "checkout.session": ("purchases", "stripe_checkout_id"),
    "payment_intent": ("payments", "stripe_payment_id"),
    "refund": ("refunds", "stripe_refund_id"),
    "dispute": ("disputes", "stripe_dispute_id"),
}


def find_known(object_type: str | None, object_id: str | None) -> Known | None:
    """Return what we hold about a provider's object, or None."""
    mirror = _MIRRORS.get(object_type or "")
    if mirror is None or object_id is None:
        return None
    table, column = mirror
    statement = text(
        f"SELECT m.status, a.id, o.name FROM {table} m JOIN accounts a ON a.id = m.account_id"  # noqa: S608 - ours
        f" LEFT JOIN organisations o ON o.id = a.organisation_id WHERE m.{column} = :id"
    )
    row = db.session.execute(statement, {"id": object_id}).first()
    return None if row is None else Known(*row)
