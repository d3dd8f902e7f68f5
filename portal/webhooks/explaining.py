"""From a right back to what the payment provider said: the subscription or payment behind it, and the events about it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, tuple_

from portal.db import SYSTEM, scoped
from portal.entitlements.queries import explain
from portal.entitlements.types import Explanation
from portal.payments.queries import PaidFor, list_paid_for
from portal.webhooks.models import WebhookEvent

MOST_EVENTS = 20


@dataclass(frozen=True, slots=True)
class Heard:
    """An event that was delivered about an object. `state` says how far it was worked."""

    id: str
    type: str
    object_id: str
    received_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Chain:
    """Why somebody may or may not use a feature, with the provider's objects and events behind it."""

    explanation: Explanation
    payments: tuple[PaidFor, ...]
    events: dict[str, tuple[Heard, ...]]

    def events_of(self, *object_ids: str | None) -> list[Heard]:
        """Return the events about some of the provider's objects, the newest first."""
        found = [heard for one in object_ids if one for heard in self.events.get(one, ())]
        return sorted(found, key=lambda heard: heard.received_at, reverse=True)[:MOST_EVENTS]


def chain_of(account_id: int, feature_id: int, at: datetime) -> Chain:
    """Return the whole chain from a right to its events. The caller acts for the account."""
    found = explain(account_id, feature_id, at)
    payments = tuple(list_paid_for(account_id))
    objects = {("subscription", cause.stripe_subscription_id) for cause in found.causes}
    for one in payments:
        objects |= {("payment_intent", one.stripe_payment_id), ("checkout.session", one.stripe_checkout_id)}
        objects.add(("invoice", one.stripe_invoice_id))
    return Chain(found, payments, _heard({(kind, name) for kind, name in objects if name}))


def _heard(objects: Collection[tuple[str, str]]) -> dict[str, tuple[Heard, ...]]:
    """Read the inbox, which belongs to nobody's account, for objects that are known to be the account's own."""
    found: dict[str, tuple[Heard, ...]] = {}
    with scoped(SYSTEM) as session:
        rows = session.execute(
            select(
                WebhookEvent.external_id,
                WebhookEvent.type,
                WebhookEvent.object_id,
                WebhookEvent.received_at,
                WebhookEvent.state,
            )
            .where(tuple_(WebhookEvent.object_type, WebhookEvent.object_id).in_(objects))
            .order_by(WebhookEvent.id.desc())
            .limit(200)
        ).all()
    for row in rows:
        heard = Heard(row.external_id, row.type, row.object_id, row.received_at, row.state)
        found[row.object_id] = (*found.get(row.object_id, ()), heard)
    return found
