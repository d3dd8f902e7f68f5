"""Events reach their endpoints: signed, again until taken, and in trouble on request."""

import stripe

from tests.simulator.receiver import Receiver
from tests.simulator.running import Running, wait_until
from tests.simulator.shop import checkout, cleo, submit, subscribed


def endpoint(client: stripe.StripeClient, receiver: Receiver, *types: str, version: str | None = None) -> str:
    """Listen; returns the signing secret."""
    params = {"url": receiver.url, "enabled_events": list(types) or ["*"]}
    if version:
        params["api_version"] = version
    made = client.v1.webhook_endpoints.create(params)  # type: ignore[arg-type]
    assert made.secret is not None
    return made.secret


def test_a_checkout_arrives_signed_and_in_full(client: stripe.StripeClient, receiver: Receiver) -> None:
    secret = endpoint(client, receiver)
    session = checkout(client)
    submit(session.url)
    wanted = {"checkout.session.completed", "customer.subscription.created", "invoice.paid", "payment_intent.succeeded"}
    wait_until(lambda: wanted <= set(receiver.types(secret)))
    done = next(e for e in receiver.events(secret) if e["type"] == "checkout.session.completed")
    assert done["data"]["object"]["id"] == session.id
    assert done["api_version"] == "2026-10-28.endive"
    assert "_private" not in str(done)


def test_only_what_was_asked_for_is_sent(client: stripe.StripeClient, receiver: Receiver) -> None:
    secret = endpoint(client, receiver, "customer.created")
    cleo(client)
    wait_until(lambda: receiver.arrived)
    assert receiver.types(secret) == ["customer.created"]


def test_a_failing_endpoint_is_tried_again_until_it_takes_the_event(
    simulator: Running, client: stripe.StripeClient, receiver: Receiver
) -> None:
    secret = endpoint(client, receiver, "customer.created")
    receiver.answers.extend([500, 302])
    customer = cleo(client, method=None)
    wait_until(lambda: len(receiver.arrived) == 1)
    waiting = wait_until(lambda: client.v1.events.list({"delivery_success": False}).data)
    assert (waiting[0].type, waiting[0].pending_webhooks) == ("customer.created", 1)
    simulator.control("deliveries/deliver_now")
    simulator.control("deliveries/deliver_now")
    assert [event["data"]["object"]["id"] for event in receiver.events(secret)] == [customer.id] * 3
    assert client.v1.events.list({"delivery_success": False}).data == []


def test_a_retry_comes_by_itself(client: stripe.StripeClient, receiver: Receiver) -> None:
    secret = endpoint(client, receiver, "customer.created")
    receiver.answers.append(503)
    cleo(client, method=None)
    wait_until(lambda: len(receiver.arrived) == 2)
    assert len({event["id"] for event in receiver.events(secret)}) == 1


def test_a_disabled_endpoint_gets_nothing_more(client: stripe.StripeClient, receiver: Receiver) -> None:
    endpoint(client, receiver)
    listed = client.v1.webhook_endpoints.list().data[0]
    assert "secret" not in listed.to_dict()
    client.v1.webhook_endpoints.update(listed.id, {"disabled": True})
    cleo(client)
    assert receiver.arrived == []


def test_duplicates_delays_drops_and_shuffles_on_request(
    simulator: Running, client: stripe.StripeClient, receiver: Receiver
) -> None:
    secret = endpoint(client, receiver, "customer.created", "product.created", "customer.deleted")
    simulator.control(
        "faults",
        deliveries=[
            {"kind": "duplicate", "types": "customer.created"},
            {"kind": "drop", "types": "product.*"},
            {"kind": "fail", "types": "customer.deleted"},
        ],
    )
    customer = cleo(client, method=None)
    wait_until(lambda: len(receiver.arrived) == 2)
    client.v1.products.create({"name": "Weather"})
    client.v1.customers.delete(customer.id)
    wait_until(lambda: receiver.types(secret).count("product.created") == 1)
    simulator.control("deliveries/deliver_now")
    assert receiver.types(secret) == ["customer.created", "customer.created", "product.created"]


def test_paused_deliveries_wait_and_a_lost_one_can_be_sent_again(
    simulator: Running, client: stripe.StripeClient, receiver: Receiver
) -> None:
    secret = endpoint(client, receiver, "customer.created")
    simulator.control("deliveries/pause")
    cleo(client, method=None)
    assert client.v1.events.list({"type": "customer.created"}).data[0].pending_webhooks == 1
    assert receiver.arrived == []
    simulator.control("deliveries/resume")
    wait_until(lambda: receiver.arrived)
    event = client.v1.events.list({"type": "customer.created"}).data[0]
    simulator.control(f"events/{event.id}/redeliver")
    wait_until(lambda: len(receiver.arrived) == 2)
    assert {found["id"] for found in receiver.events(secret)} == {event.id}


def test_rolling_a_secret_signs_with_both(simulator: Running, client: stripe.StripeClient, receiver: Receiver) -> None:
    old = endpoint(client, receiver)
    made = client.v1.webhook_endpoints.list().data[0]
    new = str(simulator.control(f"webhook_endpoints/{made.id}/roll_secret", overlap_seconds=60)["secret"])
    cleo(client, method=None)
    wait_until(lambda: receiver.arrived)
    assert old != new
    assert receiver.types(old) == receiver.types(new) == ["customer.created"]
    simulator.control(f"webhook_endpoints/{made.id}/roll_secret", overlap_seconds=0)


def test_an_endpoint_of_an_older_version_gets_the_older_shape(client: stripe.StripeClient, receiver: Receiver) -> None:
    secret = endpoint(client, receiver, "customer.subscription.created", version="2024-06-20")
    subscribed(client)
    wait_until(lambda: receiver.arrived)
    event = receiver.events(secret)[0]
    assert event["api_version"] == "2024-06-20"
    assert event["data"]["object"]["current_period_end"] > event["data"]["object"]["current_period_start"]
