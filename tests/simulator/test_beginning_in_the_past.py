"""A world may begin in the past: the account's clock goes back while nothing has happened, and from then on only forward."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import requests
import stripe

from tests.simulator.receiver import Receiver
from tests.simulator.running import Running, as_process, free_port
from tests.simulator.shop import cleo, subscribed

DAY = 86_400
MONTHS = 100 * DAY


def refused(simulator: Running, **body: int) -> str:
    """Send the clock somewhere it may not go; return why."""
    answer = requests.post(f"{simulator.url}/_simulator/clock", json=body, timeout=20)
    assert answer.status_code == 400
    return str(answer.json()["error"])


def due(simulator: Running) -> int:
    """When time alone next changes something."""
    found = requests.get(f"{simulator.url}/_simulator/state", timeout=20).json()["next_due"]
    assert isinstance(found, int)
    return found


def test_months_pass_from_a_moment_long_ago(simulator: Running, client: stripe.StripeClient) -> None:
    began = int(time.time()) - MONTHS
    simulator.control("clock", to=began)
    subscription = subscribed(client)
    assert began <= subscription.created <= began + 5
    simulator.control("clock", offset=0)
    invoices = client.v1.invoices.list({"subscription": subscription.id}).data
    assert [invoice.status for invoice in invoices] == ["paid"] * 4
    assert invoices[0].created > invoices[-1].created + 85 * DAY
    assert invoices[0].created < time.time()
    assert client.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_the_clock_never_goes_back_once_something_has_happened(simulator: Running, client: stripe.StripeClient) -> None:
    cleo(client)
    now = int(time.time())
    for body in ({"to": now - DAY}, {"offset": -DAY}):
        assert "only while nothing has happened" in refused(simulator, **body)
    simulator.control("clock", advance=DAY)
    assert "only while nothing has happened" in refused(simulator, offset=0)
    simulator.control("reset")
    assert simulator.control("clock", offset=-DAY)["clock_offset"] == -DAY


@pytest.mark.parametrize("body", [{"to": 0}, {"to": -1}, {"offset": -11 * 366 * DAY}, {"advance": -1}])
def test_a_beginning_that_is_no_moment_is_refused(simulator: Running, body: dict[str, int]) -> None:
    assert refused(simulator, **body)
    assert simulator.control("clock", advance=0)["clock_offset"] == 0


def test_one_may_go_from_event_to_event(simulator: Running, client: stripe.StripeClient) -> None:
    simulator.control("clock", offset=-MONTHS)
    assert requests.get(f"{simulator.url}/_simulator/state", timeout=20).json()["next_due"] is None
    subscription = subscribed(client)
    ends = subscription.items.data[0].current_period_end
    assert due(simulator) == ends
    simulator.control("clock", to=ends)
    renewal = client.v1.invoices.list({"subscription": subscription.id}).data[0]
    assert (renewal.status, renewal.created) == ("draft", ends)
    assert due(simulator) == ends + 3600, "the draft is charged an hour later"
    simulator.control("clock", to=due(simulator))
    assert client.v1.invoices.retrieve(str(renewal.id)).status == "paid"


def test_deliveries_from_the_past_are_signed_now_and_dated_then(tmp_path: Path, receiver: Receiver) -> None:
    flags = ("--webhook-url", receiver.url, "--webhook-secret", "whsec_spine")
    with as_process(tmp_path, free_port(), *flags) as (running, _):
        began = int(time.time()) - MONTHS
        running.control("clock", to=began)
        client = running.client()
        assert client.v1.webhook_endpoints.list().data[0].created <= began, "it was there before it heard anything"
        cleo(client, method=None)
        running.control("deliveries/deliver_now")
        event = next(one for one in receiver.events("whsec_spine") if one["type"] == "customer.created")
        assert began <= event["created"] <= began + 5
