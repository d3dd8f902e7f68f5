"""Our requests, the simulator's answers and its events, all judged by Stripe's own description of its API."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import stripe

from tests.contracts.stripe_description import (
    EVENT_OBJECTS,
    Violations,
    find_operation,
    judge_answer,
    judge_event,
    judge_request,
    operations,
)
from tests.simulator.running import Running, in_thread, wait_until

pytestmark = pytest.mark.contract
MONTH = 31 * 86_400


class Judge(stripe.RequestsClient):
    """The SDK's own HTTP client, with a judge looking over its shoulder in both directions."""

    def __init__(self) -> None:
        super().__init__(timeout=20)
        self.calls = 0
        self.violations: Violations = []

    def request(self, method: str, url: str, headers: Any, post_data: Any = None, **more: Any) -> Any:
        content, status, answered = super().request(method, url, headers, post_data, **more)
        found = judge_request(method, url, post_data or "") + judge_answer(method, url, status, json.loads(content))
        self.calls += 1
        self.violations += [f"{method} {url}: {text}" for text in found]
        return content, status, answered


@pytest.fixture
def simulator() -> Iterator[Running]:
    with in_thread() as running:
        yield running


@pytest.fixture
def judge() -> Judge:
    return Judge()


@pytest.fixture
def client(simulator: Running, judge: Judge) -> stripe.StripeClient:
    return simulator.client(http_client=judge)


def all_events(simulator: Running) -> list[dict[str, Any]]:
    """Every event as it is on the wire."""
    found: list[dict[str, Any]] = []
    more = True
    while more:
        after = f"&starting_after={found[-1]['id']}" if found else ""
        address = f"{simulator.url}/v1/events?limit=100{after}"
        page = requests.get(address, headers={"Authorization": "Bearer sk_test_spine"}, timeout=20).json()
        found += page["data"]
        more = page["has_more"]
    return found


def assert_nothing_to_object(judge: Judge, simulator: Running) -> set[str]:
    """No violation in calls or events; returns the types of events seen."""
    events = all_events(simulator)
    objections = [f"{event['type']}: {text}" for event in events for text in judge_event(event)]
    assert judge.violations + objections == []
    return {event["type"] for event in events}


def form(card: str = "4242424242424242") -> dict[str, str]:
    return {"email": "cleo@example.com", "number": card, "expiry": "12/34", "cvc": "123", "name": "Cleo"}


def pay(address: str, card: str = "4242424242424242") -> requests.Response:
    return requests.post(address, data=form(card), allow_redirects=False, timeout=20)


def plan(client: stripe.StripeClient, amount: int = 2900, name: str = "Weather API") -> stripe.Price:
    product = client.v1.products.create({"name": name, "metadata": {"plan": "pro"}})
    return client.v1.prices.create(
        {"product": product.id, "currency": "eur", "unit_amount": amount, "recurring": {"interval": "month"}}
    )


def test_a_whole_life_of_a_subscription(client: stripe.StripeClient, judge: Judge, simulator: Running) -> None:
    price, dearer = plan(client), plan(client, 4900, "Weather API, large")
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": 1_780_000_000, "name": "a year"})
    customer = client.v1.customers.create({"email": "cleo@example.com", "name": "Cleo", "test_clock": clock.id})
    session = client.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": customer.id,
            "line_items": [{"price": price.id, "quantity": 2}],
            "success_url": "https://portal.example/return?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://portal.example/plans",
            "client_reference_id": "intent-1",
            "metadata": {"intent": "1"},
            "subscription_data": {"trial_period_days": 14, "metadata": {"account": "7"}},
            "locale": "en",
            "expand": ["line_items"],
        }
    )
    assert pay(str(session.url)).status_code == 303
    session = client.v1.checkout.sessions.retrieve(
        session.id,
        {"expand": ["subscription.latest_invoice.payments", "invoice", "customer", "line_items.data.price.product"]},
    )
    subscription = session.subscription
    assert isinstance(subscription, stripe.Subscription)
    assert (session.payment_status, subscription.status) == ("no_payment_required", "trialing")

    def advance(to: int) -> None:
        client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": to})
        wait_until(lambda: client.v1.test_helpers.test_clocks.retrieve(clock.id).status == "ready")

    advance(1_780_000_000 + 15 * 86_400)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"
    client.v1.invoices.create_preview({"subscription": subscription.id})
    item = subscription.items.data[0]
    client.v1.invoices.create_preview(
        {
            "subscription": subscription.id,
            "subscription_details": {
                "items": [{"id": item.id, "price": dearer.id}],
                "proration_behavior": "always_invoice",
            },
        }
    )
    client.v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": item.id, "price": dearer.id, "quantity": 1}],
            "proration_behavior": "always_invoice",
            "metadata": {"account": "7", "plan": "large"},
        },
    )
    advance(1_780_000_000 + 50 * 86_400)
    failing = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    client.v1.subscriptions.update(subscription.id, {"default_payment_method": failing.id})
    advance(1_780_000_000 + 82 * 86_400)
    late = client.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice.payments"]})
    assert late.status == "past_due"
    invoice = late.latest_invoice
    assert isinstance(invoice, stripe.Invoice)
    with pytest.raises(stripe.CardError):
        client.v1.invoices.pay(invoice.id)
    working = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    paid = client.v1.invoices.pay(
        invoice.id, {"payment_method": working.id, "expand": ["payments", "confirmation_secret"]}
    )
    assert paid.status == "paid"
    client.v1.subscriptions.update(
        subscription.id, {"default_payment_method": working.id, "cancel_at_period_end": True}
    )
    client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    advance(1_780_000_000 + 120 * 86_400)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "canceled"

    seen = assert_nothing_to_object(judge, simulator)
    assert judge.calls >= 25
    assert {"customer.subscription.trial_will_end", "invoice.payment_failed", "customer.subscription.deleted"} <= seen


