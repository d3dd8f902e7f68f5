"""Whatever bytes arrive: an answer below 500, and never a step outside the upstream's base."""

from __future__ import annotations

import random
import socket

import pytest
from yarl import URL

from portal.dataplane.egress import ForbiddenUpstream, GuardedResolver, check_upstream
from portal.dataplane.paths import BadTarget, joined, read_target
from portal.kit.addresses import is_public
from tests.dataplane.conftest import Customer, GatewayProcess


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("/acme/rates/v1/x", "/v1/x"),
        ("/acme/rates", ""),
        ("/acme/rates/", "/"),
        ("/acme/rates//double//slash", "//double//slash"),
        ("/acme/rates/a/../b", "/b"),
        ("/acme/rates/./a/.", "/a/"),
        ("/acme/rates/a/%2e%2e/b", "/b"),
        ("/acme/rates/group%2Fproject", "/group%2Fproject"),
        ("/acme/rates/sp ace", "/sp%20ace"),
        ("/acme/rates/50%", "/50%25"),
        ("http://elsewhere.example/acme/rates/x", "/x"),
        ("/acme/rates/ü", "/%C3%BC"),
        ("/acme/rates/..;/x", "/..;/x"),
    ],
)
def test_paths_are_normalised_below_their_api(raw: str, path: str) -> None:
    target = read_target(raw)
    assert (target.prefix, target.rest) == ("acme/rates", path)


@pytest.mark.parametrize(
    "raw",
    [
        "/acme/rates/..%2fadmin", "/acme/rates/%2e%2e%2fadmin", "/acme/rates/a%2f..%2f..%2fadmin",
        "/acme/rates/..%5cadmin", "/acme/rates/%252e%252e/admin", "/acme/rates/%00", "ftp://x/acme/rates", "x",
        "/acme/rates/%25252e%25252e/x",
    ],
)  # fmt: skip
def test_hidden_climbing_is_refused(raw: str) -> None:
    with pytest.raises(BadTarget):
        read_target(raw)


@pytest.mark.parametrize("raw", ["/acme/rates/../../etc/passwd", "/acme/rates/../..", "/../acme", "/acme/rates/.."])
def test_climbing_out_reaches_no_other_api(raw: str) -> None:
    assert read_target(raw).prefix != "acme/rates"


def test_any_text_gives_a_target_or_a_clear_no() -> None:
    chaos = random.Random(7)
    alphabet = "/.%2eE5cCfF\\;?#:@ü\x00\x7f ax"
    for _ in range(20_000):
        raw = "/acme/rates/" + "".join(chaos.choice(alphabet) for _ in range(chaos.randrange(30)))
        try:
            target = read_target(raw)
        except BadTarget:
            continue
        if target.prefix:
            segments = joined("/base", target.rest).split("/")
            assert ".." not in segments
            assert segments[1] == "base"


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "0.0.0.0",  # noqa: S104
"100.64.0.1", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
        "2001:db8::1", "fe80::1%eth0", "nonsense", "", "2001:0:7f00:1::1",
    ],
)  # fmt: skip
def test_addresses_inside_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_outside_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://[::1]/", "http://2130706433/", "http://127.1/", "http://0/", "ftp://example.com/",
        "http://user:pass@example.com/", "http://[::ffff:169.254.169.254]/", "file:///etc/passwd", "http:///x",
    ],
)  # fmt: skip
def test_upstreams_inside_are_refused_before_a_connection(url: str) -> None:
    with pytest.raises(ForbiddenUpstream):
        check_upstream(URL(url, encoded=True), allow_private=False)


async def _resolve(host: str, *, allow_private: bool) -> int:
    resolver = GuardedResolver(allow_private=allow_private)
    try:
        return len(await resolver.resolve(host, 80))
    finally:
        await resolver.close()


@pytest.mark.parametrize("host", ["localhost", "0x7f.1", "0177.0.0.1", "127.1"])
def test_names_that_resolve_inside_are_refused(host: str) -> None:
    import asyncio

    with pytest.raises(OSError):
        asyncio.run(_resolve(host, allow_private=False))


