"""What gateways report is taken in exactly once, and nothing they send can stop the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.adapters.inline_queue import RememberingBell
from portal.kit.clock import ManualClock
from tests.metering.conftest import Customer, Post, make_customer, rows
from tests.metering.kong import entry, of, refused
from tests.sign_in import WAYS

pytestmark = pytest.mark.usefixtures("prepared")


@pytest.fixture(params=WAYS)
def client(app: Flask, request: pytest.FixtureRequest) -> FlaskClient:
    """A gateway, by either way in: both give the same answers."""
    return WAYS[request.param](app, app.response_class)


def verdicts(answer: dict[str, int]) -> tuple[int, int, int, int]:
    return answer["accepted"], answer["duplicates"], answer["conflicts"], answer["quarantined"]


def test_a_batch_is_stored_and_the_worker_is_woken(
    post: Post, cleo: Customer, clock: ManualClock, queue: RememberingBell
) -> None:
    answer = post([of(cleo.subscription.id, clock.now()), of(cleo.subscription.id, clock.now(), status=404)])
    assert (answer.status_code, verdicts(answer.json)) == (200, (2, 0, 0, 0))
    assert queue.rings == ["rollups"]
    stored = rows("SELECT account_id, api_id, status, billable, upstream_ms FROM api_requests_log ORDER BY status")
    assert stored == [(cleo.account.id, cleo.api.id, 200, True, 40), (cleo.account.id, cleo.api.id, 404, True, 40)]


def test_one_object_is_a_batch_of_one(post: Post, cleo: Customer, clock: ManualClock) -> None:
    assert verdicts(post(of(cleo.subscription.id, clock.now())).json) == (1, 0, 0, 0)


def test_a_repeat_changes_nothing_and_does_not_wake_anybody(
    post: Post, cleo: Customer, clock: ManualClock, queue: RememberingBell
) -> None:
    batch = [of(cleo.subscription.id, clock.now()) for _ in range(3)]
    post(batch)
    queue.rings.clear()
    answer = post([*batch, of(cleo.subscription.id, clock.now())]).json
    assert verdicts(answer) == (1, 3, 0, 0)
    assert {shown["verdict"] for shown in answer["entries"]} == {"duplicate"}
    assert rows("SELECT count(*) FROM api_requests_log") == [(4,)]
    post(batch)
    assert queue.rings == ["rollups"]


def test_a_repeat_is_recognised_across_a_month_border(post: Post, cleo: Customer, clock: ManualClock) -> None:
    clock.set(clock.now().replace(month=4, day=1, hour=0, minute=1))
    once = of(cleo.subscription.id, clock.now() - timedelta(minutes=2))
    again = {**once, "started_at": once["started_at"] + 120_000}
    assert verdicts(post(once).json) == (1, 0, 0, 0)
    assert verdicts(post(again).json) == (0, 0, 1, 0)
    assert rows("SELECT count(*) FROM api_requests_log") == [(1,)]


def test_two_calls_that_claim_one_id_leave_the_first_and_quarantine_the_second(
    post: Post, cleo: Customer, clock: ManualClock
) -> None:
    first = of(cleo.subscription.id, clock.now(), request_id="ab" * 16)
    second = of(cleo.subscription.id, clock.now(), request_id="ab" * 16, status=201)
    assert verdicts(post([first, second, first]).json) == (1, 1, 1, 0)
    assert verdicts(post(second).json) == (0, 0, 1, 0)
    assert rows("SELECT status FROM api_requests_log") == [(200,)]
    kept = rows("SELECT reason, entry->>'status' FROM quarantined_log_entries")
    assert kept == [("another call was already taken in under this request id", "201")] * 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"latencies.request": -5}, "latency"),
        ({"response.status": 999}, "status"),
        ({"response.status": None}, "status"),
        ({"response": "none"}, "response"),
        ({"request.id": ""}, "request id"),
        ({"request.size": -1}, "size"),
        ({"request.size": 2**70}, "size"),
        ({"started_at": "yesterday"}, "started_at"),
        ({"started_at": 10**18}, "started_at"),
        ({"started_at": 1_500_000_000_000}, "400 days"),
        ({"consumer": {"custom_id": "999999"}}, "unknown subscription"),
        ({"portal": {"subscription_id": -1}}, "out of range"),
    ],
)
def test_an_unbelievable_entry_is_quarantined_and_its_neighbours_are_not(
    post: Post, cleo: Customer, clock: ManualClock, changes: dict[str, object], reason: str
) -> None:
    good = of(cleo.subscription.id, clock.now())
    answer = post([good, of(cleo.subscription.id, clock.now(), **changes), of(cleo.subscription.id, clock.now())])
    assert (answer.status_code, verdicts(answer.json)) == (200, (2, 0, 0, 1))
    assert reason in answer.json["entries"][0]["reason"]
    assert len(rows("SELECT 1 FROM quarantined_log_entries")) == 1


def test_the_clock_of_a_gateway_may_be_five_minutes_ahead(post: Post, cleo: Customer, clock: ManualClock) -> None:
    ahead = [of(cleo.subscription.id, clock.now() + timedelta(minutes=minutes)) for minutes in (5, 6)]
    assert verdicts(post(ahead).json) == (1, 0, 0, 1)


def test_a_subscription_cannot_be_billed_for_somebody_elses_account_or_api(post: Post, clock: ManualClock) -> None:
    cleo, dan = make_customer(clock, "Cleo"), make_customer(clock, "Dan")
    mine = {"subscription_id": cleo.subscription.id}
    wrong = [
        entry(clock.now(), portal={**mine, "account_id": dan.account.id}),
        entry(clock.now(), portal={**mine, "api_id": dan.api.id}),
        of(cleo.subscription.id, clock.now(), **{"service.tags": ["portal", f"api:{dan.api.id}"]}),
    ]
    assert verdicts(post(wrong).json) == (0, 0, 0, 3)
    knocked = refused(clock.now(), 403, portal={**mine, "api_id": dan.api.id, "decision": "other_api"})
    assert verdicts(post(knocked).json) == (1, 0, 0, 0)
    assert rows("SELECT api_id, billable, decision FROM api_requests_log") == [(cleo.api.id, False, "other_api")]


@pytest.mark.parametrize(
    ("changes", "billable"),
    [
        ({"status": 200}, True),
        ({"status": 404}, True),
        ({"status": 503}, False),
        ({"status": 429, "source": "kong", "upstream_status": "", "latencies.proxy": -1}, False),
        ({"status": 502, "source": "kong", "upstream_status": "502, 502"}, False),
        ({"source": None}, True),
        ({"source": None, "upstream_status": ""}, False),
        ({"source": "gateway"}, False),
    ],
)
def test_only_an_answer_of_the_provider_counts_and_only_below_500(
    post: Post, cleo: Customer, clock: ManualClock, changes: dict[str, object], billable: bool
) -> None:
    post(of(cleo.subscription.id, clock.now(), **changes))
    assert rows("SELECT billable FROM api_requests_log") == [(billable,)]


def test_a_gateway_may_excuse_a_call_but_not_add_one(post: Post, cleo: Customer, clock: ManualClock) -> None:
    def said(billable: bool, **changes: object) -> dict[str, object]:
        portal = {"subscription_id": cleo.subscription.id, "billable": billable}
        return entry(clock.now(), **{"portal": portal, **changes})

    post([said(False, status=200), said(True, status=503), said(True, status=201)])
    assert rows("SELECT status, billable FROM api_requests_log ORDER BY 1") == [
        (200, False),
        (201, True),
        (503, False),
    ]


def test_a_call_without_a_subscription_is_logged_but_nobodys(post: Post, clock: ManualClock) -> None:
    assert verdicts(post(refused(clock.now())).json) == (1, 0, 0, 0)
    assert rows("SELECT account_id, billable, upstream_ms FROM api_requests_log") == [(None, False, None)]
    assert rows("SELECT 1 FROM usage_dirty_hours") == []


def test_keys_reach_neither_the_log_nor_the_quarantine(post: Post, cleo: Customer, clock: ManualClock) -> None:
    key = "mk_live_AbCdEfGhIj_" + "k" * 49
    leaky: dict[str, object] = {
        "request.uri": f"/acme/rates/{key}?apikey={key}&access_token=topsecret",
        "request.url": f"http://x/{key}?apikey={key}",
        "request.querystring": {"apikey": key, "access_token": "topsecret"},
        "request.headers": {"apikey": key, "cookie": "session=topsecret", "authorization": f"Bearer {key}"},
    }
    post([of(cleo.subscription.id, clock.now(), **leaky), of(999_999, clock.now(), **leaky)])
    post([of(cleo.subscription.id, clock.now(), **leaky, started_at=f"now {key}", client_ip="topsecret")])
    written = repr(
        rows("SELECT l::text FROM api_requests_log l") + rows("SELECT q::text FROM quarantined_log_entries q")
    )
    assert rows("SELECT count(*) FROM quarantined_log_entries") == [(2,)]
    assert key not in written
    assert "topsecret" not in written
    assert rows("SELECT path FROM api_requests_log") == [("/acme/rates/[redacted]",)]


@pytest.mark.parametrize("path", ["\\N", "\\.", "/a\\tb", "\\", "", "?x", "/ü/日本"])
def test_what_copy_could_misread_arrives_as_it_was(post: Post, cleo: Customer, clock: ManualClock, path: str) -> None:
    post([of(cleo.subscription.id, clock.now(), **{"request.uri": path, "request.method": ""}, client_ip="\\N")])
    expected = path.partition("?")[0] or "-"
    assert rows("SELECT path, method, client_ip FROM api_requests_log") == [(expected, "-", "\\N")]


def test_an_id_that_is_no_uuid_still_identifies(post: Post, cleo: Customer, clock: ManualClock) -> None:
    odd = of(cleo.subscription.id, clock.now(), request_id="req-7f/ü")
    dashed = of(cleo.subscription.id, clock.now(), request_id="0199a3c1-7b1e-7c2a-9a30-1f2e3d4c5b6a")
    assert verdicts(post([odd, dashed]).json) == (2, 0, 0, 0)
    assert verdicts(post([dashed, odd]).json) == (0, 2, 0, 0)
    bare = {**dashed, "request": {**dashed["request"], "id": "0199A3C17B1E7C2A9A301F2E3D4C5B6A"}}
    assert verdicts(post([bare]).json) == (0, 1, 0, 0)


def test_what_a_real_kong_posted_is_taken_in(post: Post, clock: ManualClock) -> None:
    """Captured shapes: refusals without consumer or service, retries, tags, floats in `tries`."""
    captured = [
        {**refused(clock.now()), "service": None},
        refused(clock.now(), 404, **{"request.uri": "/nowhere", "tries": []}),
        refused(clock.now(), 413, **{"latencies.request": "3", "request.size": "901"}),
        refused(clock.now(), 502, **{"upstream_status": "502, 502", "latencies.proxy": 2}),
        {**refused(clock.now(), 400), "service": {"tags": {}}, "route": {"tags": ["portal", "api:7"]}},
    ]
    assert verdicts(post(captured).json) == (5, 0, 0, 0)
    assert rows("SELECT api_id FROM api_requests_log WHERE status = 400") == [(7,)]


def test_bytes_that_are_not_text_do_not_take_their_neighbours_down(
    post: Post, cleo: Customer, clock: ManualClock
) -> None:
    odd = json.dumps(of(cleo.subscription.id, clock.now(), **{"request.uri": "/acme/@@/\\x\t\u0000end"}))
    raw = (
        ("[" + odd + "," + json.dumps(of(cleo.subscription.id, clock.now())) + "]").encode().replace(b"@@", b"\xff\xfe")
    )
    answer = post(raw, raw=True)
    assert (answer.status_code, verdicts(answer.json)) == (200, (2, 0, 0, 0))
    assert ("/acme/\ufffd\ufffd/\\x\ufffd\ufffdend",) in rows("SELECT path FROM api_requests_log")


def test_half_a_surrogate_does_not_take_its_neighbours_down(post: Post, cleo: Customer, clock: ManualClock) -> None:
    odd = json.dumps(of(cleo.subscription.id, clock.now())).replace("latest", "\\ud800")
    raw = f"[{odd}, {json.dumps(of(cleo.subscription.id, clock.now()))}]".encode()
    answer = post(raw, raw=True)
    assert (answer.status_code, verdicts(answer.json)) == (200, (2, 0, 0, 0))


@pytest.mark.parametrize("junk", ["x", 7, None, [], [[]], {"a": 1}, {"request": {"id": 5}}, {"request": [1]}, True])
def test_any_element_of_an_array_gets_a_verdict(post: Post, junk: object) -> None:
    answer = post([junk])
    assert (answer.status_code, verdicts(answer.json)) == (200, (0, 0, 0, 1))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400), (b"{", 400), (b"[1,", 400), (b"[] x", 400), (b"NaN", 400), (b"\xff\xfe[\x00]\x00", 400),
        (b"[" * 200_000, 400), (b'[{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}]", 400),
        (b"null", 422), (b'"x"', 422), (b"7", 422), (b"[]", 200), (b"{}", 200),
        (b'[{"started_at": 1e400}]', 200), (b'[{"started_at": ' + b"9" * 4000 + b"}]", 200),
        (b"[" + b" " * (4 * 1024 * 1024) + b"]", 413),
    ],
)  # fmt: skip
def test_any_bytes_get_a_clear_answer(post: Post, body: bytes, status: int) -> None:
    answer = post(body, raw=True)
    assert answer.status_code == status
    if status >= 400:
        assert answer.mimetype == "application/problem+json"


def test_a_batch_of_three_megabytes_is_not_too_large(post: Post, cleo: Customer, clock: ManualClock) -> None:
    padded = {"request.headers": {"x-padding": "x" * 3_000}}
    batch = [of(cleo.subscription.id, clock.now(), **padded) for _ in range(900)]
    assert verdicts(post(batch).json) == (900, 0, 0, 0)


def test_only_the_gateways_token_opens_the_intake(post: Post, client: FlaskClient) -> None:
    assert post([], token="wrong").status_code == 401
    assert post([], token="").status_code == 401
    assert post([], token="gateway-log-token-for-tests\u00e9").status_code == 401
    assert post([], content_type="text/plain").status_code == 415
    assert post([], **{"Content-Encoding": "gzip"}).status_code == 415
    assert client.get("/api/gateway/logs").status_code == 405


def test_without_a_token_in_the_settings_the_intake_does_not_exist(app: Flask, post: Post, clock: ManualClock) -> None:
    plugs = app.extensions["portal"]
    app.extensions["portal"] = replace(plugs, settings=plugs.settings.model_copy(update={"gateway_log_token": ""}))
    assert post([], token="").status_code == 404
