"""What every gateway behind the port does, whichever it is: ours as a real process, Kong as a stand-in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import redis
import urllib3

from portal.adapters.embedded_gateway import EmbeddedGateway
from portal.adapters.kong_gateway import KongGateway, KongRefused
from portal.catalog.models import Api
from portal.db import SYSTEM, db, scoped, transaction
from portal.gateway import queries, service
from portal.gateway.models import ApiKey
from portal.kit.clock import SystemClock
from portal.ports.gateway import Credential, Gateway, GatewayUnavailable, Route
from portal.settings import Settings
from tests.contracts.kong_stand_in import Kong, serve
from tests.dataplane.conftest import Customer, GatewayProcess, wait_until
from tests.factories import make_entitlement, make_plan, make_subscription

pytestmark = pytest.mark.contract


class Rows:
    """Rows change first, as in the product; then the adapter is told."""

    def __init__(self, gateway: Gateway, url: str) -> None:
        self.gateway, self.url = gateway, url

    def route(self, customer: Customer) -> Route:
        return Route(customer.api.id, customer.path.lstrip("/"), customer.api.upstream_url)

    def credential(self, customer: Customer) -> Credential:
        with scoped(SYSTEM):
            found = queries.find_credential(customer.key.id)
        assert found is not None
        text = customer.text if self.gateway.needs_key_text else None
        return Credential(
            **{name: getattr(found, name) for name in found.__slots__ if name != "key_text"}, key_text=text
        )

    def open(self, customer: Customer) -> None:
        """Publish the API and admit the key."""
        self.gateway.publish(self.route(customer))
        wait_until(lambda: self.gateway.is_live(self.route(customer)))
        self.gateway.admit(self.credential(customer))

    def revoke(self, customer: Customer) -> None:
        with transaction(SYSTEM):
            service.revoke_key(customer.account.id, customer.key.id, now=SystemClock().now(), actor="user:1")
        self.gateway.refuse(customer.key.public_id)

    def retire(self, customer: Customer) -> None:
        with transaction(SYSTEM) as session:
            session.get_one(Api, customer.api.id).state = "retired"
        self.gateway.withdraw(customer.api.id)

    def call(self, path: str, key: str | None) -> int:
        headers = {"X-API-Key": key} if key else {}
        return urllib3.request("GET", f"{self.url}{path}/echo", headers=headers, retries=False, timeout=5).status

    def wait_for(self, path: str, key: str | None, status: int, within: float = 1.5) -> None:
        wait_until(lambda: self.call(path, key) == status, within=within)


@pytest.fixture
def kong() -> Iterator[Kong]:
    kong = Kong()
    kong.servers = serve(kong)  # type: ignore[attr-defined]
    yield kong
    for server in kong.servers:  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()


def kong_adapter(kong: Kong) -> KongGateway:
    admin, proxy = (f"http://127.0.0.1:{server.server_port}" for server in kong.servers)  # type: ignore[attr-defined]
    return KongGateway(admin, proxy, log_url="http://portal.example/api/gateway/logs", log_token="token")


@pytest.fixture(params=["embedded", "kong"])
def door(request: pytest.FixtureRequest, settings: Settings) -> Rows:
    if request.param == "embedded":
        process: GatewayProcess = request.getfixturevalue("start_gateway")()
        return Rows(EmbeddedGateway(process.url, redis.Redis.from_url(settings.redis_url)), process.url)
    adapter = kong_adapter(request.getfixturevalue("kong"))
    return Rows(adapter, adapter._proxy)


def test_an_api_is_live_once_published_and_gone_once_withdrawn(door: Rows, customer: Customer) -> None:
    assert not door.gateway.is_live(Route(999_999, "nobody/nothing", "http://127.0.0.1:9"))
    door.open(customer)
    assert door.call(customer.path, None) == 401
    door.retire(customer)
    door.wait_for(customer.path, customer.text, 404)
    assert not door.gateway.is_live(door.route(customer))


def test_an_admitted_key_gets_in_and_a_refused_one_does_not(door: Rows, customer: Customer) -> None:
    door.open(customer)
    door.wait_for(customer.path, customer.text, 200)
    door.revoke(customer)
    door.wait_for(customer.path, customer.text, 401)


def test_a_key_opens_its_own_api_only(door: Rows, make_customer: Callable[..., Customer]) -> None:
    ours, theirs = make_customer(), make_customer()
    door.open(ours)
    door.open(theirs)
    assert door.call(theirs.path, ours.text) == 403
    assert door.call(ours.path, ours.text) == 200


def test_everything_may_be_said_twice_and_about_nothing(door: Rows, customer: Customer) -> None:
    for _ in range(2):
        door.open(customer)
    assert door.call(customer.path, customer.text) == 200
    door.gateway.refuse("nosuchkey0")
    door.gateway.withdraw(999_999)
    door.gateway.move(999_998, 999_999)
    for _ in range(2):
        door.revoke(customer)
    door.wait_for(customer.path, customer.text, 401)
    for _ in range(2):
        door.retire(customer)
    door.wait_for(customer.path, customer.text, 404)


def test_a_suspended_key_opens_nothing_until_it_is_admitted_again(door: Rows, customer: Customer) -> None:
    door.open(customer)
    credential = replace(door.credential(customer), key_text=None)
    with transaction(SYSTEM) as session:
        row = session.merge(customer.entitlement)
        row.revoked_at, row.revoke_reason = SystemClock().now(), "unpaid"
    for _ in range(2):
        door.gateway.suspend(credential)
    door.wait_for(customer.path, customer.text, 403)
    make_entitlement(customer.account, customer.api, customer.subscription)
    door.gateway.admit(credential)
    door.wait_for(customer.path, customer.text, 200)


def test_a_gateway_with_a_memory_says_what_is_in_it(door: Rows, make_customer: Callable[..., Customer]) -> None:
    several = [make_customer() for _ in range(3)]
    for customer in several:
        door.open(customer)
    if not door.gateway.needs_key_text:
        assert door.gateway.list_known() is None, "it reads our rows: there is no copy that could differ"
        return
    first, second, third = (customer.key.id for customer in several)
    door.gateway.suspend(replace(door.credential(several[1]), key_text=None))
    door.revoke(several[2])
    known = {one.key_id: one.is_let_in for one in door.gateway.list_known() or []}
    assert known == {first: True, second: False}
    only = door.gateway.list_known(several[1].key.subscription_id)
    assert [one.key_id for one in only or []] == [second]
    assert third not in known
    assert door.gateway.list_known(999_999) == []


def test_the_plan_limits_calls_a_minute(door: Rows, make_customer: Callable[..., Customer]) -> None:
    from tests.dataplane.test_limits import early_in_a_minute

    customer = make_customer(rpm=2)
    door.open(customer)
    early_in_a_minute()
    assert [door.call(customer.path, customer.text) for _ in range(3)] == [200, 200, 429]


def test_a_gateway_stops_at_a_number_of_calls_exactly_if_it_says_so(
    door: Rows, make_customer: Callable[..., Customer]
) -> None:
    customer = make_customer(included_quantity=2)
    door.open(customer)
    statuses = [door.call(customer.path, customer.text) for _ in range(3)]
    assert statuses == ([200, 200, 429] if door.gateway.holds_quotas else [200, 200, 200])


def test_a_key_outlives_the_subscription_it_was_made_for(door: Rows, customer: Customer) -> None:
    door.open(customer)
    with transaction(SYSTEM) as session:
        old = session.merge(customer.subscription)
        old.status, old.ended_at = "canceled", SystemClock().now()
    plan, price = make_plan(customer.api, "larger", rpm=None, included_quantity=None)
    successor = make_subscription(customer.account, plan, price, SystemClock().now())
    with transaction(SYSTEM):
        service.move_keys(customer.account.id, customer.subscription.id, successor.id)
    door.gateway.move(customer.subscription.id, successor.id)
    door.gateway.admit(door.credential(customer))
    door.wait_for(customer.path, customer.text, 200)
    assert db.session.get_one(ApiKey, customer.key.id, populate_existing=True).subscription_id == successor.id


def test_a_gateway_that_does_not_answer_is_said_to_be_away(settings: Settings, customer: Customer) -> None:
    nowhere = "http://127.0.0.1:9"
    connection = redis.Redis.from_url(settings.redis_url)
    gateways: list[Gateway] = [
        EmbeddedGateway(nowhere, connection),
        KongGateway(nowhere, nowhere, log_url="", log_token=""),
    ]
    for gateway in gateways:
        with pytest.raises(GatewayUnavailable):
            gateway.is_live(Route(1, "a/b", nowhere))


def test_the_embedded_gateway_needs_no_redis_to_be_told(
    start_gateway: Callable[..., GatewayProcess], customer: Customer
) -> None:
    process = start_gateway(redis_url="redis://127.0.0.1:1/0")
    door = Rows(EmbeddedGateway(process.url, redis.Redis.from_url("redis://127.0.0.1:1/0")), process.url)
    door.open(customer)
    assert door.call(customer.path, customer.text) == 200
    door.revoke(customer)
    door.wait_for(customer.path, customer.text, 401)


@pytest.mark.parametrize("fault", ["500", "503", "drop after"])
def test_a_change_that_kong_did_not_confirm_is_made_again(kong: Kong, customer: Customer, fault: str) -> None:
    door = Rows(kong_adapter(kong), "")
    for position in range(8):
        kong.faults = [""] * position + [fault]
        with pytest.raises(GatewayUnavailable):
            door.gateway.publish(door.route(customer))
            door.gateway.admit(door.credential(customer))
            kong.faults = kong.faults or [fault]
            door.gateway.refuse(customer.key.public_id)
    door.gateway.publish(door.route(customer))
    door.gateway.admit(door.credential(customer))
    assert [len(kong.rows[kind]) for kind in ("services", "routes", "consumers", "key-auth", "acls")] == [1] * 5


def test_what_kong_will_never_accept_is_not_tried_for_ever(kong: Kong, customer: Customer) -> None:
    adapter = kong_adapter(kong)
    kong.rows["services"]["00000000-0000-0000-0000-000000000001"] = {"name": f"api-{customer.api.id}"}
    with pytest.raises(KongRefused, match="UNIQUE"):
        adapter.publish(Route(customer.api.id, "a/b", "http://upstream.example"))


def test_the_key_goes_to_kong_and_is_kept_from_the_upstream(kong: Kong, customer: Customer) -> None:
    door = Rows(kong_adapter(kong), "")
    door.gateway.publish(door.route(customer))
    door.gateway.admit(door.credential(customer))
    plugins = {row["name"]: row["config"] for row in kong.rows["plugins"].values()}
    assert plugins["key-auth"]["hide_credentials"] is True
    assert plugins["key-auth"]["key_in_query"] is False
    assert "?" not in plugins["http-log"]["http_endpoint"]
    assert all("portal" in row["tags"] for rows in kong.rows.values() for row in rows.values())
