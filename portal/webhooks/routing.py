"""Which event leads to which object. Twenty-odd event types collapse into a handful of sync functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

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
    return _BY_OBJECT.get(object_type or "") if _is_ours(event_type) else None


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


class End(NamedTuple):
    """How a delivery ends without work: `ignored` is no concern of ours, `quarantined` would be, could we read it."""

    state: Literal["ignored", "quarantined"]
    reason: str


def end_without_work(delivery: Delivered, *, livemode: bool, flaw: str | None = None) -> End | None:
    """Return how a delivery ends that needs no work, or None. Known from itself alone, so the intake decides already."""
    if delivery.livemode != livemode:
        return End("ignored", "live and test mode do not mix")
    if delivery.connected_account is not None:
        return End("ignored", "connected accounts are not served by this endpoint")
    if not _is_ours(delivery.type):
        return End("ignored", "not an event we act on")
    if flaw is not None or not delivery.object_id:
        return End("quarantined", flaw or "it names no object by its id")
    if sync_for(delivery.type, delivery.object_type) is None:
        return End("quarantined", "it is about an object of an unexpected kind")
    return None


def _is_ours(event_type: str) -> bool:
    return event_type.startswith(_PREFIXES) and event_type != "invoice.upcoming"
