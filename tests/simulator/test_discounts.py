"""Coupons and codes: what they take off the first invoice and later ones, and that a preview with one is the charge."""

from typing import Any

import pytest
import stripe

from tests.simulator.running import Running, wait_until
from tests.simulator.shop import MONTH, checkout, cleo, page, plan, submit, subscribed

DAY = 86_400


def coupon(client: stripe.StripeClient, **params: Any) -> stripe.Coupon:
    return client.v1.coupons.create({"percent_off": 25.0, "duration": "repeating", "duration_in_months": 3, **params})


def code(
    client: stripe.StripeClient, of: stripe.Coupon, text: str = "WELCOME25", **params: Any
) -> stripe.PromotionCode:
    return client.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": of.id}, "code": text, **params})


def bought(client: stripe.StripeClient, discount: dict[str, str], **params: Any) -> stripe.Subscription:
    """A subscription bought on a hosted page with a discount."""
    session = checkout(client, customer=cleo(client, None).id, discounts=[discount], **params)
    assert submit(session.url).status_code == 303
    done = client.v1.checkout.sessions.retrieve(session.id)
    return client.v1.subscriptions.retrieve(str(done.subscription))


def totals(client: stripe.StripeClient, subscription: stripe.Subscription) -> list[int]:
    """What each invoice asked for, oldest first."""
    found = client.v1.invoices.list({"subscription": subscription.id, "limit": 100}).data
    return [invoice.total for invoice in reversed(found)]


def test_three_months_with_a_quarter_off_then_the_whole_price(client: stripe.StripeClient, simulator: Running) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": 1_780_000_000})
    customer = cleo(client, "pm_card_visa", test_clock=clock.id)
    held = subscribed(client, customer=customer, discounts=[{"promotion_code": code(client, coupon(client)).id}])
    for month in range(1, 5):
        client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": 1_780_000_000 + month * MONTH + DAY})
        wait_until(lambda: client.v1.test_helpers.test_clocks.retrieve(clock.id).status == "ready")
    assert totals(client, held) == [2175, 2175, 2175, 2900, 2900]
    assert client.v1.subscriptions.retrieve(held.id).discounts == []


def test_a_code_lowers_the_page_the_payment_and_the_invoice_alike(
    client: stripe.StripeClient, simulator: Running
) -> None:
    session = checkout(
        client, customer=cleo(client, None).id, discounts=[{"promotion_code": code(client, coupon(client)).id}]
    )
    assert (session.amount_subtotal, session.amount_total) == (2900, 2175)
    words = page(session.url).text
    assert "WELCOME25 (25% off)" in words
    assert "Pay €21.75" in words
    submit(session.url)
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["invoice.discounts"]})
    invoice: Any = done.invoice
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (2900, 2175, 2175)
    assert [each.amount for each in invoice.total_discount_amounts] == [725]
    assert invoice.discounts[0].source.type == "coupon"
    assert "WELCOME25 (25% off)" in page(invoice.hosted_invoice_url).text


def test_an_amount_off_once_is_kept_through_a_trial_and_used_by_the_first_real_invoice(
    client: stripe.StripeClient, simulator: Running
) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": 1_780_000_000})
    customer = cleo(client, "pm_card_visa", test_clock=clock.id)
    made = client.v1.coupons.create({"amount_off": 1000, "currency": "eur", "duration": "once"})
    held = subscribed(client, customer=customer, trial_period_days=14, discounts=[{"coupon": made.id}])
    for days in (15, 50):
        client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": 1_780_000_000 + days * DAY})
        wait_until(lambda: client.v1.test_helpers.test_clocks.retrieve(clock.id).status == "ready")
    assert totals(client, held) == [0, 1900, 2900]


@pytest.mark.parametrize("duration", ["once", "forever"])
def test_a_preview_of_a_change_with_a_discount_is_the_charge(
    client: stripe.StripeClient, simulator: Running, duration: str
) -> None:
    made = client.v1.coupons.create({"percent_off": 33.33, "duration": duration})
    held = bought(client, {"coupon": made.id})
    item, dearer = held.items.data[0], plan(client, 19_900, name="Large")
    moment = item.current_period_start + 10 * DAY
    change: Any = {
        "items": [{"id": item.id, "price": dearer.id}],
        "proration_behavior": "always_invoice",
        "proration_date": moment,
    }
    preview = client.v1.invoices.create_preview({"subscription": held.id, "subscription_details": change})
    client.v1.subscriptions.update(held.id, change)
    assert totals(client, held)[-1] == preview.total
    span = item.current_period_end - item.current_period_start
    left = item.current_period_end - moment
    asked = 19_900 - (6633 if duration == "forever" else 0)
    # The unused part is counted from what was really paid; what is used up does not lower the new plan.
    assert preview.total == pytest.approx((asked - (2900 - 967)) * left / span, abs=1)


