"""Stripe behind the payments port: the only module that imports `stripe`.

Written for API version 2026-10-28.endive, which the pinned SDK asks for. Periods are read from the subscription's
items, an invoice's subscription from its `parent`; both moved there in 2025.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, ParamSpec, TypeVar

import stripe
import structlog

from portal.adapters import stripe_codes, stripe_customers, stripe_schedules, stripe_taken
from portal.adapters.stripe_notices import notice_of
from portal.adapters.stripe_snapshots import (
    DISCOUNTS,
    checkout_of,
    customer_of,
    invoice_of,
    preview_of,
    price_of,
    setup_of,
    subscription_of,
)
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
from portal.ports.payments import BadSignature, NotAtProvider, PaymentsRefused, PaymentsUnavailable
from portal.ports.promotions import NewCode, PromotionCode

log = structlog.get_logger(__name__)
P = ParamSpec("P")
R = TypeVar("R")

TIMEOUT_SECONDS = 10
SIGNATURE_TOLERANCE_SECONDS = 300
_TIMESTAMP = re.compile(r"(?:^|,)t=(\d{1,12})(?:,|$)")


def _translated(call: Callable[P, R]) -> Callable[P, R]:
    """Turn the SDK's errors into the port's: unknown outcome, refused, or not there."""

    @functools.wraps(call)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return call(*args, **kwargs)
        except stripe.InvalidRequestError as problem:
            kind = (
                NotAtProvider if problem.http_status == 404 or problem.code == "resource_missing" else PaymentsRefused
            )
            raise kind(str(problem.user_message or problem), problem.code or "") from problem
        except stripe.CardError as problem:
            raise PaymentsRefused(str(problem.user_message or problem), problem.code or "") from problem
        except stripe.StripeError as problem:
            # Timeouts, 5xx, 429, 409 and wrong keys: nobody knows whether it happened, so the same key is tried again.
            log.warning(
                "stripe call failed", call=call.__name__, error=type(problem).__name__, status=problem.http_status
            )
            raise PaymentsUnavailable(f"{type(problem).__name__} during {call.__name__}") from problem

    return guarded


class StripePayments:
    """The payments port over Stripe's API, or over anything that speaks it at `api_base`."""

    def __init__(
        self,
        secret_key: str,
        webhook_secrets: tuple[str, ...],
        api_base: str = "",
        *,
        transport: stripe.HTTPClient | None = None,
    ) -> None:
        base = api_base.rstrip("/")
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": base, "connect": base, "files": base, "meter_events": base} if base else {},
            max_network_retries=1,
            http_client=transport or stripe.RequestsClient(timeout=TIMEOUT_SECONDS),
        )
        self._secrets = webhook_secrets

    @_translated
    def create_customer(self, *, reference: str, name: str, email: str | None, key: str) -> Customer:
        params: dict[str, Any] = {"name": name, "metadata": {"account": reference}}
        if email:
            params["email"] = email
        return customer_of(self._client.v1.customers.create(params=params, options={"idempotency_key": key}))  # type: ignore[arg-type]

    @_translated
    def fetch_customer(self, customer_id: str) -> Customer:
        return customer_of(self._client.v1.customers.retrieve(customer_id))

    @_translated
    def set_billing_identity(self, customer_id: str, identity: BillingIdentity) -> None:
        stripe_customers.set_identity(self._client, customer_id, identity)

    @_translated
    def find_code(self, code: str) -> PromotionCode | None:
        return stripe_codes.find(self._client, code)

    @_translated
    def list_codes(self) -> list[PromotionCode]:
        return stripe_codes.list_all(self._client)

    @_translated
    def create_code(self, wanted: NewCode, *, key: str) -> PromotionCode:
        return stripe_codes.create(self._client, wanted, key)

    @_translated
    def stop_code(self, code_id: str) -> None:
        self._client.v1.promotion_codes.update(code_id, params={"active": False})

    @_translated
    def ensure_price(self, price: NewPrice) -> str:
        if price.provider_id:
            return price.provider_id
        found = self._client.v1.prices.list(params={"lookup_keys": [price.reference], "limit": 1})
        if found.data:
            return found.data[0].id
        params: dict[str, Any] = {
            "product": self._ensure_product(price),
            "currency": price.amount.currency,
            "unit_amount": price.amount.amount,
            "lookup_key": price.reference,
            "metadata": {"price": price.reference},
            **_recurrence(price),
        }
        options: stripe.RequestOptions = {"idempotency_key": f"price:{price.reference}"}
        made = self._client.v1.prices.create(params=params, options=options)  # type: ignore[arg-type]
        return made.id

    def _ensure_product(self, price: NewPrice) -> str:
        try:
            self._client.v1.products.create(
                params={"id": price.product_reference, "name": price.product_name},
                options={"idempotency_key": f"product:{price.product_reference}"},
            )
        except stripe.InvalidRequestError as problem:
            if problem.code != "resource_already_exists":
                raise
        return price.product_reference

    @_translated
    def start_checkout(self, request: CheckoutRequest) -> Checkout:
        what_follows: dict[str, Any] = {"metadata": dict(request.metadata)}
        if request.trial_days:
            what_follows["trial_period_days"] = request.trial_days
        params: dict[str, Any] = {
            "mode": "payment" if request.one_time else "subscription",
            "customer": request.customer_id,
            "line_items": [{"price": request.price_id, "quantity": request.quantity}],
            "success_url": request.success_url,
            "cancel_url": request.cancel_url,
            "client_reference_id": request.intent,
            "locale": request.locale,
            "metadata": dict(request.metadata),
            "payment_intent_data" if request.one_time else "subscription_data": what_follows,
        }
        if request.promotion_id is not None:
            params["discounts"] = [{"promotion_code": request.promotion_id}]
        made = self._client.v1.checkout.sessions.create(params=params, options={"idempotency_key": request.intent})  # type: ignore[arg-type]
        return checkout_of(made)

    @_translated
    def fetch_checkout(self, checkout_id: str) -> Checkout:
        return checkout_of(self._client.v1.checkout.sessions.retrieve(checkout_id))

    @_translated
    def expire_checkout(self, checkout_id: str) -> Checkout:
        return checkout_of(self._client.v1.checkout.sessions.expire(checkout_id))

    @_translated
    def fetch_subscription(self, subscription_id: str) -> SubscriptionSnapshot:
        return subscription_of(self._client.v1.subscriptions.retrieve(subscription_id, params={"expand": DISCOUNTS}))

    @_translated
    def list_subscriptions(self, customer_id: str) -> list[SubscriptionSnapshot]:
        page = self._client.v1.subscriptions.list(params={"customer": customer_id, "status": "all", "limit": 100})
        return [subscription_of(found) for found in page.auto_paging_iter()]

    @_translated
    def list_all_subscriptions(self, *, after: str | None = None, limit: int = 100) -> SubscriptionPage:
        where: dict[str, Any] = {"limit": limit, **({"starting_after": after} if after else {})}
        page = self._client.v1.subscriptions.list(params=where)  # type: ignore[arg-type]
        found = tuple(subscription_of(each) for each in page.data)
        return SubscriptionPage(found, found[-1].id if page.has_more and found else None)

    @_translated
    def set_cancel_at_period_end(self, subscription_id: str, cancel: bool, *, key: str) -> SubscriptionSnapshot:
        return subscription_of(stripe_schedules.cancel_at_period_end(self._client, subscription_id, cancel, key))

    @_translated
    def preview_change(self, subscription_id: str, price_id: str, *, at: datetime) -> ChangePreview:
        return preview_of(stripe_schedules.preview(self._client, subscription_id, price_id, at))

    @_translated
    def change_price(self, subscription_id: str, price_id: str, *, at: datetime, key: str) -> SubscriptionSnapshot:
        return subscription_of(stripe_schedules.change_price(self._client, subscription_id, price_id, at, key))

    @_translated
    def schedule_price(self, subscription_id: str, price_id: str, *, key: str) -> str:
        return stripe_schedules.schedule_price(self._client, subscription_id, price_id, key)

    @_translated
    def release_schedule(self, schedule_id: str, *, key: str) -> None:
        stripe_schedules.release(self._client, schedule_id, key)

    @_translated
    def fetch_invoice(self, invoice_id: str) -> InvoiceSnapshot:
        return invoice_of(self._client.v1.invoices.retrieve(invoice_id))

    @_translated
    def list_invoices(self, customer_id: str, *, limit: int = 24) -> list[InvoiceSnapshot]:
        page = self._client.v1.invoices.list(params={"customer": customer_id, "limit": limit})
        return [invoice_of(found) for found in page.data]

    @_translated
    def fetch_payment(self, payment_id: str) -> PaymentSnapshot:
        return stripe_taken.fetch(self._client, payment_id)

    @_translated
    def find_payment_of(self, kind: Literal["charge", "refund", "dispute"], object_id: str) -> str | None:
        return stripe_taken.find_behind(self._client, kind, object_id)

    @_translated
    def list_payments_of(
        self,
        kind: Literal["payment", "refund", "dispute"],
        *,
        since: datetime,
        after: str | None = None,
        limit: int = 100,
    ) -> PaymentPage:
        return stripe_taken.list_of(self._client, kind, since=since, after=after, limit=limit)

    @_translated
    def fetch_price(self, price_id: str) -> PriceSnapshot:
        return price_of(self._client.v1.prices.retrieve(price_id, params={"expand": ["product"]}))

    @_translated
    def set_price_metadata(self, price_id: str, metadata: Mapping[str, str]) -> None:
        self._client.v1.prices.update(price_id, params={"metadata": dict(metadata)})

    @_translated
    def fetch_setup(self, setup_id: str) -> SetupSnapshot:
        return setup_of(self._client.v1.setup_intents.retrieve(setup_id))

    @_translated
    def open_portal(self, customer_id: str, *, return_url: str) -> str:
        session = self._client.v1.billing_portal.sessions.create(
            params={"customer": customer_id, "return_url": return_url}
        )
        return session.url

    def verify_notice(self, raw: bytes, signature: str, *, now: datetime) -> Notice:
        self._verify(raw, signature, now)
        try:
            body = json.loads(raw)
        except RecursionError as problem:
            raise ValueError("the delivery is nested too deeply for an event") from problem
        return notice_of(body, version=stripe.api_version, now=now)

    @_translated
    def list_notices(self, since: datetime) -> Iterable[tuple[Notice, Mapping[str, Any]]]:
        page = self._client.v1.events.list(params={"created": {"gte": int(since.timestamp())}, "limit": 100})
        bodies = [json.loads(str(event)) for event in page.auto_paging_iter()]
        return [(notice_of(body, version=stripe.api_version, now=since), body) for body in reversed(bodies)]

    def _verify(self, raw: bytes, signature: str, now: datetime) -> None:
        stated = _TIMESTAMP.search(signature)
        if not stated or abs(now.timestamp() - int(stated[1])) > SIGNATURE_TOLERANCE_SECONDS:
            # The SDK bounds the past only; a timestamp from the future is refused here.
            raise BadSignature("the signature's timestamp is missing or more than five minutes away")
        try:
            payload = raw.decode("utf-8")
        except UnicodeDecodeError as problem:
            raise ValueError("the delivery is not UTF-8") from problem
        for secret in self._secrets:
            try:
                stripe.WebhookSignature.verify_header(payload, signature, secret)
            except stripe.SignatureVerificationError:
                continue
            return
        raise BadSignature("no signing secret in force made this signature")


def _recurrence(price: NewPrice) -> dict[str, Any]:
    """Return how often a price is due; nothing for what is paid once."""
    if price.interval is None:
        return {}
    return {"recurring": {"interval": price.interval, "interval_count": price.interval_count}}
