"""Taking money: the few things the product asks of its payment provider."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

from portal.ports.billing import (
    BillingIdentity,
    ChangePreview,
    Checkout,
    CheckoutRequest,
    Customer,
    InvoiceSnapshot,
    NewPrice,
    Notice,
    PaymentPage,
    PaymentSnapshot,
    PriceSnapshot,
    SetupSnapshot,
    SubscriptionPage,
    SubscriptionSnapshot,
)
from portal.ports.promotions import NewCode, PromotionCode


class PaymentsUnavailable(Exception):
    """The provider did not answer, or answered that it cannot right now. The outcome of the call is unknown."""


class PaymentsRefused(Exception):
    """The provider refused the request for good; `code` is its machine-readable reason."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class NotAtProvider(PaymentsRefused):
    """The provider has no such object (any more)."""


class BadSignature(Exception):
    """A delivery that the provider did not sign, or signed too long ago."""


class Payments(Protocol):
    """The payment provider. Every call may raise PaymentsUnavailable or PaymentsRefused.

    `key` arguments are our idempotency keys: the same business action repeats with the same key and has one effect.
    """

    def create_customer(self, *, reference: str, name: str, email: str | None, key: str) -> Customer: ...

    def fetch_customer(self, customer_id: str) -> Customer:
        """Return a customer, or what is left of a deleted one."""
        ...

    def set_billing_identity(self, customer_id: str, identity: BillingIdentity) -> None:
        """Make a customer say this, and nothing else; finished invoices keep what they say. Safe to repeat.

        Raises PaymentsRefused with code `tax_id_invalid` when only the tax number was not accepted.
        """
        ...

    def find_code(self, code: str) -> PromotionCode | None:
        """Return the code of this text in any letter case, one that can be used before one that cannot."""
        ...

    def list_codes(self) -> list[PromotionCode]: ...

    def create_code(self, wanted: NewCode, *, key: str) -> PromotionCode: ...

    def stop_code(self, code_id: str) -> None:
        """Let nobody use a code any more; who has used it keeps what it gave. Safe to repeat."""
        ...

    def ensure_price(self, price: NewPrice) -> str:
        """Return the provider's id of a price, creating product and price once."""
        ...

    def start_checkout(self, request: CheckoutRequest) -> Checkout: ...

    def fetch_checkout(self, checkout_id: str) -> Checkout: ...

    def expire_checkout(self, checkout_id: str) -> Checkout: ...

    def fetch_subscription(self, subscription_id: str) -> SubscriptionSnapshot: ...

    def list_subscriptions(self, customer_id: str) -> list[SubscriptionSnapshot]: ...

    def list_all_subscriptions(self, *, after: str | None = None, limit: int = 100) -> SubscriptionPage:
        """Return a part of all that have not ended, newest first: those behind the one with the id `after`."""
        ...

    def set_cancel_at_period_end(self, subscription_id: str, cancel: bool, *, key: str) -> SubscriptionSnapshot:
        """Let a subscription end with its period, or go on after all; drops what `schedule_price` planned."""
        ...

    def preview_change(self, subscription_id: str, price_id: str, *, at: datetime) -> ChangePreview:
        """Return what `change_price` with the same `at` would charge; nothing changes."""
        ...

    def change_price(self, subscription_id: str, price_id: str, *, at: datetime, key: str) -> SubscriptionSnapshot:
        """Replace the price now and charge the difference for the rest of the period, counted from `at`.

        Drops what `schedule_price` planned.
        Raises PaymentsRefused when the card does not pay it; then nothing has changed.
        """
        ...

    def schedule_price(self, subscription_id: str, price_id: str, *, key: str) -> str:
        """Replace the price when the current period ends, and return the id of that plan. Safe to repeat."""
        ...

    def release_schedule(self, schedule_id: str, *, key: str) -> None:
        """Take back what `schedule_price` planned; the subscription goes on as it is. Safe to repeat."""
        ...

    def fetch_invoice(self, invoice_id: str) -> InvoiceSnapshot: ...

    def list_invoices(self, customer_id: str, *, limit: int = 24) -> list[InvoiceSnapshot]: ...

    def fetch_payment(self, payment_id: str) -> PaymentSnapshot: ...

    def find_payment_of(self, kind: Literal["charge", "refund", "dispute"], object_id: str) -> str | None:
        """Return the payment that a charge, a refund or a dispute belongs to."""
        ...

    def list_payments_of(
        self,
        kind: Literal["payment", "refund", "dispute"],
        *,
        since: datetime,
        after: str | None = None,
        limit: int = 100,
    ) -> PaymentPage:
        """Return the payments that were begun, refunded or disputed at or after `since`, newest first, part by part."""
        ...

    def fetch_price(self, price_id: str) -> PriceSnapshot: ...

    def set_price_metadata(self, price_id: str, metadata: Mapping[str, str]) -> None:
        """Make a price's metadata hold these values beside what it holds already; an empty value removes its key."""
        ...

    def fetch_setup(self, setup_id: str) -> SetupSnapshot: ...

    def open_portal(self, customer_id: str, *, return_url: str) -> str: ...

    def verify_notice(self, raw: bytes, signature: str, *, now: datetime) -> Notice:
        """Return the event in a delivery. Raises BadSignature, or ValueError for signed bytes that are no event."""
        ...

    def list_notices(self, since: datetime) -> Iterable[tuple[Notice, Mapping[str, Any]]]:
        """Yield events created at or after `since`, oldest first, each with its body, for the gap filler."""
        ...