def test_a_schedule_drops_a_discount_that_its_phases_do_not_name(
    client: stripe.StripeClient, simulator: Running
) -> None:
    made = client.v1.coupons.create({"percent_off": 10, "duration": "forever"})
    for named in (True, False):
        held = bought(client, {"coupon": made.id})
        item, smaller = held.items.data[0], plan(client, 900, name="Small")
        schedule = client.v1.subscription_schedules.create({"from_subscription": held.id})
        discounts: Any = {"discounts": [{"discount": str(held.discounts[0])}]} if named else {}
        span = {"start_date": item.current_period_start, "end_date": item.current_period_end}
        phases: Any = [
            {"items": [{"price": item.price.id}], **span, **discounts},
            {"items": [{"price": smaller.id}], **discounts},
        ]
        client.v1.subscription_schedules.update(schedule.id, {"phases": phases})
        assert bool(client.v1.subscriptions.retrieve(held.id).discounts) is named


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"expires_at": 1}, "expired"),
        ({"active": False}, "expired"),
        ({"customer": "other"}, "belongs to another customer"),
    ],
)
def test_a_code_that_may_not_be_used_is_refused(
    client: stripe.StripeClient, simulator: Running, params: dict[str, Any], message: str
) -> None:
    if params.get("customer"):
        params = {"customer": cleo(client, None).id}
    made = code(client, coupon(client), **params)
    wait_until(lambda: params.get("expires_at") is None or not client.v1.promotion_codes.retrieve(made.id).active)
    with pytest.raises(stripe.InvalidRequestError, match=message):
        checkout(client, customer=cleo(client, None).id, discounts=[{"promotion_code": made.id}])


def test_a_code_is_used_up_by_as_many_as_it_is_for(client: stripe.StripeClient, simulator: Running) -> None:
    made = code(client, coupon(client), max_redemptions=1)
    bought(client, {"promotion_code": made.id})
    found = client.v1.promotion_codes.retrieve(made.id)
    assert (found.times_redeemed, found.active) == (1, False)
    with pytest.raises(stripe.InvalidRequestError, match="used up"):
        checkout(client, customer=cleo(client, None).id, discounts=[{"promotion_code": made.id}])


def test_a_coupon_for_one_product_takes_nothing_off_another(client: stripe.StripeClient, simulator: Running) -> None:
    mine, other = plan(client), plan(client)
    made = coupon(client, applies_to={"products": [str(mine.product)]})
    assert client.v1.coupons.retrieve(made.id, {"expand": ["applies_to"]}).applies_to.products == [mine.product]
    with pytest.raises(stripe.InvalidRequestError, match="does not apply"):
        checkout(client, line_items=[{"price": other.id, "quantity": 1}], discounts=[{"coupon": made.id}])


def test_a_customer_s_tax_ids_stand_on_invoices_from_their_finalization_on(
    client: stripe.StripeClient, simulator: Running
) -> None:
    customer = cleo(client, "pm_card_visa", address={"line1": "Hafen 4", "city": "Kiel", "country": "DE"})
    number = client.v1.customers.tax_ids.create(customer.id, {"type": "eu_vat", "value": "DE136695976"})
    held = subscribed(client, customer=customer)
    client.v1.customers.tax_ids.delete(customer.id, number.id)
    client.v1.customers.update(customer.id, {"name": "Somebody else", "address": ""})
    assert client.v1.customers.tax_ids.list(customer.id).data == []
    invoice = client.v1.invoices.retrieve(str(held.latest_invoice))
    assert [(each.type, each.value) for each in invoice.customer_tax_ids or []] == [("eu_vat", "DE136695976")]
    assert (invoice.customer_name, invoice.customer_address and invoice.customer_address.city) == ("Cleo", "Kiel")
    shown = page(invoice.hosted_invoice_url).text
    for words in ("Hafen 4", "EU VAT DE136695976"):
        assert words in shown


@pytest.mark.parametrize(("kind", "value"), [("eu_vat", "12345"), ("us_ein", "DE136695976")])
def test_a_number_without_the_form_of_its_kind_is_refused(
    client: stripe.StripeClient, simulator: Running, kind: Any, value: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.customers.tax_ids.create(cleo(client, None).id, {"type": kind, "value": value})
    assert refused.value.code == "tax_id_invalid"
