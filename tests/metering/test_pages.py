"""The usage page in all its states, its CSV and the JSON summary."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from werkzeug.test import TestResponse

from portal.db import SYSTEM, transaction
from portal.kit.clock import ManualClock
from tests.factories import (
    make_account,
    make_api,
    make_api_key,
    make_organisation,
    make_plan,
    make_subscription,
    make_user,
)
from tests.metering.conftest import Customer, Post, make_customer, roll_up
from tests.metering.kong import entry, of, refused
from tests.sign_in import bearer_of, sign_in_as

pytestmark = pytest.mark.usefixtures("prepared")
HTMX = {"HX-Request": "true"}


@pytest.fixture
def reader(client: FlaskClient, cleo: Customer) -> FlaskClient:
    """Cleo, signed in."""
    return sign_in_as(client, cleo.person)


def words(answer: TestResponse) -> str:
    """The text of a page as a person reads it, with single spaces."""
    assert answer.status_code == 200, answer.text[:500]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def test_a_stranger_is_asked_to_sign_in(client: FlaskClient) -> None:
    for path in ("/usage", "/usage.csv", "/usage/first-call"):
        answer = client.get(path)
        assert (answer.status_code, "/login" in answer.headers["Location"]) == (303, True)
    assert client.get("/billing/usage").status_code == 401


def test_without_a_subscription_the_page_leads_to_the_catalog(client: FlaskClient) -> None:
    dan = make_user("Dan", organisation=make_organisation("Dan's den"))
    page = sign_in_as(client, dan).get("/usage")
    assert "No subscription yet" in words(page)
    assert 'href="/marketplace"' in page.text
    assert client.get("/usage.csv").status_code == 404
    assert client.get("/usage/first-call").status_code == 404


def test_before_the_first_call_the_page_shows_the_way_and_listens(reader: FlaskClient, cleo: Customer) -> None:
    page = reader.get("/usage")
    said = words(page)
    assert "Waiting for your first call" in said
    assert "Make a key" in said
    assert re.search(r"curl http://127\.0\.0\.1:8080/org-\d+/rates-\d+/", said)
    assert 'hx-trigger="load delay:2s"' in page.text
    assert ">Look again</a>" in page.text


def test_a_subscription_s_own_page_is_told_how_it_stands(
    reader: FlaskClient, cleo: Customer, post: Post, clock: ManualClock
) -> None:
    path = f"/subscriptions/{cleo.subscription.id}/usage"
    assert "No calls in the last 30 days" in words(reader.get(path, headers=HTMX))
    post([of(cleo.subscription.id, clock.now()), of(cleo.subscription.id, clock.now(), status=404)])
    roll_up()
    said = words(reader.get(path, headers=HTMX))
    assert "2 of 10,000 calls" in said
    assert "2 calls" in said
    assert "50.0% errors" in said
    plain = reader.get(path)
    assert (plain.status_code, plain.headers["Location"]) == (303, f"/usage?subscription={cleo.subscription.id}")


def test_nobody_else_is_told(client: FlaskClient, cleo: Customer, clock: ManualClock) -> None:
    other = make_customer(clock, "Dan")
    sign_in_as(client, other.person)
    assert client.get(f"/subscriptions/{cleo.subscription.id}/usage", headers=HTMX).status_code == 404


def test_the_page_asks_ever_more_slowly(reader: FlaskClient, cleo: Customer) -> None:
    delays = [
        re.search(r"delay:([\d.]+)s", reader.get(f"/usage/first-call?tries={n}", headers=HTMX).text)[1]  # type: ignore[index]
        for n in (0, 1, 8, 12, 500)
    ]
    assert delays == ["2", "2.25", "4", "5", "5"]


def test_the_first_call_turns_the_page_into_the_chart(
    reader: FlaskClient, cleo: Customer, post: Post, clock: ManualClock
) -> None:
    post(of(cleo.subscription.id, clock.now(), **{"latencies.request": 123}))
    answer = reader.get("/usage/first-call?tries=3", headers=HTMX)
    assert answer.headers["HX-Retarget"] == "#usage"
    assert answer.headers["HX-Push-Url"] == "/usage"
    assert "Your first call arrived GET /acme/rates/latest was answered with 200 in 123 ms." in words(answer)
    assert "delay:2s" not in answer.text
    assert "/acme/rates/latest" in words(reader.get("/usage"))


def test_figures_meter_bars_and_sum_agree(client: FlaskClient, cleo: Customer, post: Post, clock: ManualClock) -> None:
    clock.advance(timedelta(hours=30))
    mine = cleo.subscription.id
    batch = [of(mine, clock.now() - timedelta(hours=n)) for n in range(24)]
    batch += [of(mine, clock.now(), status=404), of(mine, clock.now(), status=503)]
    batch += [refused(clock.now(), 429, portal={"subscription_id": mine, "decision": "rate_limited"})]
    post(batch)
    roll_up()
    said = words(sign_in_as(client, cleo.person).get("/usage"))
    assert "25 of 10,000 calls" in said
    assert "Calls 27 toward your plan: 25" in said
    assert "Errors 11.1% 3 answers" in said
    assert "These bars add up to 25 counted calls and 2 that are not counted. The meter above says the same." in said
    assert "Sum 25 2 3" in said
    assert "not counted: rate limited" in said


@pytest.mark.parametrize(
    "query", ["", "?range=day", "?range=week", "?range=month&status=4xx", "?zone=local", "?range=x"]
)
def test_a_fragment_is_its_region_of_the_page(
    reader: FlaskClient, cleo: Customer, post: Post, clock: ManualClock, query: str
) -> None:
    post([of(cleo.subscription.id, clock.now()), of(cleo.subscription.id, clock.now(), status=404)])
    roll_up()
    page, fragment = reader.get(f"/usage{query}"), reader.get(f"/usage{query}", headers=HTMX)
    assert fragment.text.strip() in page.text
    assert "HX-Request" in page.headers["Vary"]
    assert "<html" not in fragment.text
    assert "<html" in reader.get(f"/usage{query}", headers={**HTMX, "HX-Boosted": "true"}).text


def test_another_organisations_subscription_is_not_found(reader: FlaskClient, clock: ManualClock, post: Post) -> None:
    dan = make_customer(clock, "Dan")
    post(of(dan.subscription.id, clock.now()))
    roll_up()
    for wrong in (dan.subscription.id, 999_999, "x", "9" * 30, "-1", "%00", "1;2"):
        for path in ("/usage", "/usage.csv", "/usage/first-call"):
            assert reader.get(f"{path}?subscription={wrong}").status_code == 404, (path, wrong)
    assert "/acme/rates" not in reader.get("/usage").text


@pytest.mark.parametrize(
    "query",
    ["before=x", "after=1-2", "before=99999999999999999-" + "0" * 32, "tries=-1", "tries=" + "9" * 50,
     "status=9xx", "range=%00", "zone=%F0", "before=%FF&after=%FF", "range=day&range=week"],
)  # fmt: skip
def test_a_torn_link_still_shows_usage(
    reader: FlaskClient, cleo: Customer, post: Post, clock: ManualClock, query: str
) -> None:
    post(of(cleo.subscription.id, clock.now()))
    for path in ("/usage", "/usage.csv", "/usage/first-call"):
        assert reader.get(f"{path}?{query}").status_code == 200


def test_the_log_is_paged_by_key_and_filtered_by_status(
    reader: FlaskClient, cleo: Customer, post: Post, clock: ManualClock
) -> None:
    clock.advance(timedelta(hours=3))
    batch = []
    for n in range(120):
        at, status = clock.now() - timedelta(seconds=n // 2), 404 if n % 10 == 0 else 200
        batch.append(of(cleo.subscription.id, at, status=status, **{"request.uri": f"/call/{n}"}))
    post(batch)
    seen: list[str] = []
    links: list[str] = ["/usage"]
    while links:
        page = reader.get(links[-1].replace("&amp;", "&")).text
        seen += re.findall(r"</span> (/call/\d+)<", page)
        found = re.search(r'href="([^"]+)" rel="next"', page)
        if not found:
            break
        links.append(found[1])
    assert len(links) == 5
    assert sorted(seen) == sorted(f"/call/{n}" for n in range(120))
    back = re.search(r'href="([^"]+)" rel="prev"', page)
    assert back is not None
    assert re.findall(r"</span> (/call/\d+)<", reader.get(back[1].replace("&amp;", "&")).text) == seen[75:100]
    failed = reader.get("/usage?status=4xx").text
    assert len(re.findall(r"</span> (/call/\d+)<", failed)) == 12


def test_several_subscriptions_are_stacked_and_can_be_told_apart(
    client: FlaskClient, post: Post, clock: ManualClock
) -> None:
    organisation = make_organisation("Mira's mill")
    mira, account = make_user("Mira", organisation=organisation), make_account(organisation)
    held = []
    for name in ("Rates", "Tides"):
        api = make_api(make_organisation("Ada's works"), name)
        plan, price = make_plan(api)
        held.append(make_subscription(account, plan, price, clock.now()))
    post([of(held[0].id, clock.now()), of(held[0].id, clock.now()), of(held[1].id, clock.now())])
    roll_up()
    sign_in_as(client, mira)
    both = client.get("/usage")
    assert '"name":"Rates · Pro","values":[2.0]' in re.sub(r"\[[0., ]*(\d\.0)\]", r"[\1]", both.text)
    assert "These bars add up to 3 counted calls" in words(both)
    assert "These bars add up to 1 counted call." in words(client.get(f"/usage?subscription={held[1].id}"))


def test_names_from_outside_are_text(client: FlaskClient, post: Post, clock: ManualClock) -> None:
    organisation = make_organisation("Eve")
    eve, account = make_user("Eve", organisation=organisation), make_account(organisation)
    api = make_api(organisation, "</script><script>alert(1)</script>", slug="evil")
    plan, price = make_plan(api)
    subscription = make_subscription(account, plan, price, clock.now())
    post(of(subscription.id, clock.now(), **{"request.uri": "/<img src=x onerror=alert(1)>"}))
    roll_up()
    page = sign_in_as(client, eve).get("/usage").text
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_csv_holds_the_bars_and_the_calls(reader: FlaskClient, cleo: Customer, post: Post, clock: ManualClock) -> None:
    key, _text = make_api_key(cleo.subscription, b"p" * 32, clock.now(), name="=HYPERLINK(1)")
    known = {"subscription_id": cleo.subscription.id, "api_key_id": key.id}
    post([entry(clock.now(), portal=known), entry(clock.now(), status=503, portal=known)])
    roll_up()
    bars = list(csv.DictReader(io.StringIO(reader.get("/usage.csv").text)))
    assert [(row["calls"], row["counted"], row["not counted"], row["errors"]) for row in bars] == [("2", "1", "1", "1")]
    answer = reader.get("/usage.csv?table=calls")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="calls-2026-03-10.csv"'
    calls = list(csv.DictReader(io.StringIO(answer.text)))
    assert {(row["key"], row["status"], row["counted"]) for row in calls} == {
        ("'=HYPERLINK(1)", "200", "yes"),
        ("'=HYPERLINK(1)", "503", "no"),
    }


def test_days_can_be_the_readers_own(client: FlaskClient, post: Post, clock: ManualClock) -> None:
    cleo = make_customer(clock, "Cleo")
    person = make_user("Nora", organisation=cleo.organisation, time_zone="Europe/Berlin")
    post(of(cleo.subscription.id, clock.now()))
    roll_up()
    sign_in_as(client, person)
    assert "Show days in Europe/Berlin" in words(client.get("/usage?range=week"))
    local = words(client.get("/usage?range=week&zone=local"))
    assert "by day, Europe/Berlin" in local
    assert "Plans and invoices count in UTC." in local


def test_a_page_says_when_its_figures_lag_and_looks_again(
    reader: FlaskClient, cleo: Customer, post: Post, clock: ManualClock
) -> None:
    post(of(cleo.subscription.id, clock.now()))
    with transaction(SYSTEM) as session:
        marked = clock.now() - timedelta(minutes=3)
        session.execute(text("UPDATE usage_dirty_hours SET dirty_since = :marked"), {"marked": marked})
    page = reader.get("/usage?range=week")
    assert "Complete up to 08:57 ; newer calls are being added." in words(page)
    assert 'hx-trigger="load delay:3s"' in page.text
    roll_up()
    assert "newer calls are being added" not in words(reader.get("/usage?range=week"))


def test_the_summary_for_programs(client: FlaskClient, cleo: Customer, post: Post, clock: ManualClock) -> None:
    mine = cleo.subscription.id
    post([of(mine, clock.now()), of(mine, clock.now(), status=503), of(mine, clock.now() - timedelta(days=3))])
    roll_up()
    headers = bearer_of(cleo.organisation.id)
    found = client.get("/billing/usage?from=2026-03-07&to=2026-03-10", headers=headers).json
    assert found["period"] == {"start": "2026-03-07T00:00:00Z", "end": "2026-03-11T00:00:00Z"}
    assert found["totals"] == {
        "calls": 3, "billable_calls": 2, "errors": 1, "bytes_out": 1500, "average_latency_ms": 42,
        "reported": {},
    }  # fmt: skip
    assert [(day["day"], day["calls"]) for day in found["days"]] == [("2026-03-07", 1), ("2026-03-10", 2)]
    half = client.get("/billing/usage?from=2026-03-10T09:00:00%2B00:00&to=2026-03-10T09:00:00.001Z", headers=headers)
    assert half.json["totals"]["calls"] == 2
    assert client.get("/billing/usage", headers=headers).json["totals"]["calls"] == 3


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("from=yesterday", 422), ("from=2026-02-30", 422), ("to=2026-03-01&from=2026-03-02", 422),
        ("from=2026-03-10T09:00:00", 422), ("from=2020-01-01&to=2026-01-01", 422), ("from=9999-12-31", 422),
        ("from=0001-01-01", 422), ("from=%00", 422), ("from=2026-03-01&from=2026-03-02", 400),
        ("to=9999-12-31", 422), ("from=%FF", 422),
    ],
)  # fmt: skip
def test_a_period_that_makes_no_sense_is_refused_by_name(
    client: FlaskClient, cleo: Customer, query: str, status: int
) -> None:
    answer = client.get(f"/billing/usage?{query}", headers=bearer_of(cleo.organisation.id))
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")


def test_the_summary_shows_only_the_tokens_own_organisation(
    client: FlaskClient, post: Post, clock: ManualClock
) -> None:
    cleo, dan = make_customer(clock, "Cleo"), make_customer(clock, "Dan")
    post(of(cleo.subscription.id, clock.now()))
    roll_up()
    assert client.get("/billing/usage", headers=bearer_of(dan.organisation.id)).json["totals"]["calls"] == 0
