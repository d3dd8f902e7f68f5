"""What the payment provider is told, and what it says of its objects.

Values are frozen snapshots in our own vocabulary. Amounts are integer minor units, instants aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from portal.kit.money import Money
from portal.kit.periods import Interval
from portal.ports.promotions import HeldDiscount


@dataclass(frozen=True, slots=True)
class Customer:
    """Whom the provider bills. `reference` is our account id; a customer of somebody else's carries another."""

    id: str
    reference: str | None
    email: str | None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class BillingIdentity:
    """Whom invoices are made out to. Lines may be empty; `country` is ISO 3166, `tax_number` has a kind of the provider's.

    Without an `email` the one that the provider knows stays.
    """

    name: str
    email: str | None
    line1: str = ""
    line2: str = ""
    postal_code: str = ""
    city: str = ""
    state: str = ""
    country: str = ""
    tax_number: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class NewPrice:
    """What a plan costs each period before usage, or once when there is no `interval`, as the provider must know it."""

    reference: str
    product_reference: str
    product_name: str
    amount: Money
    interval: Interval | None
    interval_count: int
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class PriceSnapshot:
    """A price as the provider knows it. `interval` is None for what is paid once; `amount` None for what depends on use."""

    id: str
    product_name: str
    amount: Money | None
    interval: Interval | None
    interval_count: int
    is_active: bool
    livemode: bool
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """A hosted page on which a person pays for a subscription, or once (`one_time`)."""

    intent: str
    customer_id: str
    price_id: str
    quantity: int
    trial_days: int
    success_url: str
    cancel_url: str
    locale: str
    metadata: Mapping[str, str]
    promotion_id: str | None = None
    one_time: bool = False


@dataclass(frozen=True, slots=True)
class Checkout:
    """State of a hosted page.

    `status`: open, complete, expired. `payment_status`: paid, unpaid, no_payment_required.
    """

    id: str
    url: str | None
    status: str
    payment_status: str
    subscription_id: str | None
    customer_id: str | None
    expires_at: datetime | None
    metadata: Mapping[str, str] = field(default_factory=dict)
    payment_id: str | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionSnapshot:
    """A subscription as the provider sees it at one moment. Periods are half-open."""

    id: str
    customer_id: str
    status: str
    price_id: str
    quantity: int
    current_period_start: datetime
    current_period_end: datetime
    trial_end: datetime | None
    cancel_at: datetime | None
    cancel_at_period_end: bool
    canceled_at: datetime | None
    ended_at: datetime | None
    latest_invoice_id: str | None
    livemode: bool
    metadata: Mapping[str, str] = field(default_factory=dict)
    schedule_id: str | None = None
    discount: HeldDiscount | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionPage:
    """A part of the list of all subscriptions; `next_after` leads to the next part, None ends it."""

    subscriptions: tuple[SubscriptionSnapshot, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One line of an invoice that does not exist yet; negative when it gives something back."""

    description: str
    amount: int


@dataclass(frozen=True, slots=True)
class ChangePreview:
    """What a change of price would ask for at once, minor units. `amount_due` is `total` less credit held already."""

    currency: str
    lines: tuple[PreviewLine, ...]
    total: int
    amount_due: int


@dataclass(frozen=True, slots=True)
class InvoiceSnapshot:
    """An invoice as the provider sees it. `status`: draft, open, paid, void, uncollectible.

    `billed_to` are the lines of its address label, fixed once it is no draft any more; `discount` is part of no line.
    """

    id: str
    number: str | None
    customer_id: str
    subscription_id: str | None
    status: str
    currency: str
    subtotal: int
    total: int
    amount_due: int
    amount_paid: int
    billing_reason: str | None
    period_start: datetime
    period_end: datetime
    hosted_url: str | None
    pdf_url: str | None
    created_at: datetime
    attempt_count: int
    next_attempt_at: datetime | None
    livemode: bool
    discount: int = 0
    billed_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefundSnapshot:
    """Money given back. `status`: pending, requires_action, succeeded, failed, canceled."""

    id: str
    amount: int
    status: str
    reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DisputeSnapshot:
    """A cardholder's objection. `status` is the provider's word, such as needs_response, won, lost."""

    id: str
    amount: int
    status: str
    reason: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PaymentSnapshot:
    """An attempt to take money, as the provider sees it at one moment, with what came back of it.

    `refusal` says why the bank did not pay, in the provider's code; None unless the last try failed. `invoice_id` names
    what asked for it; a hosted page has none before it is complete. `paid_at` is None until the money is in.
    """

    id: str
    customer_id: str | None
    amount: Money
    refusal: str | None
    invoice_id: str | None
    status: str
    amount_received: int
    amount_refunded: int
    paid_at: datetime | None
    created_at: datetime
    livemode: bool
    refunds: tuple[RefundSnapshot, ...] = ()
    disputes: tuple[DisputeSnapshot, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def pays_invoice(self) -> bool:
        """True for what an invoice asks for."""
        return self.invoice_id is not None


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """A part of a list of payments by their ids, each once; `next_after` leads to the next part, None ends it."""

    payment_ids: tuple[str, ...]
    next_after: str | None


@dataclass(frozen=True, slots=True)
class Notice:
    """One signed event of the provider, as stored and routed. `object_id` may be None for objects without an id.

    `is_other_version` marks one rendered at another version than ours; `flaw` says what of its envelope could
    not be read.
    """

    id: str
    type: str
    livemode: bool
    connected_account: str | None
    api_version: str | None
    created_at: datetime
    object_type: str | None
    object_id: str | None
    is_other_version: bool = False
    flaw: str | None = None


@dataclass(frozen=True, slots=True)
class SetupSnapshot:
    """An attempt to keep a card without charging it, as the provider sees it at one moment.

    `refusal` says why the bank did not agree, in the provider's code; None unless the last try failed. Nothing in it
    names the page on which the card was typed.
    """

    id: str
    customer_id: str | None
    refusal: str | None
    created_at: datetime