def test_coupons_codes_and_tax_ids(client: stripe.StripeClient, judge: Judge, simulator: Running) -> None:
    price, smaller = plan(client), plan(client, 900)
    customer = client.v1.customers.create(
        {"email": "cleo@example.com", "tax_id_data": [{"type": "eu_vat", "value": "DE136695976"}]}
    )
    extra = client.v1.customers.tax_ids.create(customer.id, {"type": "gb_vat", "value": "GB980780684"})
    client.v1.customers.tax_ids.retrieve(customer.id, extra.id)
    assert len(client.v1.customers.tax_ids.list(customer.id).data) == 2
    client.v1.customers.tax_ids.delete(customer.id, extra.id)
    client.v1.customers.retrieve(customer.id, {"expand": ["tax_ids"]})
    coupon = client.v1.coupons.create(
        {"percent_off": 25, "duration": "repeating", "duration_in_months": 3, "name": "Welcome",
         "applies_to": {"products": [str(price.product), str(smaller.product)]}}
    )  # fmt: skip
    code = client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "WELCOME25", "max_redemptions": 2,
         "expires_at": 4_000_000_000}
    )  # fmt: skip
    listed = client.v1.promotion_codes.list(
        {"code": "welcome25", "active": True, "expand": ["data.promotion.coupon.applies_to"]}
    )
    assert [each.id for each in listed.data] == [code.id]
    session = client.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": customer.id,
            "line_items": [{"price": price.id, "quantity": 1}],
            "success_url": "https://portal.example/return",
            "discounts": [{"promotion_code": code.id}],
        }
    )
    assert pay(str(session.url)).status_code == 303
    session = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["invoice.discounts.promotion_code", "subscription.discounts.source.coupon"]}
    )
    held = session.subscription
    assert isinstance(held, stripe.Subscription)
    item = held.items.data[0]
    client.v1.invoices.create_preview({"subscription": held.id})
    schedule = client.v1.subscription_schedules.create({"from_subscription": held.id})
    kept = [{"discount": str(getattr(each, "id", each))} for each in held.discounts]
    span = {"start_date": item.current_period_start, "end_date": item.current_period_end}
    phases: Any = [
        {"items": [{"price": price.id}], "discounts": kept, **span},
        {"items": [{"price": smaller.id}], "discounts": kept},
    ]
    client.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    client.v1.promotion_codes.update(code.id, {"active": False})
    client.v1.coupons.update(coupon.id, {"name": "Gone"})
    client.v1.coupons.list()
    client.v1.coupons.delete(coupon.id)
    seen = assert_nothing_to_object(judge, simulator)
    assert {"customer.discount.created", "customer.tax_id.deleted", "promotion_code.updated", "coupon.deleted"} <= seen


