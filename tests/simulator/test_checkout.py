"""Paying on the hosted page: what the person sees and what the account holds afterwards."""

import re

import pytest
import requests
import stripe

from tests.simulator.running import Running
from tests.simulator.shop import (
    CONFIRMS,
    CONFIRMS_THEN_NO_FUNDS,
    DECLINED,
    FAILS_LATER,
    NO_FUNDS,
    checkout,
    cleo,
    page,
    plan,
    submit,
    types,
)


def test_paying_starts_the_subscription_and_leads_back_to_the_shop(client: stripe.StripeClient) -> None:
    session = checkout(client, subscription_data={"metadata": {"account": "7"}}, client_reference_id="intent-1")
    answer = submit(session.url)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"http://127.0.0.1:8000/return?session={session.id}"
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice.payments"]})
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    subscription, invoice = done.subscription, done.invoice
    assert isinstance(subscription, stripe.Subscription)
    assert isinstance(invoice, stripe.Invoice)
    assert (subscription.status, subscription.metadata["account"]) == ("active", "7")
    assert (invoice.status, invoice.amount_paid, invoice.billing_reason) == ("paid", 2900, "subscription_create")
    assert invoice.parent is not None
    assert invoice.parent.subscription_details is not None
    assert invoice.parent.subscription_details.subscription == subscription.id


def test_no_subscription_exists_before_the_payment(client: stripe.StripeClient) -> None:
    session = checkout(client)
    assert session.subscription is None
    submit(session.url, DECLINED)
    assert client.v1.subscriptions.list({"status": "all"}).data == []
    assert client.v1.customers.list().data == []


@pytest.mark.parametrize(("card", "words"), [(DECLINED, "Your bank declined this card"), (NO_FUNDS, "enough funds")])
def test_a_decline_says_so_in_place_and_keeps_the_form(client: stripe.StripeClient, card: str, words: str) -> None:
    session = checkout(client)
    answer = submit(session.url, card)
    assert answer.status_code == 402
    assert words in answer.text
    assert "Nothing was charged" in answer.text
    assert 'value="cleo@example.com"' in answer.text
    assert f'value="{card}"' in answer.text
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert "payment_intent.payment_failed" in types(client)


def test_after_a_decline_another_card_pays_the_same_intent(client: stripe.StripeClient) -> None:
    session = checkout(client)
    submit(session.url, DECLINED)
    assert submit(session.url).status_code == 303
    intents = client.v1.payment_intents.list().data
    assert [(intent.status, intent.amount_received) for intent in intents] == [("succeeded", 2900)]
    assert [charge.status for charge in client.v1.charges.list().data] == ["succeeded", "failed"]


def test_the_bank_asks_and_the_person_confirms(client: stripe.StripeClient) -> None:
    session = checkout(client)
    asked = submit(session.url, CONFIRMS)
    bank = asked.headers["Location"]
    assert "Confirm €29.00" in page(bank).text
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"
    answer = requests.post(bank, data={"outcome": "complete"}, allow_redirects=False, timeout=20)
    assert answer.headers["Location"].startswith("http://127.0.0.1:8000/return")
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_the_person_refuses_at_the_bank_and_may_try_again(client: stripe.StripeClient) -> None:
    session = checkout(client)
    bank = submit(session.url, CONFIRMS).headers["Location"]
    answer = requests.post(bank, data={"outcome": "fail"}, allow_redirects=False, timeout=20)
    assert answer.status_code == 402
    assert "could not confirm that it is you" in answer.text
    assert submit(session.url).status_code == 303


def test_confirming_does_not_fill_an_empty_account(client: stripe.StripeClient) -> None:
    session = checkout(client)
    bank = submit(session.url, CONFIRMS_THEN_NO_FUNDS).headers["Location"]
    answer = requests.post(bank, data={"outcome": "complete"}, allow_redirects=False, timeout=20)
    assert answer.status_code == 402
    assert "enough funds" in answer.text


def test_confirming_twice_charges_once(client: stripe.StripeClient) -> None:
    session = checkout(client)
    bank = submit(session.url, CONFIRMS).headers["Location"]
    for _ in range(2):
        requests.post(bank, data={"outcome": "complete"}, allow_redirects=False, timeout=20)
    assert len(client.v1.charges.list().data) == 1
    assert len(client.v1.subscriptions.list().data) == 1


def test_a_trial_charges_nothing_and_says_when_it_will(client: stripe.StripeClient) -> None:
    session = checkout(client, subscription_data={"trial_period_days": 14})
    shown = page(session.url).text
    assert "14 days free" in shown
    assert ">Start trial</button>" in shown
    submit(session.url)
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription", "invoice"]})
    assert isinstance(done.subscription, stripe.Subscription)
    assert isinstance(done.invoice, stripe.Invoice)
    assert (done.payment_status, done.subscription.status) == ("no_payment_required", "trialing")
    assert (done.invoice.status, done.invoice.total) == ("paid", 0)
    assert done.subscription.default_payment_method is not None
    assert client.v1.charges.list().data == []


