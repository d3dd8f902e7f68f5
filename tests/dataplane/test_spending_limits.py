"""The buyer's own limit at the door: exact to the call, and moved within a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from portal.db import SYSTEM, scoped, transaction
from portal.pricing.queries import get_offer_of_price
from portal.subscriptions import spending
from portal.subscriptions.models import Subscription
from tests.dataplane.conftest import Customer, GatewayProcess, utc_now, wait_until
from tests.dataplane.test_limits import counted

Make = Callable[..., Customer]


def sets(customer: Customer, amount: int | None) -> None:
    with transaction(SYSTEM):
        spending.set_limit(customer.account.id, customer.subscription.id, amount, actor="user:1", organisation_id=None)


def calls(gateway: GatewayProcess, customer: Customer, times: int, path: str = "/echo") -> list[int]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda _: gateway.call(customer.path + path, customer.text).status, range(times)))


@pytest.fixture
def customer(make_customer: Make) -> Customer:
    """Ten calls for €29.00, then half a cent each."""
    return make_customer(included_quantity=10, usage_model="per_unit", unit_amount="0.5")


def test_exactly_the_calls_that_the_money_pays_for_are_served(gateway: GatewayProcess, customer: Customer) -> None:
    sets(customer, 2910)  # ten cents: twenty calls more
    statuses = calls(gateway, customer, 50)
    assert (statuses.count(200), statuses.count(429)) == (30, 20)
    refused = gateway.call(f"{customer.path}/echo", customer.text)
    body = refused.json()
    assert body["type"] == "https://market.example/problems/spending-limit-reached"
    assert (body["limit"], body["spending_limit"], body["currency"]) == (30, 2910, "eur")
    assert body["help"] == f"https://market.example/subscriptions/{customer.subscription.id}"
    assert "29.10 EUR" in body["detail"]
    assert body["resets_at"] == refused.headers["X-Quota-Reset"]
    assert int(refused.headers["Retry-After"]) > 86_400
    assert counted(customer.subscription.id) == 30


def test_a_raised_limit_serves_again_within_about_a_second(gateway: GatewayProcess, customer: Customer) -> None:
    sets(customer, 2900)
    assert calls(gateway, customer, 12).count(200) == 10
    sets(customer, 2905)
    asked = time.monotonic()
    wait_until(lambda: gateway.call(f"{customer.path}/echo", customer.text).status == 200, within=2)
    assert time.monotonic() - asked < 1.5
    assert calls(gateway, customer, 20).count(200) == 9
    sets(customer, None)
    wait_until(lambda: gateway.call(f"{customer.path}/echo", customer.text).status == 200, within=2)
    assert set(calls(gateway, customer, 20)) == {200}


def test_a_limit_below_what_is_used_stops_calls_although_some_were_leased(
    gateway: GatewayProcess, customer: Customer
) -> None:
    sets(customer, 9000)
    assert set(calls(gateway, customer, 120)) == {200}  # so many in a second that the gateway books ahead
    sets(customer, 2910)
    wait_until(lambda: gateway.call(f"{customer.path}/echo", customer.text).status == 429, within=2)
    assert set(calls(gateway, customer, 30)) == {429}
    assert counted(customer.subscription.id) >= 120
    sets(customer, 9000)  # a call that fails gives its place back, also after a refusal
    wait_until(lambda: gateway.call(f"{customer.path}/status/503", customer.text).status == 503, within=2)
    assert gateway.call(f"{customer.path}/echo", customer.text).status == 200


def test_calls_made_before_there_was_a_limit_count(gateway: GatewayProcess, customer: Customer) -> None:
    assert set(calls(gateway, customer, 25)) == {200}
    sets(customer, 2910)
    wait_until(lambda: counted(customer.subscription.id) >= 25)
    wait_until(lambda: gateway.call(f"{customer.path}/echo", customer.text).headers.get("X-Quota-Limit") == "30")
    calls(gateway, customer, 20)
    assert counted(customer.subscription.id) == 30


def test_what_is_leased_goes_back_when_the_limit_is_removed(gateway: GatewayProcess, customer: Customer) -> None:
    sets(customer, 9000)
    made = len(calls(gateway, customer, 80))
    sets(customer, None)
    while True:
        answer = gateway.call(f"{customer.path}/echo", customer.text)
        made += answer.status == 200
        if "X-Quota-Limit" not in answer.headers:
            break
    assert gateway.stop() == 0
    assert counted(customer.subscription.id) == made


def test_the_plan_s_own_limit_speaks_where_it_is_the_nearer_one(gateway: GatewayProcess, make_customer: Make) -> None:
    customer = make_customer(included_quantity=3)
    offer_terms = _terms_of(customer)
    with transaction(SYSTEM) as session:  # as a change of plan leaves it
        held = session.get_one(Subscription, customer.subscription.id)
        held.spending_limit, held.spending_calls = 5800, spending.calls_on(offer_terms, 5800)
        assert held.spending_calls == spending.UNREACHED
    assert calls(gateway, customer, 5).count(200) == 3
    assert gateway.call(f"{customer.path}/echo", customer.text).json()["type"].endswith("/quota-exceeded")


def test_a_limit_that_no_volume_reaches_stops_nobody(gateway: GatewayProcess, make_customer: Make) -> None:
    customer = make_customer(included_quantity=3, usage_model="per_unit", unit_amount="0")
    sets(customer, 2900)
    assert set(calls(gateway, customer, 9)) == {200}
    assert "X-Quota-Limit" not in gateway.call(f"{customer.path}/echo", customer.text).headers


def test_the_next_period_counts_from_zero(gateway: GatewayProcess, customer: Customer) -> None:
    sets(customer, 2900)
    assert calls(gateway, customer, 12).count(200) == 10
    with transaction(SYSTEM) as session:
        held = session.get_one(Subscription, customer.subscription.id)
        held.current_period_start = utc_now()
    wait_until(lambda: gateway.call(f"{customer.path}/echo", customer.text).status == 200, within=2)
    assert calls(gateway, customer, 20).count(200) == 9


def _terms_of(customer: Customer):  # type: ignore[no-untyped-def]
    with scoped(SYSTEM):
        return get_offer_of_price(customer.subscription.price_id).terms