def test_every_object_and_list_of_the_product(client: stripe.StripeClient, judge: Judge, simulator: Running) -> None:
    price = plan(client)
    customer = client.v1.customers.create({"email": "ben@example.com", "payment_method": "pm_card_visa"})
    method = client.v1.customers.payment_methods.list(customer.id).data[0]
    client.v1.customers.update(
        customer.id, {"invoice_settings": {"default_payment_method": method.id}, "phone": "+49 30 1"}
    )
    subscription = client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id}], "expand": ["latest_invoice.confirmation_secret"]}
    )
    charge = client.v1.charges.list({"customer": customer.id, "expand": ["data.balance_transaction"]}).data[0]
    client.v1.refunds.create({"charge": charge.id, "amount": 900, "reason": "requested_by_customer"})
    client.v1.charges.retrieve(charge.id, {"expand": ["refunds", "payment_intent", "customer"]})
    client.v1.payment_intents.create(
        {"amount": 500, "currency": "eur", "customer": customer.id, "payment_method": method.id}
    )
    client.v1.setup_intents.create({"customer": customer.id, "payment_method": "pm_card_visa", "confirm": True})
    configuration = client.v1.billing_portal.configurations.create(
        {"features": {"invoice_history": {"enabled": True}, "subscription_cancel": {"enabled": True}}}
    )
    client.v1.billing_portal.sessions.create({"customer": customer.id, "configuration": configuration.id})
    endpoint = client.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/none", "enabled_events": ["invoice.paid"], "api_version": "2026-10-28.endive"}
    )
    client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    client.v1.webhook_endpoints.delete(endpoint.id)
    for listed in (
        client.v1.customers.list({"email": "ben@example.com", "expand": ["data.subscriptions"]}),
        client.v1.products.list({"active": True}),
        client.v1.prices.list({"product": str(price.product), "expand": ["data.product"]}),
        client.v1.subscriptions.list({"status": "all", "expand": ["data.latest_invoice.payments"]}),
        client.v1.invoices.list({"subscription": subscription.id, "expand": ["data.payments"]}),
        client.v1.invoice_payments.list({"expand": ["data.payment.payment_intent"]}),
        client.v1.payment_intents.list({"customer": customer.id, "expand": ["data.latest_charge"]}),
        client.v1.refunds.list({"charge": charge.id}),
        client.v1.events.list({"types": ["invoice.paid", "charge.refunded"]}),
        client.v1.billing_portal.configurations.list(),
        client.v1.subscription_items.list({"subscription": subscription.id}),
    ):
        assert listed.data
    client.v1.subscriptions.cancel(subscription.id, {"cancellation_details": {"feedback": "unused"}})
    client.v1.customers.delete(customer.id)
    client.v1.customers.retrieve(customer.id)
    assert_nothing_to_object(judge, simulator)


@pytest.mark.parametrize(
    "card", ["4242424242424242", "4000000000000002", "4000002760003184", "4000008260003178", "4000000000000341"]
)
@pytest.mark.parametrize("mode", ["payment", "setup", "subscription"])
def test_checkout_in_every_mode_with_every_kind_of_card(
    client: stripe.StripeClient, judge: Judge, simulator: Running, mode: str, card: str
) -> None:
    params: Any = {"mode": mode, "success_url": "https://portal.example/return", "currency": "eur"}
    if mode != "setup":
        params["line_items"] = [{"price": plan(client).id, "quantity": 1}]
    if mode == "payment":
        data = {"currency": "eur", "unit_amount": 500, "product_data": {"name": "Credits"}}
        params["line_items"] = [{"price_data": data, "quantity": 3}]
    session = client.v1.checkout.sessions.create(params)
    answer = pay(str(session.url), card)
    if "/authentications/" in answer.headers.get("Location", ""):
        requests.post(answer.headers["Location"], data={"outcome": "complete"}, allow_redirects=False, timeout=20)
    client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent", "setup_intent", "subscription"]})
    assert_nothing_to_object(judge, simulator)


def test_a_change_of_price_that_waits(client: stripe.StripeClient, judge: Judge, simulator: Running) -> None:
    large, small = plan(client, 4900), plan(client, 2900)
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": 1_780_000_000})
    customer = client.v1.customers.create({"email": "cleo@example.com", "test_clock": clock.id})
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    made = client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": large.id}], "default_payment_method": card.id}
    )
    schedule = client.v1.subscription_schedules.create({"from_subscription": made.id})
    now = schedule.phases[0]
    later: Any = [
        {"items": [{"price": large.id, "quantity": 1}], "start_date": now.start_date, "end_date": now.end_date},
        {"items": [{"price": small.id, "quantity": 1}], "proration_behavior": "none"},
    ]
    client.v1.subscription_schedules.update(schedule.id, {"phases": later, "end_behavior": "release"})
    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        client.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
    assert client.v1.subscription_schedules.list({"customer": customer.id}).data[0].id == schedule.id
    client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": now.end_date + 7200})
    wait_until(lambda: client.v1.test_helpers.test_clocks.retrieve(clock.id).status == "ready")
    changed = client.v1.subscriptions.retrieve(made.id, {"expand": ["schedule", "latest_invoice"]})
    assert changed.items.data[0].price.id == small.id
    assert isinstance(changed.latest_invoice, stripe.Invoice)
    assert changed.latest_invoice.total == 2900
    client.v1.subscription_schedules.release(schedule.id)
    assert client.v1.subscriptions.retrieve(made.id).schedule is None
    client.v1.subscription_schedules.retrieve(schedule.id)
    seen = assert_nothing_to_object(judge, simulator)
    assert {"subscription_schedule.created", "subscription_schedule.updated", "subscription_schedule.released"} <= seen


