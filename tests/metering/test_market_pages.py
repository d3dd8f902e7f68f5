"""What metering adds to an API's page: how reliable the provider is for everybody, what the reader's own calls say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.catalog.models import Api
from portal.catalog.versions import publish_version
from portal.db import SYSTEM, transaction
from portal.kit.clock import ManualClock
from tests.catalog.conftest import Provider, document
from tests.catalog.test_pages import region
from tests.factories import make_account, make_organisation, make_plan, make_subscription, make_user
from tests.metering.conftest import Post, roll_up, rows
from tests.metering.kong import of, refused
from tests.sign_in import Browser, sign_in_as

PAGE = "/marketplace/kestrel/exchange-rates"


class World:
    """Kestrel's published API and Cleo, whose organisation subscribes to it."""

    def __init__(self, app: Flask, clock: ManualClock, post: Post) -> None:
        self.app, self.clock, self.post = app, clock, post
        self.kestrel = Provider(app, clock)
        self.kestrel.publish()
        with transaction(SYSTEM) as session:
            self.api = session.query(Api).one()
        self.organisation = make_organisation("Tidewater", "tidewater")
        self.account = make_account(self.organisation)
        self.plan, price = make_plan(self.api, usage_model="per_unit")
        self.held = make_subscription(self.account, self.plan, price, clock.now())

    def calls(self, count: int, **changes: Any) -> None:
        uri = changes.pop("uri", "/kestrel/exchange-rates/rates/latest?base=EUR")
        self.post([of(self.held.id, self.clock.now(), **{"request.uri": uri}, **changes) for _ in range(count)])
        roll_up()
        self.clock.advance(timedelta(seconds=1))  # what is read later lies before it

    def browser(self, role: str = "owner") -> FlaskClient:
        return sign_in_as(Browser(self.app), make_user("Cleo", organisation=self.organisation, role=role))


@pytest.fixture
def world(app: Flask, clock: ManualClock, prepared: None, post: Post) -> World:
    return World(app, clock, post)


# ---- reliability ------------------------------------------------------------------------------------------------------


def test_sums_know_what_reached_the_provider_and_what_failed_there(world: World) -> None:
    now = world.clock.now()
    world.calls(3)
    world.calls(1, status=404)
    world.calls(2, status=503)
    consumer = {"consumer": {"custom_id": str(world.held.id)}}
    world.post([refused(now, 429, **consumer), refused(now, 502, **{**consumer, "latencies.proxy": 2})])
    roll_up()
    sums = "sum(calls), sum(asked_calls), sum(failed_calls), sum((SELECT sum(n) FROM unnest(asked_counts) n))"
    for table in ("usage_records_hourly", "usage_records_daily"):
        assert rows(f"SELECT {sums} FROM {table}") == [(8, 7, 3, 7)]  # noqa: S608


def test_everybody_sees_how_reliable_an_api_is(world: World, client: FlaskClient) -> None:
    world.calls(99)
    world.calls(1, status=502)
    page = client.get(f"{PAGE}/reliability").get_data(as_text=True)
    assert "99.00%" in page
    assert "from 100 calls" in page
    assert "42 ms" in page
    assert page.count("<title>") == 1 + 90
    assert "Tidewater" not in page


def test_a_few_calls_are_no_percentage(world: World, client: FlaskClient) -> None:
    assert "No calls in the last 90 days" in client.get(f"{PAGE}/reliability").get_data(as_text=True)
    world.calls(49)
    page = client.get(f"{PAGE}/reliability").get_data(as_text=True)
    assert "49 calls are too few to say how reliable an API is." in page
    assert 'class="stat"' not in page


def test_calls_leave_after_ninety_days(world: World, client: FlaskClient) -> None:
    world.calls(60)
    world.clock.advance(timedelta(days=89))
    assert "from 60 calls" in client.get(f"{PAGE}/reliability").get_data(as_text=True)
    world.clock.advance(timedelta(days=1))
    assert "No calls in the last 90 days" in client.get(f"{PAGE}/reliability").get_data(as_text=True)


