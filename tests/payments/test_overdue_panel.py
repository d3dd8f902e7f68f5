"""The panel of a subscription whose payment failed: what is owed, what comes next, who may settle it."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.payments.syncing import Syncing, sync_invoice
from tests.factories import make_organisation, make_user
from tests.payments.conftest import Shop, colleague, held
from tests.sign_in import sign_in_as
from tests.stripe_world import StripeWorld


@pytest.fixture
def overdue(shop: Shop, syncing: Syncing, stripe_world: StripeWorld, bought: int) -> int:
    """A subscription whose renewal the card did not pay."""
    subscription = stripe_world.api("GET", f"subscriptions/{held(shop).stripe_subscription_id}")
    customer = subscription["customer"]
    stripe_world.api("POST", "payment_methods/pm_card_chargeCustomerFail/attach", customer=customer)
    bad = stripe_world.api("GET", "payment_methods", customer=customer)["data"][0]["id"]
    stripe_world.api("POST", f"subscriptions/{subscription['id']}", default_payment_method=bad)
    renewal = subscription["items"]["data"][0]["current_period_end"] + 2 * 3600
    stripe_world.control("clock", to=renewal)
    for invoice in stripe_world.api("GET", "invoices", customer=customer)["data"]:
        sync_invoice(invoice["id"], syncing)
    return bought


def test_it_says_what_is_owed_and_what_comes_next(owner: FlaskClient, shop: Shop, overdue: int) -> None:
    panel = _words(owner.get(f"/subscriptions/{overdue}/overdue").text)
    grace = held(shop).grace_until
    assert grace is not None
    assert "€29.00 is overdue" in panel
    assert "Your bank declined the payment of" in panel
    assert "Your card is asked again on" in panel
    assert f"Access stays until {grace.day} {grace:%b %Y}." in panel
    assert "Pay €29.00" in panel
    assert "Update the card" in panel


def test_who_may_not_pay_is_told_whom_to_ask(app: Flask, shop: Shop, overdue: int) -> None:
    panel = colleague(app, shop, "viewer").get(f"/subscriptions/{overdue}/overdue").text
    assert "Ask an owner, an admin or somebody in billing to settle it." in panel
    assert "Pay €29.00" not in panel
    page = colleague(app, shop, "viewer").get(f"/subscriptions/{overdue}").text
    assert "Payment overdue" in page
    assert "Update the card</button>" not in page


def test_it_is_empty_once_paid_and_nobody_else_s_business(
    app: Flask, owner: FlaskClient, shop: Shop, bought: int
) -> None:
    assert owner.get(f"/subscriptions/{bought}/overdue").text == ""
    dan = sign_in_as(app.test_client(), make_user("Dan", organisation=make_organisation("Northlight")))
    assert dan.get(f"/subscriptions/{bought}/overdue").status_code == 404


def _words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"</?time[^>]*>", "", page)).split())
