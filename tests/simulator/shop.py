"""Words for tests: a plan, a customer with a card, a checkout, a form."""

from typing import Any

import requests
import stripe

SUCCEEDS, DECLINED, NO_FUNDS = "4242424242424242", "4000000000000002", "4000000000009995"
CONFIRMS, CONFIRMS_THEN_NO_FUNDS, FAILS_LATER = "4000002760003184", "4000008260003178", "4000000000000341"
RETURN = "http://127.0.0.1:8000/return?session={CHECKOUT_SESSION_ID}"
CANCEL = "http://127.0.0.1:8000/plans"
MONTH = 31 * 86_400


def plan(client: stripe.StripeClient, amount: int = 2900, **price: Any) -> stripe.Price:
    """A monthly price of a product of its own."""
    product = client.v1.products.create({"name": price.pop("name", "Weather API")})
    params: Any = {"product": product.id, "currency": "eur", "unit_amount": amount, "recurring": {"interval": "month"}}
    return client.v1.prices.create({**params, **price})


def cleo(client: stripe.StripeClient, method: str | None = "pm_card_visa", **params: Any) -> stripe.Customer:
    """A customer; with a card that is charged by default unless told otherwise."""
    customer = client.v1.customers.create({"email": "cleo@example.com", "name": "Cleo", **params})
    if method is not None:
        saved = client.v1.payment_methods.attach(method, {"customer": customer.id})
        client.v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": saved.id}})
    return customer


def subscribed(client: stripe.StripeClient, method: str = "pm_card_visa", **params: Any) -> stripe.Subscription:
    """Cleo's running subscription."""
    customer = params.pop("customer", None) or cleo(client, method)
    items: Any = params.pop("items", None) or [{"price": plan(client).id}]
    return client.v1.subscriptions.create({"customer": customer.id, "items": items, **params})


def checkout(client: stripe.StripeClient, **params: Any) -> stripe.checkout.Session:
    """An open checkout session for the plan."""
    if "line_items" not in params and params.get("mode") != "setup":
        params["line_items"] = [{"price": plan(client).id, "quantity": 1}]
    common: Any = {"mode": "subscription", "success_url": RETURN, "cancel_url": CANCEL}
    return client.v1.checkout.sessions.create({**common, **params})


def form(card: str = SUCCEEDS, **fields: str) -> dict[str, str]:
    """The checkout form, filled in."""
    filled = {"email": "cleo@example.com", "number": card, "expiry": "12/34", "cvc": "123", "name": "Cleo"}
    return {**filled, **fields}


def submit(address: str | None, card: str = SUCCEEDS, **fields: str) -> requests.Response:
    """Press the button of a hosted page."""
    return requests.post(str(address), data=form(card, **fields), allow_redirects=False, timeout=20)


def page(address: str | None) -> requests.Response:
    """Look at a hosted page."""
    return requests.get(str(address), allow_redirects=False, timeout=20)


def types(client: stripe.StripeClient) -> list[str]:
    """The types of all events so far, oldest first."""
    return [event.type for event in reversed(list(client.v1.events.list({"limit": 100}).auto_paging_iter()))]