def test_a_trial_without_a_card_when_none_is_required(client: stripe.StripeClient) -> None:
    session = checkout(client, subscription_data={"trial_period_days": 7}, payment_method_collection="if_required")
    assert 'name="number"' not in page(session.url).text
    assert submit(session.url).status_code == 303
    assert client.v1.subscriptions.list().data[0].default_payment_method is None


def test_a_card_that_saves_but_does_not_pay_starts_a_trial(client: stripe.StripeClient) -> None:
    session = checkout(client, subscription_data={"trial_period_days": 7})
    assert submit(session.url, FAILS_LATER).status_code == 303
    paying = checkout(client)
    assert submit(paying.url, FAILS_LATER).status_code == 402


def test_payment_mode_charges_once_without_a_subscription(client: stripe.StripeClient) -> None:
    data = {"currency": "jpy", "unit_amount": 1500, "product_data": {"name": "Credits"}}
    session = checkout(client, mode="payment", line_items=[{"price_data": data, "quantity": 2}])
    assert "Pay ¥3,000" in page(session.url).text
    submit(session.url)
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert isinstance(done.payment_intent, stripe.PaymentIntent)
    assert (done.payment_intent.amount_received, done.subscription, done.customer) == (3000, None, None)


def test_setup_mode_saves_a_card_and_charges_nothing(client: stripe.StripeClient) -> None:
    customer = cleo(client, method=None)
    session = checkout(client, mode="setup", customer=customer.id)
    submit(session.url)
    assert client.v1.checkout.sessions.retrieve(session.id).status == "complete"
    assert [method.card and method.card.last4 for method in client.v1.customers.payment_methods.list(customer.id)] == [
        "4242"
    ]
    assert client.v1.charges.list().data == []


def test_the_same_form_twice_pays_once(client: stripe.StripeClient) -> None:
    session = checkout(client)
    submit(session.url)
    again = submit(session.url)
    assert again.status_code == 200
    assert "You will not be charged again" in again.text
    assert len(client.v1.charges.list().data) == 1


def test_an_expired_session_takes_no_money(client: stripe.StripeClient) -> None:
    session = checkout(client)
    client.v1.checkout.sessions.expire(session.id)
    answer = submit(session.url)
    assert answer.status_code == 410
    assert "Nothing was charged" in answer.text
    assert client.v1.charges.list().data == []


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("email", "cleo", "Enter an email address"),
        ("number", "", "Enter a card number"),
        ("number", "4242 4242 4242 4241", "typing error"),
        ("number", "4111 1111 1111 1111", "No real card can be used here"),
        ("expiry", "01/20", "in the future"),
        ("expiry", "soon", "in the future"),
        ("cvc", "x", "3 or 4 digits"),
    ],
)
def test_each_field_says_what_it_needs(client: stripe.StripeClient, field: str, value: str, words: str) -> None:
    answer = submit(checkout(client).url, **{field: value})
    assert answer.status_code == 422
    assert words in answer.text
    assert re.search(rf'id="{field}"[^>]*aria-invalid="true" aria-describedby="{field}-error"', answer.text)


def test_choosing_a_test_card_fills_the_form_without_paying(client: stripe.StripeClient) -> None:
    answer = submit(checkout(client).url, "", fill="5555555555554444")
    assert 'value="5555 5555 5555 4444"' in answer.text
    assert 'value="cleo@example.com"' in answer.text
    assert client.v1.charges.list().data == []


def test_the_page_runs_no_script_and_submits_only_to_itself_and_the_shop(client: stripe.StripeClient) -> None:
    answer = page(checkout(client).url)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:8000" in policy
    assert "unsafe" not in policy
    assert "script" not in policy
    assert "<script" not in answer.text
    assert "style=" not in answer.text
    assert "Test mode" in answer.text
    assert 'href="http://127.0.0.1:8000/plans"' in answer.text


def test_what_a_shop_writes_cannot_become_markup(client: stripe.StripeClient) -> None:
    session = checkout(
        client, line_items=[{"price": plan(client, name="<img src=x onerror=alert(1)>").id, "quantity": 1}]
    )
    answer = submit(session.url, "<script>", email='"><script>alert(1)</script>')
    assert "<img src=x" not in answer.text
    assert "<script" not in answer.text


def test_a_known_customer_is_not_asked_for_an_address(client: stripe.StripeClient) -> None:
    session = checkout(client, customer=cleo(client, method=None).id)
    assert 'name="email"' not in page(session.url).text
    assert submit(session.url, email="").status_code == 303
    assert len(client.v1.customers.list().data) == 1


def test_unknown_pages_say_so(simulator: Running) -> None:
    for path in (
        "/c/pay/cs_test_none",
        "/authentications/pi_none",
        "/p/session/none",
        "/invoices/in_none",
        "/receipts/ch_0",
    ):
        answer = page(simulator.url + path)
        assert answer.status_code == 404
        assert "Nothing here" in answer.text
