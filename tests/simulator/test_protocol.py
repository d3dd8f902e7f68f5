"""The wire protocol: who may ask, what is refused and how, keys, pages, expansion, metadata."""

import threading

import pytest
import requests
import stripe

from tests.simulator.running import Running, wait_until
from tests.simulator.shop import checkout, cleo, plan, subscribed

METHODS_GONE = "payment_method_types_no_longer_supported"
AUTH = {"Authorization": "Bearer sk_test_spine"}


def error(answer: requests.Response) -> dict[str, str]:
    found: dict[str, str] = answer.json()["error"]
    return found


@pytest.mark.parametrize(
    "header", [{}, {"Authorization": "Bearer "}, {"Authorization": "Bearer sk_live_1"}, {"Authorization": "Basic x"}]
)
def test_without_a_test_key_the_answer_is_401(simulator: Running, header: dict[str, str]) -> None:
    answer = requests.get(f"{simulator.url}/v1/customers", headers=header, timeout=20)
    assert answer.status_code == 401
    assert error(answer)["type"] == "invalid_request_error"
    assert answer.headers["Request-Id"].startswith("req_")


def test_curl_style_basic_authentication_works(simulator: Running) -> None:
    assert requests.get(f"{simulator.url}/v1/customers", auth=("sk_test_spine", ""), timeout=20).status_code == 200


def test_an_unknown_address_is_404_and_another_version_400(simulator: Running) -> None:
    assert requests.get(f"{simulator.url}/v1/nothing", headers=AUTH, timeout=20).status_code == 404
    answer = requests.get(f"{simulator.url}/v1/customers", headers={**AUTH, "Stripe-Version": "2024-06-20"}, timeout=20)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "code", "param"),
    [
        ("customers", "colour=red", "parameter_unknown", "colour"),
        ("customers", "address[planet]=mars", "parameter_unknown", "address[planet]"),
        ("checkout/sessions", "payment_method_types[0]=card", METHODS_GONE, "payment_method_types"),
        ("payment_intents", "amount=1&currency=eur&payment_method_types[]=card", METHODS_GONE, "payment_method_types"),
        ("products", "description=x", "parameter_missing", "name"),
        ("products", "name=", "parameter_invalid_empty", "name"),
        ("prices", "product=prod_0&currency=eur&unit_amount=1", "resource_missing", "product"),
        ("prices", "product=prod_0&currency=eur&unit_amount=a", "parameter_invalid_integer", "unit_amount"),
        ("subscriptions", "customer=cus_0&items[0][price]=p", "resource_missing", "customer"),
        ("subscriptions/sub_0", "billing_cycle_anchor=now", "parameter_invalid_object", "billing_cycle_anchor"),
        ("checkout/sessions", "mode=subscription&success_url=/relative", "url_invalid", "success_url"),
    ],
)  # fmt: skip
def test_refusals_name_the_parameter(simulator: Running, path: str, body: str, code: str, param: str) -> None:
    headers = {**AUTH, "Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(f"{simulator.url}/v1/{path}", data=body, headers=headers, timeout=20)
    assert answer.status_code == 400
    assert (error(answer)["code"], error(answer)["param"]) == (code, param)
    assert error(answer)["request_log_url"].endswith(answer.headers["Request-Id"])


def test_what_the_simulator_leaves_out_is_refused_openly(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="does not implement 'automatic_tax'"):
        checkout(client, automatic_tax={"enabled": True})
    assert checkout(client, automatic_tax={"enabled": False}).id


def test_the_same_key_replays_the_first_answer(client: stripe.StripeClient) -> None:
    first = client.v1.customers.create({"name": "Cleo"}, {"idempotency_key": "k1"})
    again = client.v1.customers.create({"name": "Cleo"}, {"idempotency_key": "k1"})
    assert first.id == again.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(client.v1.customers.list().data) == 1


def test_the_same_key_for_something_else_is_refused(client: stripe.StripeClient) -> None:
    client.v1.customers.create({"name": "Cleo"}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.IdempotencyError) as refusal:
        client.v1.customers.create({"name": "Dan"}, {"idempotency_key": "k1"})
    assert refusal.value.http_status == 400


def test_keys_belong_to_one_account(simulator: Running, client: stripe.StripeClient) -> None:
    client.v1.customers.create({"name": "Cleo"}, {"idempotency_key": "k1"})
    simulator.client("sk_test_other").v1.customers.create({"name": "Dan"}, {"idempotency_key": "k1"})
    assert len(client.v1.customers.list().data) == 2


def test_a_refusal_at_the_door_is_not_remembered(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.products.create({"name": ""}, {"idempotency_key": "k1"})
    assert client.v1.products.create({"name": "Weather"}, {"idempotency_key": "k1"}).name == "Weather"


def test_a_declined_payment_is_remembered(client: stripe.StripeClient) -> None:
    params = {"amount": 500, "currency": "eur", "payment_method": "pm_card_chargeDeclined", "confirm": True}
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refusal:
            client.v1.payment_intents.create(params, {"idempotency_key": "k1"})  # type: ignore[arg-type]
        assert (refusal.value.http_status, refusal.value.code) == (402, "card_declined")
    assert len(client.v1.charges.list().data) == 1


def test_two_requests_at_once_with_one_key_conflict(simulator: Running, client: stripe.StripeClient) -> None:
    simulator.control("faults", api=[{"kind": "slow", "method": "POST", "path": "/v1/customers", "seconds": 1.5}])
    made: list[stripe.Customer] = []
    slow = threading.Thread(target=lambda: made.append(client.v1.customers.create({}, {"idempotency_key": "k1"})))
    slow.start()
    wait_until(lambda: not requests.get(f"{simulator.url}/_simulator/state", timeout=5).json()["faults"]["api"])
    with pytest.raises(stripe.StripeError) as refusal:
        simulator.client().v1.customers.create({}, {"idempotency_key": "k1"})
    assert refusal.value.http_status == 409
    slow.join()
    assert len(made) == 1


def test_lists_page_forwards_and_backwards(client: stripe.StripeClient) -> None:
    made = [client.v1.customers.create({"name": f"{number}"}).id for number in range(7)][::-1]
    first = client.v1.customers.list({"limit": 3})
    assert ([customer.id for customer in first.data], first.has_more) == (made[:3], True)
    second = client.v1.customers.list({"limit": 3, "starting_after": made[2]})
    assert [customer.id for customer in second.data] == made[3:6]
    back = client.v1.customers.list({"limit": 2, "ending_before": made[3]})
    assert ([customer.id for customer in back.data], back.has_more) == (made[1:3], True)
    assert [customer.id for customer in client.v1.customers.list({"limit": 2}).auto_paging_iter()] == made


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "starting_after=cus_0", "starting_after=a&ending_before=b"]
)
def test_impossible_pages_are_refused(simulator: Running, query: str) -> None:
    assert requests.get(f"{simulator.url}/v1/customers?{query}", headers=AUTH, timeout=20).status_code == 400