def test_disputes_and_refunds_that_come_back(client: stripe.StripeClient, judge: Judge, simulator: Running) -> None:
    def disputed() -> str:
        client.v1.payment_intents.create(
            {"amount": 2900, "currency": "eur", "payment_method": "pm_card_createDispute", "confirm": True}
        )
        return client.v1.disputes.list({"expand": ["data.charge", "data.payment_intent"]}).data[0].id

    client.v1.disputes.close(disputed())
    won, lost = disputed(), disputed()
    client.v1.disputes.update(won, {"metadata": {"file": "7"}, "submit": False})
    client.v1.disputes.update(won, {"evidence": {"uncategorized_text": "winning_evidence"}})
    simulator.control(f"disputes/{lost}/close", verdict="lost")
    dispute = client.v1.disputes.retrieve(won)
    assert dispute.status == "won"
    client.v1.disputes.list({"charge": str(dispute.charge)})
    refund = client.v1.refunds.create({"charge": str(dispute.charge), "amount": 900})
    simulator.control(f"refunds/{refund.id}/fail", reason="expired_or_canceled_card")
    client.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction", "charge"]})
    seen = assert_nothing_to_object(judge, simulator)
    kinds = ("created", "funds_withdrawn", "updated", "closed", "funds_reinstated")
    assert {"refund.failed", "refund.updated", *(f"charge.dispute.{kind}" for kind in kinds)} <= seen


def test_refusals_have_stripes_shape(client: stripe.StripeClient, judge: Judge) -> None:
    for attempt in (
        lambda: client.v1.customers.retrieve("cus_unknown"),
        lambda: client.v1.checkout.sessions.create({"mode": "subscription", "success_url": "https://portal.example"}),
        lambda: client.v1.payment_intents.create(
            {"amount": 500, "currency": "eur", "payment_method": "pm_card_chargeDeclined", "confirm": True}
        ),
    ):
        with pytest.raises(stripe.StripeError):
            attempt()
    assert judge.violations == []


def test_the_judge_is_not_blind() -> None:
    """A checker that never objects proves nothing: each kind of mistake is caught."""
    address = "http://stripe/v1/checkout/sessions"
    assert judge_request("post", address, "mode=subscription&payment_method_types[0]=card")
    assert judge_request("post", address, "mode=rental")
    assert judge_request("post", address, "line_items[0][quantity]=many")
    assert judge_request("post", "http://stripe/v1/products", "description=nameless")
    assert judge_request("get", "http://stripe/v1/subscription_items/si_1/usage_records", "")
    assert not judge_request("post", address, "mode=subscription&line_items[0][price]=price_1&expand[]=line_items")
    assert judge_answer("get", "http://stripe/v1/events", 200, {"object": "list", "data": []})
    assert judge_answer("get", "http://stripe/v1/customers/cus_1", 200, {"id": "cus_1", "object": "customer"})
    assert judge_answer("get", "http://stripe/v1/customers/cus_1", 404, {"message": "no"})
    assert judge_event({"id": "evt_1", "object": "event", "type": "refund.succeeded", "data": {"object": {}}})


def test_the_judge_sees_one_wrong_field_deep_inside(client: stripe.StripeClient, simulator: Running) -> None:
    customer = client.v1.customers.create({"payment_method": "pm_card_visa"})
    method = client.v1.customers.payment_methods.list(customer.id).data[0]
    made = client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": plan(client).id}], "default_payment_method": method.id}
    )
    address = f"{simulator.url}/v1/subscriptions/{made.id}"
    good = requests.get(address, headers={"Authorization": "Bearer sk_test_spine"}, timeout=20).json()
    assert judge_answer("get", address, 200, good) == []

    def objections(**changes: Any) -> Violations:
        return judge_answer("get", address, 200, {**good, **changes})

    item = good["items"]["data"][0]
    without_period = {name: value for name, value in item.items() if name != "current_period_end"}
    assert objections(current_period_end=1) == ["current_period_end: no field of Subscription at this API version"]
    assert objections(status="alive")
    assert objections(customer=None)
    assert objections(items={**good["items"], "data": [without_period]}) == [
        "items.data[0].current_period_end: missing from SubscriptionItem"
    ]
    assert objections(items={**good["items"], "data": [{**item, "quantity": "2"}]})
    assert objections(billing_mode={"type": "flexible", "flexible": None, "surprise": 1})


def test_the_description_covers_the_whole_api() -> None:
    assert len(operations()) > 400
    assert find_operation("POST", "/v1/subscriptions/sub_1") is not None
    assert find_operation("GET", "/v1/invoices/upcoming") is not None
    assert EVENT_OBJECTS["customer.subscription."] == "subscription"
