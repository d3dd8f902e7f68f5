"""Comparing what stands beside subscriptions: strangers at the provider, customers, invoices, prices, deliveries, sums, keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.kit.clock import isoformat_z
from portal.kit.money import Money
from portal.ports.billing import Customer, InvoiceSnapshot, PriceSnapshot, SubscriptionSnapshot
from portal.ports.gateway import KnownKey
from portal.reconciliation.types import Difference, Mismatch, Repair, Shown
from portal.subscriptions.types import LIVE

STUCK_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Stranger:
    """What we know about a subscription of the provider's that we do not hold.

    `rival` is the provider's id of another live one that its account has for the same product.
    """

    account_id: int | None
    price: Money | None
    product_id: int | None
    rival: str | None


@dataclass(frozen=True, slots=True)
class OurCustomer:
    """Whom we map to a customer of the provider. `is_told` is false while a change of the address is on its way."""

    account_id: int
    customer_id: str
    email: str | None
    is_told: bool
    has_live: bool
    is_organisation: bool


@dataclass(frozen=True, slots=True)
class OurInvoice:
    """An invoice as we mirrored it."""

    stripe_invoice_id: str
    status: str
    total: int


@dataclass(frozen=True, slots=True)
class OurPrice:
    """A price that the provider knows from us. `is_used`: it is for sale, or somebody pays it."""

    id: int
    stripe_price_id: str
    amount: Money
    interval: str | None
    interval_count: int
    is_used: bool


@dataclass(frozen=True, slots=True)
class OurKey:
    """An API key; `opens` is true while it is neither revoked nor expired and a right supports it."""

    id: int
    opens: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery in the inbox that is not done. `tried_at` is when its next try is or was due."""

    id: int
    state: str
    type: str
    received_at: datetime
    last_error: str | None
    tried_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HourSums:
    """Calls of one hour of a subscription: counted, billable, refused or failed."""

    calls: int
    billable: int
    errors: int


def compare_stranger(theirs: SubscriptionSnapshot, known: Stranger) -> Iterator[Mismatch]:
    """Judge a subscription that only the provider has. What has ended there, or never begun, is nobody's loss."""
    if theirs.status not in LIVE:
        return
    subject, shown = f"stripe-subscription:{theirs.id}", (Difference("status", None, theirs.status),)
    if known.account_id is None:
        reference = theirs.metadata.get("account")
        whom = (Difference("customer", reference, theirs.customer_id),)
        yield Mismatch("CUSTOMER_UNMAPPED", subject, whom, "unknown_customer", at_risk=known.price)
    elif known.product_id is None:
        yield Mismatch("SUB_MISSING_LOCAL", subject, shown, "unknown_price", at_risk=known.price)
    elif known.rival is not None:
        both = (Difference("subscription", known.rival, theirs.id),)
        yield Mismatch("SUB_DUPLICATE_LIVE", subject, both, "bought_twice", at_risk=known.price)
    else:
        yield Mismatch("SUB_MISSING_LOCAL", subject, shown, "event_lost", ("sync_from_stripe",), known.price)


def compare_customer(ours: OurCustomer, theirs: Customer | None) -> Iterator[Mismatch]:
    """Judge a customer; None is one that the provider does not know (any more)."""
    subject = f"customer:{ours.customer_id}"
    if theirs is None or theirs.deleted:
        if ours.has_live:
            gone = (Difference("customer", ours.customer_id, None),)
            yield Mismatch("CUSTOMER_DELETED", subject, gone, "deleted_there")
        return
    if theirs.reference not in (None, str(ours.account_id)):
        named = (Difference("account", str(ours.account_id), theirs.reference),)
        yield Mismatch("CUSTOMER_UNMAPPED", subject, named, "other_account")
    if ours.is_told and ours.email and theirs.email and ours.email.lower() != theirs.email.lower():
        mails = (Difference("email", ours.email, theirs.email),)
        repairs: tuple[Repair, ...] = ("tell_billing",) if ours.is_organisation else ()
        yield Mismatch("EMAIL_DIFF", subject, mails, "changed_there", repairs)


