"""What the portal hears about every call, in Kong's words, at least once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from portal.settings import Settings
from tests.dataplane.conftest import Customer, GatewayProcess, LogSink, utc_now, wait_until

# The members of an entry of Kong 3.9's http-log plugin, as listed in docs/gateway.md.
KONG_ENTRY = {
    "request", "response", "latencies", "tries", "client_ip", "started_at", "upstream_uri", "upstream_status",
    "source", "workspace", "workspace_name", "service", "route", "consumer", "authenticated_entity",
}  # fmt: skip
WITHOUT_CONSUMER = KONG_ENTRY - {"consumer", "authenticated_entity"}


def test_an_entry_has_kongs_shape_and_our_facts(
    gateway: GatewayProcess, customer: Customer, log_sink: LogSink, settings: Settings
) -> None:
    answer = gateway.call(f"{customer.path}/v1/x?a=1&b=", customer.text, "POST", body=b"{}")
    entry = log_sink.wait_for(1)[0]
    assert set(entry) == KONG_ENTRY | {"portal"}
    request, response = entry["request"], entry["response"]
    assert re.fullmatch(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}", request["id"])
    assert request["id"] == answer.headers["X-Kong-Request-Id"]
    assert (request["method"], request["uri"]) == ("POST", f"{customer.path}/v1/x?a=1&b=")
    assert request["url"] == f"http://127.0.0.1:{gateway.port}{customer.path}/v1/x?a=1&b="
    assert request["querystring"] == {"a": "1", "b": ""}
    assert request["size"] > 2
    assert response["status"] == 200
    assert response["size"] == len(answer.data)
    assert entry["upstream_status"] == "200"
    assert entry["upstream_uri"] == "/v1/x"
    assert entry["source"] == "upstream"
    assert set(entry["latencies"]) == {"request", "kong", "proxy", "receive"}
    assert abs(entry["started_at"] / 1000 - utc_now().timestamp()) < 30
    assert entry["client_ip"] == "127.0.0.1"
    assert entry["consumer"]["custom_id"] == str(customer.subscription.id)
    assert f"api:{customer.api.id}" in entry["service"]["tags"]
    assert entry["portal"] == {
        "subscription_id": customer.subscription.id,
        "account_id": customer.account.id,
        "api_id": customer.api.id,
        "api_key_id": customer.key.id,
        "decision": "admitted",
        "billable": True,
    }
    assert log_sink.tokens == {settings.gateway_log_token}


def test_refusals_are_logged_as_the_gateways_own(
    gateway: GatewayProcess, customer: Customer, log_sink: LogSink
) -> None:
    gateway.call(f"{customer.path}/echo")
    gateway.call("/nobody/nothing", customer.text)
    gateway.call(f"{customer.path}/status/503", customer.text)
    by_status = {entry["response"]["status"]: entry for entry in log_sink.wait_for(3)}
    assert set(by_status[401]) == WITHOUT_CONSUMER | {"portal"}
    assert set(by_status[404]) == WITHOUT_CONSUMER - {"service", "route"} | {"portal"}
    for status, decision in ((401, "no-key"), (404, "no-route")):
        entry = by_status[status]
        assert entry["source"] == "kong"
        assert entry["latencies"]["proxy"] == -1
        assert entry["upstream_status"] == ""
        assert entry["portal"]["decision"] == decision
        assert entry["portal"]["billable"] is False
    assert by_status[503]["source"] == "upstream"
    assert by_status[503]["portal"]["billable"] is False


def test_no_secret_reaches_the_log_or_the_disk(gateway: GatewayProcess, customer: Customer, log_sink: LogSink) -> None:
    log_sink.status = 503
    headers = {"Authorization": "Bearer top-secret", "Cookie": "session=top-secret", "User-Agent": customer.text}
    gateway.call(f"{customer.path}/echo/{customer.text}?apikey={customer.text}", headers=headers)
    wait_until(lambda: _spooled(gateway))
    on_disk = b"".join(path.read_bytes() for path in (gateway.state / "spool").glob("*.jsonl"))
    log_sink.status = 204
    sent = json.dumps(log_sink.wait_for(1)).encode()
    for written in (on_disk, sent):
        assert b"top-secret" not in written
        assert customer.text.encode() not in written


def test_nothing_is_lost_while_the_portal_is_away(
    gateway: GatewayProcess, customer: Customer, log_sink: LogSink
) -> None:
    log_sink.status = 503
    sent = {gateway.call(f"{customer.path}/echo", customer.text).headers["X-Kong-Request-Id"] for _ in range(450)}
    wait_until(lambda: len(_spooled(gateway)) >= 3)
    log_sink.status = 204
    wait_until(lambda: {entry["request"]["id"] for entry in log_sink.entries} == sent, within=30)
    wait_until(lambda: _spooled(gateway) == [])


def test_a_killed_gateway_has_logged_what_it_answered(
    gateway: GatewayProcess, customer: Customer, log_sink: LogSink
) -> None:
    log_sink.status = 503
    sent = {gateway.call(f"{customer.path}/echo", customer.text).headers["X-Kong-Request-Id"] for _ in range(60)}
    # The entry is written right after the last byte; the next answer on the connection shows that it has been.
    sent.discard(gateway.call(f"{customer.path}/echo", customer.text).headers["X-Kong-Request-Id"])
    gateway.kill()
    log_sink.status = 204
    gateway.restart()
    wait_until(lambda: sent <= {entry["request"]["id"] for entry in log_sink.entries}, within=20)


def test_a_line_cut_short_by_a_crash_does_not_hold_up_the_rest(
    gateway: GatewayProcess, customer: Customer, log_sink: LogSink
) -> None:
    log_sink.status = 503
    gateway.call(f"{customer.path}/echo", customer.text)
    wait_until(lambda: _spooled(gateway))
    gateway.kill()
    segment = _spooled(gateway)[0]
    segment.write_bytes(segment.read_bytes() + b'{"request": {"id": "cut')
    log_sink.status = 204
    gateway.restart()
    log_sink.wait_for(1)
    wait_until(lambda: _spooled(gateway) == [])


def test_an_entry_the_portal_will_never_take_is_set_aside_alone(
    start_gateway: Callable[..., GatewayProcess], customer: Customer, log_sink: LogSink
) -> None:
    log_sink.status = 503
    gateway = start_gateway()
    for _ in range(5):
        gateway.call(f"{customer.path}/echo", customer.text)
    log_sink.status = 422
    rejected = gateway.state / "spool" / "rejected"
    wait_until(lambda: rejected.exists() and any(rejected.iterdir()), within=20)
    log_sink.status = 204
    gateway.call(f"{customer.path}/after", customer.text)
    wait_until(lambda: any(entry["upstream_uri"] == "/after" for entry in log_sink.entries), within=20)


def test_the_last_entries_are_handed_over_before_the_gateway_ends(
    gateway: GatewayProcess, customer: Customer, log_sink: LogSink
) -> None:
    last = gateway.call(f"{customer.path}/echo", customer.text).headers["X-Kong-Request-Id"]
    assert gateway.stop() == 0
    assert last in {entry["request"]["id"] for entry in log_sink.entries}


def _spooled(gateway: GatewayProcess) -> list:
    return sorted((gateway.state / "spool").glob("*.jsonl"))