def test_a_private_upstream_is_refused_unless_it_was_allowed(start_gateway, customer: Customer) -> None:
    gateway = start_gateway(private=False)
    answer = gateway.call(f"{customer.path}/echo", customer.text)
    assert answer.status == 502
    assert "public address" in answer.json()["detail"]


def raw_exchange(port: int, request: bytes, patience: float = 2.0) -> bytes:
    """Send bytes and return what comes back until the other side closes or rests; empty when it waits for more."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as link:
        try:
            link.sendall(request)
            while data := link.recv(65_536):
                received += data
                link.settimeout(0.05)
        except (TimeoutError, ConnectionError):
            pass
    return received


MALFORMED = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"G\x00T / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nBad Header\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: 1\r\n" * 1000 + b"\r\n",
    b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n",
    b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]


def test_malformed_requests_are_refused_and_the_gateway_lives_on(gateway: GatewayProcess, customer: Customer) -> None:
    chaos = random.Random(42)
    head = f"GET {customer.path}/echo HTTP/1.1\r\nHost: x\r\nX-API-Key: {customer.text}\r\n\r\n".encode()
    mutants = []
    for _ in range(300):
        mutant = bytearray(head)
        for _ in range(chaos.randrange(1, 6)):
            mutant[chaos.randrange(len(mutant))] = chaos.randrange(256)
        mutants.append(bytes(mutant))
    for request in [*MALFORMED, *mutants]:
        answer = raw_exchange(gateway.port, request, patience=0.1)
        if answer:
            status = int(answer.split(b" ", 2)[1])
            assert 200 <= status < 500, (request[:200], answer[:300])
            assert b"application/problem+json" in answer or status == 200, (request[:200], answer[:300])
    assert gateway.call(f"{customer.path}/echo", customer.text).status == 200


def test_strange_headers_and_queries_stay_below_500(gateway: GatewayProcess, customer: Customer) -> None:
    base = f"GET {customer.path}/echo"
    key = f"X-API-Key: {customer.text}\r\n".encode()
    for middle in (
        b"?" + bytes(range(0x80, 0x100)), b"?%ff%fe=%00&&==&a", b"?" + b"a=1&" * 500, b"/" + bytes(range(0x80, 0xC0)),
        b"/%", b"/%zz", b"?\"<>\\^`{|}",
    ):  # fmt: skip
        answer = raw_exchange(gateway.port, base.encode() + middle + b" HTTP/1.1\r\nHost: x\r\n" + key + b"\r\n")
        assert int(answer.split(b" ", 2)[1]) < 500, (middle, answer[:300])
    for header in (
        b"User-Agent: \xff\xfe\x80", b"Host: \xff\xff", b"Connection: ,,\xff,X-API-Key", b"Expect: 200-maybe",
        b"Upgrade: websocket\r\nConnection: Upgrade", b"X-Forwarded-For: \x80", b"Origin: null", b"Cookie: \xff=\xff",
        b"Content-Type: \xff", b"Accept-Encoding: zstd\xff", b"Transfer-Encoding: identity",
    ):  # fmt: skip
        request = base.encode() + b" HTTP/1.1\r\nHost: x\r\n" + key + header + b"\r\n\r\n"
        answer = raw_exchange(gateway.port, request)
        assert int(answer.split(b" ", 2)[1]) < 500, (header, answer[:300])
    assert gateway.call(f"{customer.path}/echo", customer.text).status == 200


def test_an_unread_body_is_never_taken_for_the_next_request(gateway: GatewayProcess, customer: Customer) -> None:
    smuggled = f"GET {customer.path}/smuggled HTTP/1.1\r\nHost: x\r\nX-API-Key: {customer.text}\r\n\r\n"
    request = f"POST {customer.path}/echo HTTP/1.1\r\nHost: x\r\nContent-Length: {len(smuggled)}\r\n\r\n{smuggled}"
    answer = raw_exchange(gateway.port, request.encode())
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"401" in answer.splitlines()[0]
