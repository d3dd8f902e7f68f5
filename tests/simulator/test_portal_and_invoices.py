"""The hosted billing portal, invoices and receipts."""

import requests
import stripe

from tests.simulator.shop import CANCEL, CONFIRMS, DECLINED, cleo, form, page, plan, submit, subscribed


def portal(client: stripe.StripeClient, customer: str, **params: object) -> str:
    """The address of a portal session."""
    return client.v1.billing_portal.sessions.create({"customer": customer, "return_url": CANCEL, **params}).url  # type: ignore[arg-type]


def press(address: str, **data: str) -> requests.Response:
    return requests.post(address, data=data, timeout=20)


def test_the_portal_shows_what_is_paid_for(client: stripe.StripeClient) -> None:
    subscription = subscribed(client)
    shown = page(portal(client, str(subscription.customer))).text
    for words in ("Weather API", "€29.00 per month", "Renews on", "Visa", "ending in 4242", "Paid", CANCEL):
        assert words in shown


def test_cancelling_there_and_changing_ones_mind(client: stripe.StripeClient) -> None:
    subscription = subscribed(client)
    address = portal(client, str(subscription.customer))
    cancellation = f"{address}/subscriptions/{subscription.id}/cancellation"
    assert "It keeps working until" in page(cancellation).text
    shown = press(cancellation, feedback="too_expensive")
    assert "Your subscription is cancelled" in shown.text
    leaving = client.v1.subscriptions.retrieve(subscription.id)
    assert leaving.cancel_at_period_end
    assert leaving.cancellation_details is not None
    assert leaving.cancellation_details.feedback == "too_expensive"
    press(f"{address}/subscriptions/{subscription.id}/resumption")
    kept = client.v1.subscriptions.retrieve(subscription.id)
    assert (kept.cancel_at_period_end, kept.cancel_at, kept.canceled_at) == (False, None, None)
    events = client.v1.events.list({"type": "customer.subscription.updated"}).data
    updates = [event.to_dict()["data"] for event in events]
    changes = [data["previous_attributes"].get("cancel_at_period_end") for data in updates]
    assert changes[:2] == [True, False]


def test_a_flow_leads_straight_to_cancelling_and_back(client: stripe.StripeClient) -> None:
    subscription = subscribed(client)
    flow = {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": subscription.id},
        "after_completion": {"type": "redirect", "redirect": {"return_url": CANCEL}},
    }
    address = portal(client, str(subscription.customer), flow_data=flow)
    assert page(address).headers["Location"].endswith("/cancellation")
    answer = requests.post(f"{address}/subscriptions/{subscription.id}/cancellation", allow_redirects=False, timeout=20)
    assert answer.headers["Location"] == CANCEL


def test_a_configuration_can_forbid_cancelling(client: stripe.StripeClient) -> None:
    subscription = subscribed(client)
    configuration = client.v1.billing_portal.configurations.create({"features": {"invoice_history": {"enabled": True}}})
    address = portal(client, str(subscription.customer), configuration=configuration.id)
    assert "Cancel subscription" not in page(address).text
    assert press(f"{address}/subscriptions/{subscription.id}/cancellation").status_code == 404
    assert not client.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end


def test_a_new_card_is_charged_from_then_on(client: stripe.StripeClient) -> None:
    subscription = subscribed(client)
    address = portal(client, str(subscription.customer))
    refused = press(f"{address}/card", **form(DECLINED))
    assert refused.status_code == 402
    assert "Your old card stays in place" in refused.text
    assert "Your new card is saved" in press(f"{address}/card", **form("5555555555554444")).text
    customer = client.v1.customers.retrieve(
        str(subscription.customer), {"expand": ["invoice_settings.default_payment_method"]}
    )
    method = customer.invoice_settings.default_payment_method if customer.invoice_settings else None
    assert isinstance(method, stripe.PaymentMethod)
    assert method.card is not None
    assert method.card.last4 == "4444"


def test_a_new_card_may_need_the_bank(client: stripe.StripeClient) -> None:
    subscription = subscribed(client)
    address = portal(client, str(subscription.customer))
    asked = requests.post(f"{address}/card", data=form(CONFIRMS), allow_redirects=False, timeout=20)
    assert "Your new card is saved" in press(asked.headers["Location"], outcome="complete").text
    customer = client.v1.customers.retrieve(
        str(subscription.customer), {"expand": ["invoice_settings.default_payment_method"]}
    )
    method = customer.invoice_settings.default_payment_method if customer.invoice_settings else None
    assert isinstance(method, stripe.PaymentMethod)
    assert method.card is not None
    assert method.card.last4 == "3184"


def test_somebody_elses_subscription_is_not_there(client: stripe.StripeClient) -> None:
    theirs = subscribed(client)
    dan = cleo(client)
    address = portal(client, dan.id)
    assert press(f"{address}/subscriptions/{theirs.id}/cancellation").status_code == 404
    assert not client.v1.subscriptions.retrieve(theirs.id).cancel_at_period_end


def test_an_open_invoice_is_paid_on_its_page_and_starts_the_subscription(client: stripe.StripeClient) -> None:
    customer = cleo(client, "pm_card_chargeCustomerFail")
    subscription = subscribed(client, customer=customer, items=[{"price": plan(client).id}])
    invoice = client.v1.invoices.retrieve(str(subscription.latest_invoice))
    assert (subscription.status, invoice.status) == ("incomplete", "open")
    assert "Pay €29.00" in page(invoice.hosted_invoice_url).text
    assert submit(invoice.hosted_invoice_url, DECLINED).status_code == 402
    assert submit(invoice.hosted_invoice_url).status_code == 303
    assert client.v1.invoices.retrieve(invoice.id).status == "paid"
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert "Paid €29.00" in page(invoice.hosted_invoice_url).text
    charge = client.v1.charges.list().data[0]
    assert "€29.00 paid" in page(charge.receipt_url).text


def test_voiding_an_invoice_stops_it(client: stripe.StripeClient) -> None:
    customer = cleo(client, "pm_card_chargeCustomerFail")
    subscription = subscribed(client, customer=customer)
    invoice = client.v1.invoices.void_invoice(str(subscription.latest_invoice))
    assert invoice.status == "void"
    assert client.v1.payment_intents.list().data[0].status == "canceled"
    assert submit(invoice.hosted_invoice_url).status_code == 200
    assert client.v1.invoices.retrieve(invoice.id).status == "void"