# ---- the reader's own -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["pricing/ours", "versions/ours?from=1.0.0&to=2.0.0"])
def test_own_parts_are_for_people_of_an_organisation(world: World, client: FlaskClient, part: str) -> None:
    two_versions(world)
    assert client.get(f"{PAGE}/{part}").status_code in (303, 401)
    assert world.browser("viewer").get(f"{PAGE}/{part}").status_code == 200
    assert world.browser().get(f"/marketplace/kestrel/none/{part}").status_code == 404
    assert world.browser().post(f"{PAGE}/{part}").status_code == 405


def test_our_last_month_is_priced_on_every_plan(world: World) -> None:
    world.clock.advance(timedelta(days=1))
    world.calls(1_500, **{"latencies.request": 10})
    world.calls(5, status=500)  # the provider's failures cost nothing
    page = world.browser().get(f"{PAGE}/pricing/ours").get_data(as_text=True)
    assert "1,500 counted calls since" in page
    assert "€29.00" in page
    assert "Your plan" in page
    assert region(page, "replay").count("Best here") == 1


def test_an_outsider_s_last_month_is_their_own(world: World, app: Flask) -> None:
    world.calls(60)
    dan = sign_in_as(Browser(app), make_user("Dan", organisation=make_organisation()))
    assert "made no counted call" in dan.get(f"{PAGE}/pricing/ours").get_data(as_text=True)


def two_versions(world: World) -> None:
    tree = document(info={"title": "Exchange rates", "version": "2.0.0"})
    tree["paths"]["/rates/latest"]["get"]["parameters"][1]["schema"]["enum"] = ["EUR"]
    tree["paths"].pop("/alerts/{alert_id}")
    result = world.kestrel.import_(tree)
    with transaction(SYSTEM):
        publish_version(
            world.kestrel.organisation.id, result.version_id, actor="x", now=world.clock.now(), make_default=True
        )


AFFECTED = f"{PAGE}/versions/ours?from=1.0.0&to=2.0.0"


def test_the_changes_that_hit_us_are_those_in_what_we_called(world: World, app: Flask) -> None:
    two_versions(world)
    world.calls(3)
    page = world.browser().get(AFFECTED).get_data(as_text=True)
    assert "These changes touch 1 operation your organisation called" in page
    assert "3 calls" in page
    assert "/alerts/" not in region(page, "affected")
    dan = sign_in_as(Browser(app), make_user("Dan", organisation=make_organisation()))
    assert "called none of the operations" in dan.get(AFFECTED).get_data(as_text=True)


def test_a_removed_operation_is_found_in_the_old_version(world: World) -> None:
    two_versions(world)
    world.calls(2, uri="/kestrel/exchange-rates/alerts/7", **{"request.method": "PUT"})
    assert "/alerts/{alert_id}" in region(world.browser().get(AFFECTED).get_data(as_text=True), "affected")


def test_calls_older_than_ninety_days_no_longer_count(world: World) -> None:
    two_versions(world)
    world.calls(2)
    world.clock.advance(timedelta(days=91))
    assert "called none of the operations" in world.browser().get(AFFECTED).get_data(as_text=True)


@pytest.mark.parametrize("query", ["", "?from=1.0.0", "?from=1.0.0&to=%00", "?from=x&to=y", "?from=1.0.0&to=1.0.0"])
def test_versions_that_are_not_there(world: World, query: str) -> None:
    assert world.browser().get(f"{PAGE}/versions/ours{query}").status_code == 404


@pytest.mark.parametrize(("url", "name"), [(f"{PAGE}/pricing/ours", "replay"), (AFFECTED, "affected")])
def test_the_part_equals_its_region_of_the_page(world: World, url: str, name: str) -> None:
    two_versions(world)
    world.calls(60)
    cleo = world.browser()
    page, part = cleo.get(url), cleo.get(url, headers={"HX-Request": "true"})
    assert region(page.get_data(as_text=True), name) == region(part.get_data(as_text=True), name)
    assert "<html" not in part.get_data(as_text=True)
    assert ("hx-swap-oob" in part.get_data(as_text=True)) == (name == "affected")
