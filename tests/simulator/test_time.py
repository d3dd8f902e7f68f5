"""What time does: renewals, trial ends, failed payments and their retries, expiries; by test clock and by control."""

import pytest
import stripe

from tests.simulator.running import Running, wait_until
from tests.simulator.shop import MONTH, checkout, cleo, plan, subscribed, types

START = 1_780_000_000
DAY = 86_400


class Calendar:
    """A test clock that a test moves."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client
        self.id = client.v1.test_helpers.test_clocks.create({"frozen_time": START}).id

    def day(self, number: float) -> None:
        """Advance to this day after the start and wait until the clock is ready."""
        moved = self._client.v1.test_helpers.test_clocks.advance(self.id, {"frozen_time": START + int(number * DAY)})
        assert moved.status == "advancing"
        wait_until(lambda: self._client.v1.test_helpers.test_clocks.retrieve(self.id).status == "ready")


@pytest.fixture
def calendar(client: stripe.StripeClient) -> Calendar:
    return Calendar(client)


def test_a_month_later_the_subscription_renews_and_is_paid(client: stripe.StripeClient, calendar: Calendar) -> None:
    subscription = subscribed(client, customer=cleo(client, test_clock=calendar.id))
    first_end = subscription.items.data[0].current_period_end
    calendar.day(31.02)
    drafted = client.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert isinstance(drafted.latest_invoice, stripe.Invoice)
    assert (drafted.latest_invoice.status, drafted.latest_invoice.created) == ("draft", first_end)
    calendar.day(31.5)
    renewed = client.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert isinstance(renewed.latest_invoice, stripe.Invoice)
    assert (renewed.latest_invoice.status, renewed.latest_invoice.billing_reason) == ("paid", "subscription_cycle")
    assert renewed.items.data[0].current_period_start == first_end
    assert len(client.v1.charges.list().data) == 2


def test_a_failed_renewal_is_past_due_and_a_new_card_heals_it(client: stripe.StripeClient, calendar: Calendar) -> None:
    customer = cleo(client, test_clock=calendar.id)
    subscription = subscribed(client, customer=customer)
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    client.v1.subscriptions.update(subscription.id, {"default_payment_method": bad.id})
    calendar.day(32)
    late = client.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert isinstance(late.latest_invoice, stripe.Invoice)
    assert (late.status, late.latest_invoice.attempt_count) == ("past_due", 1)
    assert late.latest_invoice.next_payment_attempt is not None
    assert client.v1.customers.retrieve(customer.id).delinquent
    good = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    client.v1.subscriptions.update(subscription.id, {"default_payment_method": good.id})
    calendar.day(34)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert not client.v1.customers.retrieve(customer.id).delinquent


def test_when_all_retries_fail_the_subscription_ends(client: stripe.StripeClient, calendar: Calendar) -> None:
    customer = cleo(client, test_clock=calendar.id)
    subscription = subscribed(client, customer=customer)
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    client.v1.subscriptions.update(subscription.id, {"default_payment_method": bad.id})
    calendar.day(50)
    ended = client.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "payment_failed"
    assert isinstance(ended.latest_invoice, stripe.Invoice)
    assert (ended.latest_invoice.status, ended.latest_invoice.attempt_count) == ("uncollectible", 9)


def test_the_account_may_leave_unpaid_subscriptions_unpaid(
    simulator: Running, client: stripe.StripeClient, calendar: Calendar
) -> None:
    simulator.control("settings", after_retries="unpaid")
    customer = cleo(client, test_clock=calendar.id)
    subscription = subscribed(client, customer=customer)
    bad = client.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer.id})
    client.v1.subscriptions.update(subscription.id, {"default_payment_method": bad.id})
    calendar.day(50)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "unpaid"


def test_a_trial_is_announced_and_then_charged(client: stripe.StripeClient, calendar: Calendar) -> None:
    customer = cleo(client, test_clock=calendar.id)
    subscription = subscribed(client, customer=customer, trial_period_days=14)
    assert (subscription.status, client.v1.charges.list().data) == ("trialing", [])
    calendar.day(12)
    assert types(client).count("customer.subscription.trial_will_end") == 1
    calendar.day(15)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert [charge.amount for charge in client.v1.charges.list().data] == [2900]


@pytest.mark.parametrize(
    ("behaviour", "status"), [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")]
)
def test_a_trial_that_ends_without_a_card(
    client: stripe.StripeClient, calendar: Calendar, behaviour: str, status: str
) -> None:
    customer = cleo(client, method=None, test_clock=calendar.id)
    settings = {"end_behavior": {"missing_payment_method": behaviour}}
    subscription = subscribed(client, customer=customer, trial_period_days=5, trial_settings=settings)
    calendar.day(6)
    assert client.v1.subscriptions.retrieve(subscription.id).status == status


def test_cancelling_at_the_period_end_keeps_what_was_paid_for(client: stripe.StripeClient, calendar: Calendar) -> None:
    subscription = subscribed(client, customer=cleo(client, test_clock=calendar.id))
    leaving = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (leaving.status, leaving.cancel_at) == ("active", leaving.items.data[0].current_period_end)
    calendar.day(30)
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"
    calendar.day(31.5)
    ended = client.v1.subscriptions.retrieve(subscription.id)
    assert (ended.status, ended.ended_at) == ("canceled", leaving.cancel_at)
    assert types(client).count("customer.subscription.deleted") == 1
    assert len(client.v1.charges.list().data) == 1


def test_a_first_payment_that_never_comes_expires_after_23_hours(
    client: stripe.StripeClient, calendar: Calendar
) -> None:
    subscription = subscribed(
        client,
        "pm_card_chargeCustomerFail",
        customer=cleo(client, "pm_card_chargeCustomerFail", test_clock=calendar.id),
    )
    assert subscription.status == "incomplete"
    calendar.day(1)
    expired = client.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
    assert isinstance(expired.latest_invoice, stripe.Invoice)
    assert (expired.status, expired.latest_invoice.status) == ("incomplete_expired", "void")


def test_the_thirty_first_stays_the_thirty_first(client: stripe.StripeClient) -> None:
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": 1_801_353_600})  # 31 January 2027, 00:00 UTC
    subscription = subscribed(client, customer=cleo(client, test_clock=clock.id))
    ends = []
    for moment in (1_803_859_200, 1_806_451_200):  # 1 March, 31 March
        client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": moment})
        wait_until(lambda: client.v1.test_helpers.test_clocks.retrieve(clock.id).status == "ready")
        ends.append(client.v1.subscriptions.retrieve(subscription.id).items.data[0].current_period_end)
    assert ends == [1_806_451_200, 1_809_043_200]  # 31 March, 30 April


def test_a_clock_goes_forwards_and_not_too_far(client: stripe.StripeClient, calendar: Calendar) -> None:
    subscribed(client, customer=cleo(client, test_clock=calendar.id))
    for moment in (START, START - 1, START + 3 * MONTH):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.test_helpers.test_clocks.advance(calendar.id, {"frozen_time": moment})


def test_the_account_without_a_clock_moves_by_control(simulator: Running, client: stripe.StripeClient) -> None:
    subscription = subscribed(client)
    session = checkout(client)
    simulator.control("clock", advance=2 * DAY)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "expired"
    simulator.control("clock", advance=MONTH)
    renewed = client.v1.subscriptions.retrieve(subscription.id)
    assert renewed.items.data[0].current_period_start == subscription.items.data[0].current_period_end
    assert len(client.v1.invoices.list({"subscription": subscription.id, "status": "paid"}).data) == 2


def test_a_dearer_plan_in_mid_period_costs_the_rest_of_the_difference(
    client: stripe.StripeClient, calendar: Calendar
) -> None:
    subscription = subscribed(client, customer=cleo(client, test_clock=calendar.id))
    item = subscription.items.data[0]
    length = item.current_period_end - item.current_period_start
    calendar.day(10)
    dearer = plan(client, 5900)
    change = {"items": [{"id": item.id, "price": dearer.id}]}
    preview = client.v1.invoices.create_preview(
        {"subscription": subscription.id, "subscription_details": {**change, "proration_behavior": "always_invoice"}}  # type: ignore[typeddict-item]
    )
    client.v1.subscriptions.update(subscription.id, {**change, "proration_behavior": "always_invoice"})  # type: ignore[arg-type]
    invoice = client.v1.invoices.list({"subscription": subscription.id}).data[0]
    rest = length - 10 * DAY
    expected = (5900 * rest * 2 + length) // (2 * length) - (2900 * rest * 2 + length) // (2 * length)
    assert (invoice.total, invoice.status, invoice.billing_reason) == (expected, "paid", "subscription_update")
    assert preview.total == expected
    assert sorted(line.amount > 0 for line in invoice.lines.data) == [False, True]


def test_prorations_otherwise_wait_for_the_next_invoice(client: stripe.StripeClient, calendar: Calendar) -> None:
    subscription = subscribed(client, customer=cleo(client, test_clock=calendar.id))
    calendar.day(10)
    client.v1.subscriptions.update(subscription.id, {"items": [{"id": subscription.items.data[0].id, "quantity": 3}]})
    assert len(client.v1.invoices.list({"subscription": subscription.id}).data) == 1
    calendar.day(32)
    renewal = client.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert len(renewal.lines.data) == 3
    assert renewal.total > 3 * 2900
