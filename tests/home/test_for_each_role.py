"""What the start page adds for providers and for operators, and what crawlers are told."""

from __future__ import annotations

from datetime import timedelta
from xml.etree import ElementTree

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from portal.catalog.facts import note
from portal.catalog.types import MeasuredFacts
from portal.db import SYSTEM, transaction
from portal.kit.clock import ManualClock
from tests.factories import make_account, make_api, make_organisation, make_plan, make_subscription, make_user
from tests.sign_in import sign_in_as


def test_a_provider_sees_their_apis_and_how_many_people_use_them(app: Flask, clock: ManualClock) -> None:
    kestrel = make_organisation("Kestrel Data")
    rates, _draft = make_api(kestrel, "Rates"), make_api(kestrel, "Tides", state="draft")
    plan, price = make_plan(rates)
    for _ in range(2):
        make_subscription(make_account(make_organisation()), plan, price, clock.now())
    for calls in (1_000, 1_008):  # so little does not move its place, but it is read
        found = MeasuredFacts(rates.id, calls, 0, calls, 0, 40, (0,) * 30, clock.now())
        with transaction(SYSTEM):
            note([rates.id], [found])
    page = sign_in_as(app.test_client(), make_user("Ada", organisation=kestrel)).get("/").text
    rows = page.split('id="offered"')[1].split("</section>")[0]
    assert rows.count("<tr>") == 3
    assert ">2</td>" in rows
    assert ">1,008</td>" in rows
    assert "Draft" in rows


def test_who_publishes_nothing_sees_no_such_list(app: Flask) -> None:
    for role in ("owner", "viewer"):
        page = sign_in_as(app.test_client(), make_user("Cleo", organisation=make_organisation(), role=role)).get("/")
        assert 'id="offered"' not in page.text
        assert 'id="platform"' not in page.text


def test_an_operator_sees_what_waits_and_what_has_failed(app: Flask, clock: ManualClock) -> None:
    with transaction(SYSTEM) as session:
        for name, state in (("evt_1", "pending"), ("evt_2", "dead")):
            session.execute(
                text(
                    "INSERT INTO webhook_events (provider, endpoint, external_id, type, livemode, event_created_at,"
                    " received_at, next_attempt_at, raw, raw_sha256, state)"
                    " VALUES ('stripe', '/', :name, 'invoice.paid', false, :now, :now, :now, '', '', :state)"
                ),
                {"name": name, "state": state, "now": clock.now()},
            )
    olive = make_user("Olive", organisation=make_organisation("Market Office"), is_operator=True)
    page = sign_in_as(app.test_client(), olive).get("/").text
    assert "1 delivery of the payment provider could not be worked" in page
    assert "Deliveries waiting" in page
    assert "the oldest since 10 Mar 2026" in page


def test_an_overdue_payment_stands_on_every_page_with_its_end(app: Flask, clock: ManualClock) -> None:
    harbour = make_organisation("Harbour")
    plan, price = make_plan(make_api(make_organisation(), "Rates"))
    held = make_subscription(
        make_account(harbour), plan, price, clock.now(), status="past_due", grace_until=clock.now() + timedelta(days=5)
    )
    cleo = sign_in_as(app.test_client(), make_user("Cleo", organisation=harbour))
    for address in ("/", "/marketplace", "/usage"):
        page = cleo.get(address).text
        assert "Rates is unpaid. Access stays until 15 Mar 2026." in page
        assert f'href="/subscriptions/{held.id}">Settle it' in page
    dan = sign_in_as(app.test_client(), make_user("Dan", organisation=make_organisation()))
    assert "Settle it" not in dan.get("/marketplace").text


def test_crawlers_find_listed_apis_and_nothing_private(client: FlaskClient) -> None:
    kestrel = make_organisation("Kestrel Data", "kestrel")
    make_api(kestrel, "Rates", slug="rates")
    make_api(kestrel, "Hidden", slug="hidden", state="draft")
    answer = client.get("/sitemap.xml")
    assert (answer.status_code, answer.mimetype) == (200, "application/xml")
    found = [node.text for node in ElementTree.fromstring(answer.data).iter() if node.tag.endswith("loc")]  # noqa: S314
    assert found == [
        "http://127.0.0.1:8000/", "http://127.0.0.1:8000/marketplace", "http://127.0.0.1:8000/marketplace/kestrel",
        "http://127.0.0.1:8000/marketplace/kestrel/rates",
    ]  # fmt: skip
    robots = client.get("/robots.txt")
    assert "Disallow: /\n" in robots.text, "a demo is nobody's search result"
    assert "Sitemap: http://127.0.0.1:8000/sitemap.xml" in robots.text
