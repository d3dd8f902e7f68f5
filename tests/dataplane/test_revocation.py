"""A right that ended opens nothing a second later, whatever else is broken."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from portal.db import SYSTEM, transaction
from portal.gateway.models import ApiKey
from portal.settings import Settings
from tests.dataplane.conftest import Customer, GatewayProcess, utc_now, wait_until

NOWHERE = "redis://127.0.0.1:1/0"


def revoke(customer: Customer) -> None:
    with transaction(SYSTEM) as session:
        session.merge(customer.key).revoked_at = utc_now()


def end_entitlement(customer: Customer) -> None:
    with transaction(SYSTEM) as session:
        row = session.merge(customer.entitlement)
        row.revoked_at, row.revoke_reason = utc_now(), "cancelled"


@pytest.mark.parametrize("redis_url", [None, NOWHERE, ""], ids=["redis up", "redis dead", "no redis"])
@pytest.mark.parametrize(("end", "status"), [(revoke, 401), (end_entitlement, 403)])
def test_it_takes_less_than_a_second(
    start_gateway: Callable[..., GatewayProcess],
    customer: Customer,
    redis_url: str | None,
    end: Callable[[Customer], None],
    status: int,
) -> None:
    gateway = start_gateway(redis_url=redis_url)
    answers: list[tuple[float, int]] = []
    stop = threading.Event()

    def keep_calling() -> None:
        while not stop.is_set():
            begun = time.monotonic()
            answers.append((begun, gateway.call(f"{customer.path}/echo", customer.text).status))

    caller = threading.Thread(target=keep_calling)
    caller.start()
    wait_until(lambda: len(answers) > 20)
    end(customer)
    ended = time.monotonic()
    wait_until(lambda: answers[-1][1] == status, within=3)
    stop.set()
    caller.join()
    assert {code for _at, code in answers} == {200, status}
    assert all(code == status for at, code in answers if at > ended + 1.0)


def test_it_holds_when_notifications_are_cut_off_unnoticed(
    start_gateway: Callable[..., GatewayProcess], customer: Customer, settings: Settings
) -> None:
    """A proxy between gateway and database swallows what the database sends on its own, and nothing else."""
    with deaf_proxy(settings.database_url) as url:
        gateway = start_gateway(redis_url=NOWHERE, database_url=url)
        for _ in range(30):
            assert gateway.call(f"{customer.path}/echo", customer.text).status == 200
        revoke(customer)
        ended = time.monotonic()
        wait_until(lambda: gateway.call(f"{customer.path}/echo", customer.text).status == 401, within=3)
        assert time.monotonic() - ended < 1.5


def test_a_new_key_works_although_it_was_asked_for_too_early(
    gateway: GatewayProcess, customer: Customer, settings: Settings
) -> None:
    from portal.kit.tokens import keyed_hash, new_token

    token = new_token("mk_test")
    assert gateway.call(f"{customer.path}/echo", token.text).status == 401
    with transaction(SYSTEM) as session:
        session.add(
            ApiKey(
                account_id=customer.account.id, subscription_id=customer.subscription.id, name="New",
                public_id=token.public_id, key_hash=keyed_hash(token.text, settings.pepper),
                last_four=token.last_four, created_at=utc_now(),
            )
        )  # fmt: skip
    wait_until(lambda: gateway.call(f"{customer.path}/echo", token.text).status == 200, within=1.5)


def test_an_api_that_is_retired_or_moves_is_followed(
    gateway: GatewayProcess, customer: Customer, upstream: str
) -> None:
    from portal.catalog.models import Api

    assert gateway.call(f"{customer.path}/x", customer.text).json()["target"] == "/x"
    with transaction(SYSTEM) as session:
        session.get_one(Api, customer.api.id).upstream_url = f"{upstream}/v2"
    wait_until(lambda: gateway.call(f"{customer.path}/x", customer.text).json()["target"] == "/v2/x", within=1.5)
    with transaction(SYSTEM) as session:
        session.get_one(Api, customer.api.id).state = "retired"
    wait_until(lambda: gateway.call(f"{customer.path}/x", customer.text).status == 404, within=1.5)


def test_known_keys_are_served_while_the_database_is_away(
    start_gateway: Callable[..., GatewayProcess], make_customer: Callable[..., Customer], settings: Settings
) -> None:
    known, unknown = make_customer(), make_customer(included_quantity=100)
    capped = make_customer(included_quantity=3)
    with cuttable_proxy(settings.database_url) as (url, cut, mend):
        gateway = start_gateway(database_url=url)
        assert gateway.call(f"{known.path}/echo", known.text).status == 200
        assert gateway.call(f"{capped.path}/echo", capped.text).status == 200
        cut()
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            assert gateway.call(f"{known.path}/echo", known.text).status == 200
        assert gateway.call(f"{unknown.path}/echo", unknown.text).status == 503
        assert gateway.call("/_gateway/ready").status == 503
        assert gateway.call("/_gateway/health").status == 200
        # The cap holds meanwhile, from what was last seen of it.
        assert [gateway.call(f"{capped.path}/echo", capped.text).status for _ in range(3)] == [200, 200, 429]
        revoke(known)
        mend()
        wait_until(lambda: gateway.call(f"{known.path}/echo", known.text).status == 401, within=5)
        wait_until(lambda: gateway.call(f"{unknown.path}/echo", unknown.text).status == 200, within=5)


@contextmanager
def cuttable_proxy(database_url: str) -> Iterator[tuple[str, Callable[[], None], Callable[[], None]]]:
    """A TCP proxy before the database that can be cut: connections end and new ones are refused until mended."""
    proxy = _Proxy(database_url)
    try:
        yield proxy.url, proxy.cut, proxy.mend
    finally:
        proxy.close()


@contextmanager
def deaf_proxy(database_url: str) -> Iterator[str]:
    """A proxy that removes NotificationResponse messages ("A") from what the database sends."""
    proxy = _Proxy(database_url, deaf=True)
    try:
        yield proxy.url
    finally:
        proxy.close()


class _Proxy:
    def __init__(self, database_url: str, *, deaf: bool = False) -> None:
        parts = urlsplit(database_url)
        self._target, self._deaf, self._is_cut = (parts.hostname or "", parts.port or 5432), deaf, False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        port = self._listener.getsockname()[1]
        self.url = database_url.replace(f":{parts.port}", f":{port}") + "?sslmode=disable&gssencmode=disable"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._is_cut = True
        for each in list(self._open):
            each.close() if each.fileno() < 0 else each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._is_cut = False

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._is_cut:
                client.close()
                continue
            server = socket.create_connection(self._target)
            self._open |= {client, server}
            threading.Thread(target=self._pump, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, self._deaf), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, deaf: bool) -> None:
        pending = b""
        try:
            while data := source.recv(65_536):
                if not deaf:
                    target.sendall(data)
                    continue
                pending += data
                kept = b""
                while len(pending) >= 5:
                    length = int.from_bytes(pending[1:5], "big") + 1
                    if len(pending) < length:
                        break
                    message, pending = pending[:length], pending[length:]
                    kept += b"" if message[:1] == b"A" else message
                if kept:
                    target.sendall(kept)
        except OSError:
            pass
        finally:
            for each in (source, target):
                self._open.discard(each)
                each.close()
