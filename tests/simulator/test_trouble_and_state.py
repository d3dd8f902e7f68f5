"""API trouble on request, kills and restarts, and input that means nothing."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.simulator.catalogue import ROUTES
from tests.simulator.receiver import Receiver
from tests.simulator.running import ROOT, Running, as_process, free_port, wait_until
from tests.simulator.shop import checkout, cleo, page, submit


def test_a_planned_500_is_remembered_under_its_key(simulator: Running, client: stripe.StripeClient) -> None:
    simulator.control("faults", api=[{"kind": "error", "path": "/v1/customers", "status": 500}])
    for _ in range(2):
        with pytest.raises(stripe.APIError) as failure:
            client.v1.customers.create({}, {"idempotency_key": "k1"})
        assert failure.value.http_status == 500
    assert client.v1.customers.create({}, {"idempotency_key": "k2"}).id


@pytest.mark.parametrize("status", [409, 429, 503])
def test_other_planned_errors_pass_and_the_same_key_works_afterwards(
    simulator: Running, client: stripe.StripeClient, status: int
) -> None:
    simulator.control("faults", api=[{"kind": "error", "path": "/v1/customers", "status": status, "stored": False}])
    with pytest.raises(stripe.StripeError) as failure:
        client.v1.customers.create({}, {"idempotency_key": "k1"})
    assert failure.value.http_status == status
    assert client.v1.customers.create({}, {"idempotency_key": "k1"}).id


def test_a_lost_answer_is_found_again_with_the_same_key(simulator: Running, client: stripe.StripeClient) -> None:
    simulator.control("faults", api=[{"kind": "drop_answer", "method": "POST", "path": "/v1/customers"}])
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({"name": "Cleo"}, {"idempotency_key": "k1"})
    assert client.v1.customers.create({"name": "Cleo"}, {"idempotency_key": "k1"}).name == "Cleo"
    assert len(client.v1.customers.list().data) == 1


def test_a_call_that_hangs_did_nothing(simulator: Running, client: stripe.StripeClient) -> None:
    simulator.control("faults", api=[{"kind": "hang", "method": "POST", "path": "/v1/customers", "seconds": 0.05}])
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({})
    assert client.v1.customers.list().data == []


def test_everything_answered_survives_a_kill(tmp_path: Path, receiver: Receiver) -> None:
    port = free_port()
    receiver.answers.extend([500] * 200)
    flags = ("--webhook-url", receiver.url, "--webhook-secret", "whsec_spine")
    with as_process(tmp_path, port, *flags) as (running, process):
        client = running.client()
        session = checkout(client)
        submit(session.url)
        customer = client.v1.customers.create({"name": "Cleo"}, {"idempotency_key": "k1"})
        wait_until(lambda: receiver.arrived)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    receiver.answers.clear()
    receiver.arrived.clear()
    with as_process(tmp_path, port, "--webhook-url", receiver.url, "--webhook-secret", "whsec_other") as (
        running,
        process,
    ):
        client = running.client()
        assert client.v1.checkout.sessions.retrieve(session.id).status == "complete"
        assert len(client.v1.subscriptions.list().data) == 1
        assert client.v1.customers.create({"name": "Cleo"}, {"idempotency_key": "k1"}).id == customer.id
        running.control("deliveries/deliver_now")
        assert "checkout.session.completed" in receiver.types("whsec_other")
        assert len(client.v1.webhook_endpoints.list().data) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_taken_port_is_said_plainly(simulator: Running) -> None:
    port = simulator.url.rpartition(":")[2]
    command = [sys.executable, "-m", "portal.simulator", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=ROOT, check=False)
    assert (done.returncode, "cannot listen" in done.stderr) == (1, True)


def test_a_named_key_is_the_only_one_accepted(tmp_path: Path) -> None:
    with as_process(tmp_path, free_port(), "--secret-key", "sk_test_only") as (running, _):
        assert running.client("sk_test_only").v1.customers.list().data == []
        with pytest.raises(stripe.AuthenticationError):
            running.client("sk_test_other").v1.customers.list()


def test_controls_refuse_strangers_and_nonsense(simulator: Running) -> None:
    url = f"{simulator.url}/_simulator"
    assert requests.post(f"{url}/reset", headers={"Sec-Fetch-Site": "cross-site"}, timeout=20).status_code == 403
    assert requests.post(f"{url}/reset", data={"a": "b"}, timeout=20).status_code == 415
    for path, body in (("clock", b"{}"), ("clock", b"["), ("clock", b'{"advance": -1}'),
                       ("faults", b'{"api": [{"kind": "x"}]}'),
                       ("faults", b'{"api": [{"kind": "error", "count": "2"}]}'), ("settings", b"{}")):  # fmt: skip
        answer = requests.post(f"{url}/{path}", data=body, headers={"Content-Type": "application/json"}, timeout=20)
        assert (path, answer.status_code) == (path, 400)
        assert answer.json()["error"]


def test_the_overview_shows_recent_events(simulator: Running, client: stripe.StripeClient) -> None:
    cleo(client)
    shown = page(simulator.url).text.replace("<wbr>", "")
    assert "customer.created" in shown
    assert "no real money" in shown


_PATHS = sorted({route.template.replace("{", "").replace("}", "") for route in ROUTES})
_OTHERS = [
    "/c/pay/x",
    "/authentications/x",
    "/p/session/x",
    "/p/session/x/card",
    "/invoices/x",
    "/",
    "/assets/x",
    "/v2/x",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "PATCH"]),
    path=st.sampled_from(_PATHS + _OTHERS),
    body=st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.tuples(
                st.sampled_from(["customer", "items[0][price]", "items[]", "expand[]", "limit", "metadata[a]",
                                 "a[b][c]", "email",
                                 "line_items[0][quantity]", "mode", "created[gt]", "items", "[", "a[", "number",
                                 "unit_amount"]),
                st.text(max_size=20),
            ),
            max_size=6,
        ).map(lambda pairs: "&".join(f"{key}={value}" for key, value in pairs).encode()),
    ),
    suffix=st.sampled_from(["", "?limit=%ff", "?expand[]=data.%00", "?a[b]=1&a=2", "/%ff%fe", "/%00", "/../..",
                            "?starting_after="]),
)  # fmt: skip
def test_no_bytes_make_it_fail(running: Running, method: str, path: str, body: bytes, suffix: str) -> None:
    headers = {"Authorization": "Bearer sk_test_spine", "Content-Type": "application/x-www-form-urlencoded"}
    request = requests.Request(method, running.url, headers=headers, data=body).prepare()
    request.url = running.url + path + suffix
    with requests.Session() as session:
        answer = session.send(request, timeout=20, allow_redirects=False)
    assert answer.status_code < 500


def test_raw_nonsense_on_the_socket_is_survived(simulator: Running, client: stripe.StripeClient) -> None:
    port = int(simulator.url.rpartition(":")[2])
    for raw in (
        b"\x00\xff" * 50 + b"\r\n\r\n",
        b"GET /v1/customers HTTP/1.1\r\nContent-Length: -4\r\n\r\n",
        b"POST / HTTP/9.9\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            assert b"500" not in connection.recv(4096)[:16]
    assert client.v1.customers.list().data == []
