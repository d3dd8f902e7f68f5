"""Money taken and given back, as Stripe's payment intents with what hangs on them. Imports no SDK."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from portal.adapters.stripe_snapshots import payment_of
from portal.ports.billing import PaymentPage, PaymentSnapshot


def fetch(client: Any, payment_id: str) -> PaymentSnapshot:
    """Return a payment with the invoice it is for, its refunds and its disputes."""
    found = client.v1.payment_intents.retrieve(payment_id, params={"expand": ["latest_charge"]})
    billed = client.v1.invoice_payments.list(
        params={"payment": {"type": "payment_intent", "payment_intent": payment_id}, "limit": 1}
    )
    return payment_of(
        found,
        invoice_id=_invoice_of(billed.data),
        refunds=_refunds_of(client, found),
        disputes=_disputes_of(client, found),
    )


def find_behind(client: Any, kind: Literal["charge", "refund", "dispute"], object_id: str) -> str | None:
    """Return the payment that a charge, a refund or a dispute belongs to."""
    read: dict[str, Callable[[str], Any]] = {
        "charge": client.v1.charges.retrieve,
        "refund": client.v1.refunds.retrieve,
        "dispute": client.v1.disputes.retrieve,
    }
    return _payment_id(read[kind](object_id))


def list_of(
    client: Any, kind: Literal["payment", "refund", "dispute"], *, since: datetime, after: str | None, limit: int
) -> PaymentPage:
    """Return a part of the payments that were begun, refunded or disputed at or after `since`."""
    listing: dict[str, Callable[..., Any]] = {
        "payment": client.v1.payment_intents.list,
        "refund": client.v1.refunds.list,
        "dispute": client.v1.disputes.list,
    }
    where: dict[str, Any] = {"created": {"gte": int(since.timestamp())}, "limit": limit}
    page = listing[kind](params={**where, **({"starting_after": after} if after else {})})
    named = (one.id if kind == "payment" else _payment_id(one) for one in page.data)
    ids = tuple(dict.fromkeys(one for one in named if one is not None))
    return PaymentPage(ids, page.data[-1].id if page.has_more and page.data else None)


def _refunds_of(client: Any, found: Any) -> list[Any]:
    # A refund that failed leaves the charge's sum at nothing: only the list tells of it.
    if found.status != "succeeded":
        return []
    page = client.v1.refunds.list(params={"payment_intent": found.id, "limit": 100})
    return list(page.auto_paging_iter())


def _disputes_of(client: Any, found: Any) -> list[Any]:
    if not getattr(found.latest_charge, "disputed", False):
        return []
    page = client.v1.disputes.list(params={"payment_intent": found.id, "limit": 100})
    return list(page.auto_paging_iter())


def _payment_id(found: Any) -> str | None:
    """Return the payment that something hangs on; there was a time when none had one."""
    intent = found.payment_intent
    return intent if intent is None or isinstance(intent, str) else str(intent.id)


def _invoice_of(billed: list[Any]) -> str | None:
    """Return the invoice that a payment is for."""
    invoice = billed[0].invoice if billed else None
    return invoice if invoice is None or isinstance(invoice, str) else str(invoice.id)
