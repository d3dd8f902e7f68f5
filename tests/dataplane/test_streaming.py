"""Bytes pass as they come, both ways; what is too large, too slow or cut off ends clearly."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import urllib3

from tests.dataplane.conftest import Customer, GatewayProcess, LogSink, wait_until


def test_each_event_arrives_before_the_next_is_sent(gateway: GatewayProcess, customer: Customer, upstream: str) -> None:
    answer = gateway.call(f"{customer.path}/ticks", customer.text, preload_content=False)
    assert answer.headers["Content-Type"] == "text/event-stream"
    events = iter(lambda: answer.read1(), b"")
    for number in range(3):
        # The upstream waits for /tick before it sends the next one: whatever held this one back would hang here.
        assert next(events) == f"data: {number}\n\n".encode()
        if number < 2:
            urllib3.request("GET", f"{upstream}/tick")
    assert next(events, b"") == b""


def test_the_upstream_reads_an_upload_while_it_is_still_being_sent(gateway: GatewayProcess, customer: Customer) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as link:
        link.sendall(
            f"POST {customer.path}/upload HTTP/1.1\r\nHost: x\r\nX-API-Key: {customer.text}\r\n"
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n".encode()
        )
        received = b""
        while b"got 5" not in received:
            received += link.recv(4096)
        link.sendall(b"3\r\nbye\r\n0\r\n\r\n")
        while b"got 3" not in received:
            received += link.recv(4096)


def test_large_bodies_pass_unchanged(gateway: GatewayProcess, customer: Customer) -> None:
    assert len(gateway.call(f"{customer.path}/large?bytes=9000000", customer.text).data) == 9_000_000
    body = bytes(range(256)) * 8000
    answer = gateway.call(f"{customer.path}/echo", customer.text, "POST", body=body)
    assert answer.json()["body"].encode("latin-1") == body


def test_compressed_bodies_are_nobodys_business_here(gateway: GatewayProcess, customer: Customer) -> None:
    for body in (gzip.compress(b"hello"), b"\x1f\x8b not really gzip"):
        headers = {"Content-Encoding": "gzip"}
        seen = gateway.call(f"{customer.path}/echo", customer.text, "POST", body=body, headers=headers).json()
        assert seen["body"].encode("latin-1") == body
        assert seen["headers"]["content-encoding"] == "gzip"


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_over_the_limit_is_refused(
    start_gateway: Callable[..., GatewayProcess], customer: Customer, is_chunked: bool
) -> None:
    gateway = start_gateway("--max-body", "1000")

    def chunks() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    body = chunks() if is_chunked else b"x" * 2000
    answer = gateway.call(f"{customer.path}/echo", customer.text, "POST", body=body)
    assert (answer.status, answer.json()["message"]) == (413, "Request size limit exceeded")
    assert gateway.call(f"{customer.path}/echo", customer.text, "POST", body=b"x" * 1000).status == 200


def test_curls_expect_header_gets_its_answer(gateway: GatewayProcess, customer: Customer) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as link:
        head = f"POST {customer.path}/echo HTTP/1.1\r\nHost: x\r\nX-API-Key: {customer.text}\r\n"
        link.sendall(f"{head}Content-Length: 5\r\nExpect: 100-continue\r\n\r\n".encode())
        assert link.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        link.sendall(b"hello")
        assert b"200 OK" in link.recv(4096)


def test_an_upstream_that_stalls_or_is_not_there(
    start_gateway: Callable[..., GatewayProcess], make_customer: Callable[..., Customer], customer: Customer
) -> None:
    gateway = start_gateway("--read-timeout", "0.5")
    slow = gateway.call(f"{customer.path}/stall", customer.text)
    assert (slow.status, slow.json()["message"]) == (504, "The upstream server is timing out")
    absent = make_customer(upstream_url="http://127.0.0.1:9/nothing")
    gone = gateway.call(f"{absent.path}/x", absent.text)
    assert gone.status == 502
    assert gone.json()["type"].endswith("/upstream-failed")


def test_an_answer_that_breaks_off_does_not_look_whole(
    gateway: GatewayProcess, customer: Customer, log_sink: LogSink
) -> None:
    with pytest.raises((urllib3.exceptions.ProtocolError, urllib3.exceptions.IncompleteRead)):
        gateway.call(f"{customer.path}/half", customer.text)
    entry = log_sink.wait_for(1)[0]
    assert entry["portal"]["decision"] == "upstream-failed"
    assert entry["portal"]["billable"] is False


def test_a_caller_who_leaves_frees_the_upstream(gateway: GatewayProcess, customer: Customer, log_sink: LogSink) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port)) as link:
        link.sendall(f"GET {customer.path}/stall HTTP/1.1\r\nHost: x\r\nX-API-Key: {customer.text}\r\n\r\n".encode())
        wait_until(lambda: gateway.call("/_gateway/ready").json()["in_flight"] == 1)
    wait_until(lambda: gateway.call("/_gateway/ready").json()["in_flight"] == 0)
    assert log_sink.wait_for(1)[0]["response"]["status"] == 499


def test_calls_under_way_are_finished_when_the_gateway_is_asked_to_stop(
    gateway: GatewayProcess, customer: Customer, upstream: str
) -> None:
    answer = gateway.call(f"{customer.path}/ticks", customer.text, preload_content=False)
    events = iter(lambda: answer.read1(), b"")
    assert next(events) == b"data: 0\n\n"
    gateway.process.terminate()
    wait_until(lambda: not _accepts(gateway.port))
    for number in (1, 2):
        urllib3.request("GET", f"{upstream}/tick")
        assert next(events) == f"data: {number}\n\n".encode()
    assert gateway.process.wait(10) == 0


def test_a_client_that_never_finishes_its_request_line_is_let_go(gateway: GatewayProcess) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=25) as link:
        begun = time.monotonic()
        link.sendall(b"GET /")
        assert link.recv(100) in (b"",) or time.monotonic() - begun > 1
        assert time.monotonic() - begun < 20


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_an_upstream_that_hangs_up_between_calls_costs_nobody_an_error(
    gateway: GatewayProcess, make_customer: Callable[..., Customer]
) -> None:
    """It promises to keep the connection and closes it all the same, as many servers do when idle."""
    listener = socket.create_server(("127.0.0.1", 0))
    served: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            served.append(link.recv(65_536))
            link.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            link.close()

    threading.Thread(target=serve, daemon=True).start()
    customer = make_customer(upstream_url=f"http://127.0.0.1:{listener.getsockname()[1]}/base/")
    for _ in range(20):
        answer = gateway.call(f"{customer.path}/x", customer.text)
        assert (answer.status, answer.data) == (200, b"ok")
    assert all(request.startswith(b"GET /base/x HTTP/1.1\r\nHost: 127.0.0.1:") for request in served)
    listener.close()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"hello\r\n\r\n",
        b"HTTP/1.1 99999 X\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    ],
)
def test_an_upstream_that_talks_nonsense_is_a_bad_gateway(
    gateway: GatewayProcess, make_customer: Callable[..., Customer], nonsense: bytes
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            link.recv(65_536)
            link.sendall(nonsense)
            link.close()

    threading.Thread(target=serve, daemon=True).start()
    customer = make_customer(upstream_url=f"http://127.0.0.1:{listener.getsockname()[1]}")
    assert gateway.call(f"{customer.path}/x", customer.text).status == 502
    listener.close()