def compare_invoice(ours: OurInvoice | None, theirs: InvoiceSnapshot) -> Iterator[Mismatch]:
    """Judge an invoice of the provider's against our mirror of it. Drafts may come and go."""
    subject = f"invoice:{theirs.id}"
    repairs: tuple[Repair, ...] = ("sync_from_stripe",)
    if theirs.status == "draft":
        return
    if ours is None:
        missing = (Difference("total", None, theirs.total), Difference("status", None, theirs.status))
        at_risk = Money(theirs.total, theirs.currency)
        yield Mismatch("INV_MISSING", subject, missing, "event_lost", repairs, at_risk)
        return
    if ours.status != theirs.status:
        statuses = (Difference("status", ours.status, theirs.status),)
        at_risk = Money(theirs.total, theirs.currency)
        yield Mismatch("INV_STATUS_DIFF", subject, statuses, "event_lost", repairs, at_risk)
    if ours.total != theirs.total:
        totals = (Difference("total", ours.total, theirs.total),)
        at_risk = Money(abs(ours.total - theirs.total), theirs.currency)
        yield Mismatch("INV_TOTAL_DIFF", subject, totals, "unexplained", repairs, at_risk)


def compare_price(ours: OurPrice, theirs: PriceSnapshot | None) -> Iterator[Mismatch]:
    """Judge a price. Nothing repairs it: what is charged is changed by people, by publishing a new price."""
    subject = f"price:{ours.id}"
    if theirs is None:
        gone = (Difference("price", ours.stripe_price_id, None),)
        yield Mismatch("PRICE_DRIFT", subject, gone, "deleted_there", at_risk=ours.amount if ours.is_used else None)
        return
    pairs: tuple[tuple[str, Shown, Shown], ...] = (
        ("amount", ours.amount.amount, theirs.amount.amount if theirs.amount else None),
        ("currency", ours.amount.currency, theirs.amount.currency if theirs.amount else None),
        ("interval", _every(ours), _every(theirs)),
    )
    different = tuple(Difference(*pair) for pair in pairs if pair[1] != pair[2])
    if different:
        yield Mismatch("PRICE_DRIFT", subject, different, "changed_there", at_risk=_apart(ours, theirs))
    if ours.is_used and not theirs.is_active:
        active = (Difference("active", True, False),)
        yield Mismatch("PRICE_INACTIVE_IN_USE", subject, active, "changed_there", at_risk=ours.amount)


def compare_delivery(one: Delivery, now: datetime) -> Iterator[Mismatch]:
    """Judge a delivery that is not done: given up, or waiting longer than anything should."""
    state = (Difference("state", one.state, "done"), Difference("type", one.type, one.type))
    again: tuple[Repair, ...] = ("replay_event",)
    if one.state == "dead":
        yield Mismatch("EVENT_DEAD", f"event:{one.id}", state, "event_failed", again)
    elif now - one.received_at > STUCK_AFTER:
        yield Mismatch("EVENT_STUCK", f"event:{one.id}", state, "event_undone", again)


def compare_hour(subscription_id: int, hour: datetime, kept: HourSums, counted: HourSums) -> Iterator[Mismatch]:
    """Judge the sums of one hour against the log they were made from."""
    pairs = (
        ("calls", kept.calls, counted.calls),
        ("billable", kept.billable, counted.billable),
        ("errors", kept.errors, counted.errors),
    )
    different = tuple(Difference(*pair) for pair in pairs if pair[1] != pair[2])
    if different:
        subject = f"usage:{subscription_id}:{isoformat_z(hour)}"
        yield Mismatch("USAGE_ROLLUP_DIFF", subject, different, "sums_behind", ("recompute_usage",))


def compare_key(ours: OurKey, known: KnownKey | None) -> Iterator[Mismatch]:
    """Judge a key against the gateway's own copy; None is one that the gateway does not hold."""
    opens_there = known is not None and known.is_let_in
    if ours.opens == opens_there:
        return
    difference = (Difference("opens", ours.opens, opens_there),)
    repairs: tuple[Repair, ...] = ("admit_key",) if ours.opens else ("refuse_key",)
    if ours.opens and known is None:
        repairs = ()  # the key's text is gone: only a new key can be given to a gateway that must hold it
    yield Mismatch("API_KEY_ORPHAN", f"key:{ours.id}", difference, "gateway_behind", repairs)


def _every(price: OurPrice | PriceSnapshot) -> str | None:
    """Return how often a price is paid; None for once."""
    return f"{price.interval_count} {price.interval}" if price.interval else None


def _apart(ours: OurPrice, theirs: PriceSnapshot) -> Money | None:
    if theirs.amount is None or theirs.amount.currency != ours.amount.currency:
        return ours.amount
    return Money(abs(ours.amount.amount - theirs.amount.amount), ours.amount.currency)
