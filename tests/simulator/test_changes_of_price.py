"""Changing what a subscription buys: at once, only if it is paid, or when the period ends."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.simulator.running import wait_until
from tests.simulator.shop import cleo, plan, types

START = 1_780_000_000


def on_clock(client: stripe.StripeClient, price: stripe.Price) -> tuple[str, stripe.Subscription]:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": START})
    customer = cleo(client, test_clock=clock.id)
    return clock.id, client.v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})


def advance(client: stripe.StripeClient, clock: str, to: int) -> None:
    client.v1.test_helpers.test_clocks.advance(clock, {"frozen_time": to})
    wait_until(lambda: client.v1.test_helpers.test_clocks.retrieve(clock).status == "ready")


def raised_to(client: stripe.StripeClient, held: stripe.Subscription, price: stripe.Price, **more: Any) -> Any:
    wanted: Any = {
        "items": [{"id": held.items.data[0].id, "price": price.id}],
        "proration_behavior": "always_invoice",
        "payment_behavior": "error_if_incomplete",
        **more,
    }
    return client.v1.subscriptions.update(held.id, wanted)


def test_what_the_preview_says_is_what_is_charged(client: stripe.StripeClient) -> None:
    clock, held = on_clock(client, plan(client, 2000))
    dearer = plan(client, 5000)
    end = held.items.data[0].current_period_end
    advance(client, clock, START + (end - START) // 2)
    at = START + (end - START) // 2
    preview = client.v1.invoices.create_preview(
        {
            "subscription": held.id,
            "subscription_details": {
                "items": [{"id": held.items.data[0].id, "price": dearer.id}],
                "proration_behavior": "always_invoice",
                "proration_date": at,
            },
        }
    )
    assert (preview.total, [line.amount for line in preview.lines.data]) == (1500, [-1000, 2500])
    changed = raised_to(client, held, dearer, proration_date=at)
    invoice = client.v1.invoices.retrieve(str(changed.latest_invoice))
    assert (invoice.status, invoice.total) == ("paid", 1500)


def test_a_change_that_is_not_paid_did_not_happen(client: stripe.StripeClient) -> None:
    clock, held = on_clock(client, plan(client, 2000))
    customer = str(held.customer)
    failing = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    client.v1.subscriptions.update(held.id, {"default_payment_method": failing.id})
    before = types(client)
    with pytest.raises(stripe.CardError) as refusal:
        raised_to(client, held, plan(client, 5000))
    assert refusal.value.code == "card_declined"
    after = client.v1.subscriptions.retrieve(held.id)
    assert (after.status, after.items.data[0].price.id) == ("active", held.items.data[0].price.id)
    assert after.latest_invoice == held.latest_invoice
    assert [kind for kind in types(client)[len(before) :] if not kind.startswith(("product.", "price.", "plan."))] == []
    assert clock


def test_a_planned_change_waits_for_the_end_of_the_period(client: stripe.StripeClient) -> None:
    large, small = plan(client, 5000), plan(client, 2000)
    clock, held = on_clock(client, large)
    schedule = client.v1.subscription_schedules.create({"from_subscription": held.id})
    end = schedule.phases[0].end_date
    phases: Any = [
        {"items": [{"price": large.id}], "start_date": schedule.phases[0].start_date, "end_date": end},
        {"items": [{"price": small.id}], "duration": {"interval": "month", "interval_count": 1}},
    ]
    client.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    advance(client, clock, end - 60)
    assert client.v1.subscriptions.retrieve(held.id).items.data[0].price.id == large.id
    advance(client, clock, end + 7200)
    changed = client.v1.subscriptions.retrieve(held.id, {"expand": ["latest_invoice"]})
    assert isinstance(changed.latest_invoice, stripe.Invoice)
    assert (changed.items.data[0].price.id, changed.latest_invoice.total) == (small.id, 2000)
    advance(client, clock, changed.items.data[0].current_period_end + 7200)
    assert client.v1.subscription_schedules.retrieve(schedule.id).status == "released"
    assert client.v1.subscriptions.retrieve(held.id).schedule is None


def test_a_planned_change_can_be_taken_back(client: stripe.StripeClient) -> None:
    large = plan(client, 5000)
    clock, held = on_clock(client, large)
    schedule = client.v1.subscription_schedules.create({"from_subscription": held.id})
    client.v1.subscription_schedules.release(schedule.id)
    advance(client, clock, schedule.phases[0].end_date + 7200)
    assert client.v1.subscriptions.retrieve(held.id).items.data[0].price.id == large.id
    with pytest.raises(stripe.InvalidRequestError, match="released"):
        client.v1.subscription_schedules.release(schedule.id)


def test_the_running_phase_cannot_be_moved(client: stripe.StripeClient) -> None:
    large = plan(client, 5000)
    _clock, held = on_clock(client, large)
    schedule = client.v1.subscription_schedules.create({"from_subscription": held.id})
    phases: Any = [{"items": [{"price": large.id}], "start_date": START + 5}]
    with pytest.raises(stripe.InvalidRequestError, match="start date of the current phase"):
        client.v1.subscription_schedules.update(schedule.id, {"phases": phases})
    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        client.v1.subscription_schedules.create({"from_subscription": held.id})
