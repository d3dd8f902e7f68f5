"""What the gateway sends is what the portal's intake takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from flask.testing import FlaskClient
from sqlalchemy import text

from portal.db import SYSTEM, scoped, transaction
from portal.kit.clock import ManualClock
from portal.metering.partitions import ensure_ahead
from portal.settings import Settings
from tests.dataplane.conftest import Customer, GatewayProcess, LogSink, utc_now


def test_the_portal_takes_every_entry_once(
    gateway: GatewayProcess, make_customer: Callable[..., Customer], log_sink: LogSink, client: FlaskClient,
    clock: ManualClock, settings: Settings,
) -> None:  # fmt: skip
    clock.set(utc_now())
    with transaction(SYSTEM):
        ensure_ahead(clock.now())
    customer = make_customer(rpm=None)
    for path, key in (
        ("/echo", customer.text), ("/status/404", customer.text), ("/status/503", customer.text), ("/echo", None),
        ("/echo?apikey=x", None), ("/%FF/ü?q=%00", customer.text),
    ):  # fmt: skip
        gateway.call(customer.path + path, key)
    gateway.call("/nobody/here")
    entries = log_sink.wait_for(7)
    for accepted, duplicates in ((7, 0), (0, 7)):
        answer = client.post("/api/gateway/logs", json=entries, headers={"X-Gateway-Token": settings.gateway_log_token})
        verdict = answer.get_json()
        assert (answer.status_code, verdict["accepted"], verdict["duplicates"]) == (200, accepted, duplicates), verdict
        assert verdict["quarantined"] == 0
    with scoped(SYSTEM) as session:
        rows = session.execute(
            text("SELECT status, billable, subscription_id, api_key_id, path FROM api_requests_log")
        ).all()
    # Calls within one millisecond have no order of their own, so each is found by what it asked for and was told.
    billed = Counter((row.status, row.billable) for row in rows)
    odd_path = next(row for row in rows if row.api_key_id == customer.key.id and "%FF" in row.path.upper())
    assert billed == Counter(
        [
            (200, True),
            (404, True),
            (503, False),
            (401, False),
            (401, False),
            (404, False),
            (odd_path.status, odd_path.billable),
        ]
    )
    billed_calls = [row for row in rows if row.billable]
    assert {row.subscription_id for row in billed_calls} == {customer.subscription.id}
    assert {row.api_key_id for row in billed_calls} == {customer.key.id}
