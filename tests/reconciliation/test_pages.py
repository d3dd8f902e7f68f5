"""The page for operators: what it shows, that looking changes nothing, and that a repair needs a reason and a fresh look."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.db import SYSTEM, transaction
from portal.kit.clock import ManualClock
from portal.payments.syncing import Syncing
from portal.reconciliation import running
from tests.factories import make_account, make_organisation, make_subscription
from tests.payments.conftest import Shop, held
from tests.reconciliation.conftest import Recon, hear_of_money, operator
from tests.stripe_world import StripeWorld, hidden_fields

PAGE = "/admin/billing"


@pytest.fixture
def drift(bought: int, shop: Shop, stripe_world: StripeWorld, syncing: Syncing, recon: Recon) -> str:
    """A cancellation that never reached us, found by a run; the address of the disagreement."""
    hear_of_money(stripe_world, syncing)
    stripe_world.api("DELETE", f"subscriptions/{held(shop).stripe_subscription_id}")
    recon.run()
    (found,) = recon.open()
    return f"{PAGE}/mismatches/{found.id}"


def test_before_the_first_run_the_page_offers_one(olive: FlaskClient) -> None:
    page = olive.get(PAGE).text
    assert "Nothing was compared yet" in page
    assert "Compare now" in page


def test_only_operators_see_it(app: Flask, owner: FlaskClient, client: FlaskClient) -> None:
    assert owner.get(PAGE).status_code == 403
    assert owner.post(f"{PAGE}/runs").status_code == 403
    assert client.get(PAGE).status_code == 303


def test_when_everything_agrees_it_says_since_when(
    olive: FlaskClient, recon: Recon, clock: ManualClock, bought: int, stripe_world: StripeWorld, syncing: Syncing
) -> None:
    hear_of_money(stripe_world, syncing)
    recon.run()
    clock.advance(timedelta(minutes=4))
    page = olive.get(PAGE).text
    assert "Everything agrees" in page
    assert "4 minutes ago" in page


def test_a_run_is_begun_and_its_progress_shown(olive: FlaskClient, recon: Recon, bought: int) -> None:
    assert olive.post(f"{PAGE}/runs", data={"all": "1"}).status_code == 303
    page = olive.get(PAGE).text
    assert "Comparing our subscriptions and rights" in page
    assert 'hx-trigger="every 1s"' in page
    part = olive.get(f"{PAGE}/state", headers={"HX-Request": "true"})
    assert "HX-Refresh" not in part.headers
    olive.post(f"{PAGE}/runs")
    assert "running already" in olive.get(PAGE).text
    while recon.work():
        pass
    assert olive.get(f"{PAGE}/state", headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    assert "every 1s" not in olive.get(PAGE).text


def test_the_list_says_what_whose_and_why(olive: FlaskClient, drift: str) -> None:
    page = olive.get(PAGE).text
    for words in (
        "Another status at Stripe",
        "Tidewater Labs",
        "no delivery about it has reached us",
        "€29.00",
        "Access",
    ):
        assert words in page, words


def test_the_desk_says_how_many_are_open(olive: FlaskClient, drift: str) -> None:
    assert drift
    page = olive.get("/admin")
    assert page.status_code == 200
    assert "1 open" in page.text


def test_filters_are_in_the_address(olive: FlaskClient, drift: str) -> None:
    def lists(address: str) -> bool:
        return "no delivery about it" in olive.get(address).text

    assert lists(f"{PAGE}?severity=2&code=SUB_STATUS_DIFF&q=tidewater")
    for address in ("?severity=1", "?code=INV_MISSING", "?q=somebody", "?state=suppressed", "?state=resolved"):
        assert not lists(PAGE + address), address
    assert olive.get(f"{PAGE}?severity=x&code=%00&page=99999999&state=y&q=%00%ff").status_code == 200


def test_a_repair_is_looked_at_then_applied_with_a_reason(
    olive: FlaskClient, drift: str, shop: Shop, recon: Recon
) -> None:
    shown = olive.get(f"{drift}?repair=sync_from_stripe").text
    assert "<del>active</del>" in shown
    assert "<ins>ended</ins>" in shown
    assert held(shop).status == "active", "looking changes nothing"
    fields = hidden_fields(shown[shown.index('id="preview"') :])
    without = olive.post(f"{drift}/repair", data={**fields, "reason": " "})
    assert without.status_code == 422
    assert "Say why" in without.text
    assert held(shop).status == "active"
    done = olive.post(f"{drift}/repair", data={**fields, "reason": "ticket 12"}, follow_redirects=True)
    assert "everything agrees" in done.text
    assert held(shop).status == "canceled"
    assert "ticket 12" in done.text
    assert recon.codes() == []


def test_a_preview_that_no_longer_holds_is_refused_and_shown_anew(
    olive: FlaskClient, drift: str, shop: Shop, as_owner: Callable[[str], None]
) -> None:
    fields = hidden_fields(olive.get(f"{drift}?repair=sync_from_stripe").text)
    as_owner("UPDATE subscriptions SET quantity = 7")
    answer = olive.post(f"{drift}/repair", data={**fields, "reason": "ticket 12"})
    assert answer.status_code == 409
    assert "Something changed since you looked" in answer.text
    assert "<del>7</del>" in answer.text
    assert 'value="ticket 12"' in answer.text


def test_ending_what_is_alive_at_stripe_has_to_be_forced(
    olive: FlaskClient, bought: int, stripe_world: StripeWorld, shop: Shop, recon: Recon
) -> None:
    stripe_world.api("POST", f"subscriptions/{held(shop).stripe_subscription_id}", cancel_at_period_end="true")
    recon.run()
    found = next(one for one in recon.open() if one.reason_code == "SUB_CANCEL_FLAG_DIFF")
    address = f"{PAGE}/mismatches/{found.id}"
    refused = olive.get(f"{address}?repair=reset_to_free").text
    assert "somebody pays for it" in refused
    assert "Look at forcing it" in refused
    forced = olive.get(f"{address}?repair=reset_to_free&force=1").text
    assert "Stripe goes on charging" in forced
    fields = hidden_fields(forced)
    done = olive.post(f"{address}/repair", data={**fields, "reason": "fraud"}, follow_redirects=True)
    assert "it still differs" in done.text


def test_several_are_looked_at_and_repaired_together(
    olive: FlaskClient, app: Flask, recon: Recon, shop: Shop, clock: ManualClock
) -> None:
    for _number in range(3):
        make_subscription(make_account(make_organisation()), *shop.free, clock.now())
    recon.run()
    ids = [one.id for one in recon.open()]
    shown = olive.get(f"{PAGE}/repairs", query_string={"id": ids}).text
    assert "Apply 3 repairs" in shown
    seen = re.findall(r'name="seen" value="([^"]+)"', shown)
    assert olive.post(f"{PAGE}/repairs", data={"seen": seen, "reason": ""}).status_code == 422
    done = olive.post(
        f"{PAGE}/repairs", data={"seen": [*seen, "9:x:y", "zz"], "reason": "ticket"}, follow_redirects=True
    )
    assert "3 repairs applied and agreed" in done.text
    assert recon.open() == []
    assert "Nothing was chosen" in olive.get(f"{PAGE}/repairs").text


def test_leaving_out_and_coming_back(app: Flask, olive: FlaskClient, drift: str, clock: ManualClock) -> None:
    assert olive.post(f"{drift}/suppression", data={"days": "7", "reason": ""}).status_code == 422
    assert olive.post(f"{drift}/suppression", data={"days": "7", "reason": "agreed"}).status_code == 303
    assert "no delivery about it" not in olive.get(PAGE).text
    assert "no delivery about it" in olive.get(f"{PAGE}?state=suppressed").text
    clock.advance(timedelta(days=8))
    assert "no delivery about it" in operator(app).get(PAGE).text


def test_the_csv_is_safe_to_open(olive: FlaskClient, drift: str, as_owner: Callable[[str], None]) -> None:
    as_owner("UPDATE recon_mismatches SET whose = '=HYPERLINK(1)'")
    answer = olive.get(f"{PAGE}/mismatches.csv")
    assert answer.mimetype == "text/csv"
    header, line = answer.text.strip().split("\r\n")
    assert header.startswith('"id","code"')
    assert '"\'=HYPERLINK(1)"' in line
    assert '"SUB_STATUS_DIFF"' in line


def test_a_failed_run_and_a_late_one_are_said(
    app: Flask, recon: Recon, bought: int, stripe_world: StripeWorld, clock: ManualClock
) -> None:
    recon.run()
    clock.advance(timedelta(hours=27))
    olive = operator(app)
    assert "A comparison is overdue" in olive.get(PAGE).text
    stripe_world.control("faults", api=[{"kind": "error", "status": 500, "path": "/v1/subscriptions", "count": 1000}])
    recon.run()
    stripe_world.control("faults", method="DELETE")
    assert "The last comparison failed" in olive.get(PAGE).text
    told = olive.get("/ready").json
    assert told is not None
    assert told["status"] == "degraded"
    assert "the last reconciliation with Stripe failed" in told["warnings"]


def test_machines_can_watch(olive: FlaskClient, drift: str) -> None:
    told = olive.get("/metrics", headers={"Authorization": "Bearer metrics-token-for-tests"}).text
    assert 'portal_reconciliation_open_mismatches{code="SUB_STATUS_DIFF"} 1.0' in told
    assert 'portal_reconciliation_records{verdict="mismatched"} 1.0' in told
    assert 'portal_reconciliation_alerts{alert="failed"} 0.0' in told
    assert re.search(r"portal_reconciliation_last_run_timestamp_seconds \d", told)


def test_a_mass_of_drift_is_announced(
    olive: FlaskClient, app: Flask, recon: Recon, shop: Shop, clock: ManualClock
) -> None:
    for _number in range(5):
        make_subscription(make_account(make_organisation()), *shop.free, clock.now())
    recon.run(may_repair=True)
    assert "The last comparison stopped repairing" in olive.get(PAGE).text


def test_what_is_not_there(olive: FlaskClient) -> None:
    assert olive.get(f"{PAGE}/mismatches/999").status_code == 404
    assert (
        olive.post(f"{PAGE}/mismatches/999/repair", data={"action": "sync_from_stripe", "reason": "x"}).status_code
        == 404
    )
    assert olive.post(f"{PAGE}/mismatches/999/suppression", data={"days": "7", "reason": "x"}).status_code == 404


def test_the_timetable_begins_runs(app: Flask, recon: Recon) -> None:
    rules = running.Rules(hour=0, days_back=7, age=timedelta(0), may_repair=False)
    with transaction(SYSTEM):
        assert running.start_if_due(now=recon.syncing.clock.now(), rules=rules) is not None
