"""The demo's market holds together: what its data names exists, can be sold, and is called within its plans."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from portal.catalog.openapi.preparing import prepare
from portal.catalog.types import CATEGORIES
from portal.demo.customers import CUSTOMERS, GAPS, HABITS, SAVED, Habit
from portal.demo.offers import DemoApi
from portal.demo.people import PEOPLE
from portal.demo.stalls import APIS, FIRST, STALLS
from portal.demo.traffic import addresses_of, calls
from portal.demo.usage import Caller
from portal.identity.rules import slug_of
from portal.pricing.rules import faults_of_plan, faults_of_terms
from portal.upstreams.server import NAMES, document

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)
EVERY = (*FIRST, *APIS)
BY_ADDRESS = {f"{slug_of(api.organisation)}/{api.slug}": api for api in EVERY}
EVERYBODY = {person.email: person for person in (*PEOPLE, *CUSTOMERS, *(stall.owner for stall in STALLS))}


@pytest.mark.parametrize("api", EVERY, ids=lambda api: api.slug)
def test_an_api_can_be_imported_and_sold(api: DemoApi) -> None:
    for version in ("", *(version for version, _ago in api.older)):
        prepared = prepare(document(api.upstream, version))
        assert prepared.findings == []
        assert prepared.summary
        assert all(operation.tag for operation in prepared.operations)
    assert api.category in CATEGORIES
    assert [fault for plan in api.plans for fault in faults_of_terms(plan.terms)] == []
    assert [
        fault for plan in api.plans for fault in faults_of_plan(plan.code, plan.name, plan.requests_per_minute)
    ] == []
    assert len({plan.code for plan in api.plans}) == len(api.plans)
    assert api.published is None or api.published >= api.updated >= 0


def test_every_upstream_is_offered_once() -> None:
    assert Counter(api.upstream for api in EVERY) == Counter(NAMES)
    assert {api.organisation for api in EVERY} <= {person.organisation for person in EVERYBODY.values()}


def test_every_kind_of_price_can_be_seen() -> None:
    terms = [plan.terms for api in EVERY for plan in api.plans]
    assert {one.usage_model for one in terms} == {None, "per_unit", "package", "graduated", "volume"}
    assert {one.interval for one in terms} == {"month", "year"}
    assert {one.limit for one in terms} == {"unlimited", "refused", "billed"}
    assert any(one.trial_days for one in terms)
    assert {one.currency for one in terms} == {"eur", "usd"}


@pytest.mark.parametrize("habit", HABITS, ids=lambda habit: f"{habit.customer} {habit.api}")
def test_customers_stay_within_a_free_plan_that_was_there_when_they_came(habit: Habit) -> None:
    api = BY_ADDRESS[habit.api]
    plan = next(plan for plan in api.plans if plan.terms.is_free)
    assert api.published is not None
    assert api.published >= habit.days
    assert habit.customer in {person.organisation for person in EVERYBODY.values()}
    addresses = addresses_of(document(api.upstream), f"/{habit.api}")
    made = list(calls(habit, api.running, addresses, Caller(1, 2, 3, 4), NOW))
    assert all(NOW - timedelta(days=habit.days + 1) < datetime.fromisoformat(one.started_at) < NOW for one in made)
    assert len({one.request_id for one in made}) == len(made) > 0
    assert made == list(calls(habit, api.running, addresses, Caller(1, 2, 3, 4), NOW))
    month = (NOW - timedelta(days=31)).isoformat()
    if plan.terms.included_quantity is not None:
        assert sum(one.started_at > month for one in made) < plan.terms.included_quantity


def test_a_bad_day_shows_and_an_ordinary_one_hardly() -> None:
    habit = next(habit for habit in HABITS if habit.api == "mockingbird-labs/test-data")
    running = BY_ADDRESS[habit.api].running
    made = list(calls(habit, running, [("GET", "/")], Caller(1, 2, 3, 4), NOW))
    bad = {(NOW - timedelta(days=ago)).date().isoformat() for ago in running.bad_days}
    failed = Counter(one.started_at[:10] in bad for one in made if one.status >= 500)
    calls_made = Counter(one.started_at[:10] in bad for one in made)
    assert failed[True] / calls_made[True] > 0.1
    assert failed[False] / calls_made[False] < 0.03


def test_what_people_keep_and_miss_is_there_and_is_not() -> None:
    assert {address for addresses in SAVED.values() for address in addresses} <= set(BY_ADDRESS)
    assert {*SAVED, *(email for _words, people, _ago in GAPS for email in people)} <= set(EVERYBODY)
    successors = {api.farewell.successor for api in EVERY if api.farewell and api.farewell.successor}
    assert successors <= set(BY_ADDRESS)