def test_expansion_reaches_four_levels_and_no_further(client: stripe.StripeClient) -> None:
    subscription = subscribed(client)
    deep = client.v1.subscriptions.list({"expand": ["data.latest_invoice.payments", "data.customer"]}).data[0]
    assert isinstance(deep.latest_invoice, stripe.Invoice)
    assert isinstance(deep.customer, stripe.Customer)
    for path in ("status", "customer.subscriptions.data.latest_invoice.payments", "nonsense", "data.customer"):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.subscriptions.retrieve(subscription.id, {"expand": [path]})


def test_metadata_merges_and_empties(client: stripe.StripeClient) -> None:
    customer = cleo(client, method=None, metadata={"a": "1", "b": "2"})
    changed = client.v1.customers.update(customer.id, {"metadata": {"b": "", "c": "3"}})
    assert changed.to_dict()["metadata"] == {"a": "1", "c": "3"}
    assert client.v1.customers.update(customer.id, {"metadata": ""}).to_dict()["metadata"] == {}


def test_update_events_say_what_was_before(client: stripe.StripeClient) -> None:
    customer = cleo(client, method=None, metadata={"a": "1"})
    client.v1.customers.update(customer.id, {"name": "Cleo M.", "metadata": {"b": "2"}})
    event = client.v1.events.list({"type": "customer.updated"}).data[0].to_dict()
    assert event["data"]["previous_attributes"] == {"name": "Cleo", "metadata": {"b": None}}
    assert event["request"]["id"].startswith("req_")
    client.v1.customers.update(customer.id, {"name": "Cleo M."})
    assert len(client.v1.events.list({"type": "customer.updated"}).data) == 1


def test_products_and_prices_keep_their_rules(client: stripe.StripeClient) -> None:
    price = plan(client, lookup_key="pro")
    assert client.v1.prices.list({"lookup_keys": ["pro"]}).data[0].id == price.id
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        plan(client, lookup_key="pro")
    moved = plan(client, lookup_key="pro", transfer_lookup_key=True)
    assert client.v1.prices.list({"lookup_keys": ["pro"]}).data[0].id == moved.id
    with pytest.raises(stripe.InvalidRequestError, match="cannot be deleted"):
        client.v1.products.delete(str(price.product))
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.products.create({"id": str(price.product), "name": "again"})
    assert refusal.value.code == "resource_already_exists"


def test_tiers_decimals_and_packages_are_priced_exactly(client: stripe.StripeClient) -> None:
    graduated = plan(
        client,
        billing_scheme="tiered",
        tiers_mode="graduated",
        unit_amount=None,
        tiers=[{"up_to": 10, "unit_amount": 100}, {"up_to": "inf", "unit_amount_decimal": "0.5", "flat_amount": 300}],
    )
    assert client.v1.prices.retrieve(graduated.id, {"expand": ["tiers"]}).tiers
    session = checkout(client, line_items=[{"price": graduated.id, "quantity": 13}])
    assert session.amount_total == 1000 + 300 + 2  # 3 x 0.5 = 1.5, rounded half up
