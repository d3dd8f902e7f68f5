"""Which event leads to which object. Twenty-odd event types collapse into a handful of sync functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from portal.payments.refusals import sync_setup
from portal.payments.syncing import (
    Also,
    Syncing,
    sync_charge,
    sync_checkout,
    sync_dispute,
    sync_invoice,
    sync_payment,
    sync_refund,
    sync_subscription,
)

Sync = Callable[[str, Syncing, Also], object]

_BY_OBJECT: dict[str, Sync] = {
    "subscription": sync_subscription,
    "checkout.session": sync_checkout,
    "invoice": sync_invoice,
    "payment_intent": sync_payment,
    "charge": sync_charge,
    "refund": sync_refund,
    "dispute": sync_dispute,
    "setup_intent": sync_setup,
}
_PREFIXES = (
    "customer.subscription.",
    "checkout.session.",
    "invoice.",
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "charge.refunded",
    "charge.dispute.",
    "refund.",
    "charge.refund.",
    "setup_intent.setup_failed",
)


def sync_for(event_type: str, object_type: str | None) -> Sync | None:
    """Return the function that makes our rows agree with the event's object; None when it is not our business.

    The event only says *which* object changed. Its own picture of the object is never used: it may be old.
    """
    if not event_type.startswith(_PREFIXES) or event_type == "invoice.upcoming":
        return None
    return _BY_OBJECT.get(object_type or "")


class Delivered(Protocol):
    """What the decision needs to know of a delivery."""

    @property
    def type(self) -> str: ...
    @property
    def object_type(self) -> str | None: ...
    @property
    def object_id(self) -> str | None: ...
    @property
    def livemode(self) -> bool: ...
    @property
    def connected_account(self) -> str | None: ...


def why_ignored(delivery: Delivered, *, livemode: bool) -> str | None:
    """Return why a delivery needs no work, or None. Known from the delivery alone, so the intake decides already."""
    if delivery.livemode != livemode:
        return "live and test mode do not mix"
    if delivery.connected_account is not None:
        return "connected accounts are not served by this endpoint"
    if delivery.object_id is None or sync_for(delivery.type, delivery.object_type) is None:
        return "not an event we act on"
    return None
