"""Fill an empty portal with the demo's people, APIs, plans and usage: `python -m portal.demo.world`.

Everything goes through the same functions that pages and commands use. Running it again repeats what is missing and
changes nothing else; what scripts need to know ends in `$PORTAL_STATE/seeded.json`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from flask import Flask

from portal.app import create_app
from portal.catalog import facts, reading
from portal.catalog import service as catalog
from portal.catalog.queries import get_api
from portal.db import SYSTEM, enter_scope, scoped, transaction
from portal.demo import billing_history
from portal.demo.past import Past, taking_deliveries
from portal.demo.people import APIS, PASSWORD, PEOPLE, DemoApi, DemoPlan, Person
from portal.demo.state import State
from portal.demo.usage import believable_calls
from portal.entitlements.service import derive
from portal.gateway.service import issue_key
from portal.identity.errors import EmailTaken
from portal.identity.queries import find_organisation_by_name
from portal.identity.rules import slug_of
from portal.identity.service import join, make_operator, sign_up
from portal.kit.clock import ManualClock, SystemClock
from portal.metering.measuring import measure
from portal.metering.partitions import ensure_ahead
from portal.metering.rollups import recompute_dirty
from portal.metering.service import take_in
from portal.pricing.queries import list_offers
from portal.pricing.service import create_plan, publish_price
from portal.projects.service import ensure_account
from portal.settings import load_settings
from portal.subscriptions.queries import find_live_for_product
from portal.subscriptions.service import start_free
from portal.upstreams.server import document
from portal.web.plugs import plugs
from portal.wiring import plug

HISTORY_DAYS = 41


def seed(app: Flask, past: Past, state: State) -> None:
    """Make the world, let its past happen, and write down how to enter it."""
    people = (*PEOPLE, *billing_history.PEOPLE)
    with app.app_context():
        enter_scope(SYSTEM)
        billing_history.begin(past)
        for person in people:
            _person(person)
        for api in APIS:
            _api(api)
        billing_history.tell(past, state)
        keys = [_history("Tidewater Labs", "Kestrel Data", "almanac")]
        state.write(
            "seeded.json",
            {
                "people": [_entry(person) for person in people],
                "apps": [],
                "shops": [],
                "api_keys": [k for k in keys if k],
            },
        )


def _person(person: Person) -> None:
    now = plugs().clock.now()
    with transaction(SYSTEM):
        colleagues = find_organisation_by_name(person.organisation)
        try:
            if colleagues is None:
                made = sign_up(person.email, PASSWORD, person.name, person.organisation, now=now)
            else:
                made = join(person.email, PASSWORD, person.name, colleagues, person.role, now=now, actor="demo")
        except EmailTaken:
            return
        if person.is_operator:
            make_operator(made.user_id, actor="demo")


def _api(api: DemoApi) -> None:
    now, settings = plugs().clock.now(), plugs().settings
    raw = document(api.upstream)
    prepared = reading.read(raw)
    with scoped(SYSTEM):
        organisation_id = find_organisation_by_name(api.organisation)
    assert organisation_id is not None
    upstream = os.environ["UPSTREAMS_URL"].rstrip("/") + "/" + api.upstream
    with transaction(SYSTEM):
        imported = catalog.import_document(
            organisation_id, raw, prepared, actor="demo", now=now, slug=api.slug, category=api.category, replace=True
        )
        publish = partial(
            catalog.publish,
            organisation_id,
            imported.api_id,
            actor="demo",
            now=now,
            upstream_url=upstream,
            allow_private=settings.gateway_allow_private_upstreams,
        )
        product_id = publish().product_id
        assert product_id is not None
        _plans(product_id, api.plans)
        publish()  # again, so that the market's cards know the prices


def _plans(product_id: int, plans: Sequence[DemoPlan]) -> None:
    known = {offer.code for offer in list_offers(product_id)}
    for position, plan in enumerate(plans):
        if plan.code in known:
            continue
        plan_id = create_plan(
            product_id,
            plan.code,
            plan.name,
            summary=plan.summary,
            requests_per_minute=plan.requests_per_minute,
            highlights=plan.highlights,
            position=position,
        )
        publish_price(plan_id, plan.terms)


def _history(consumer: str, provider: str, api_slug: str) -> dict[str, str] | None:
    """Let an organisation have used a free plan for weeks; return the key, or None when it was made before."""
    now, settings = plugs().clock.now(), plugs().settings
    began = now - timedelta(days=HISTORY_DAYS)
    with transaction(SYSTEM):
        organisation_id = find_organisation_by_name(consumer)
        listed = get_api(None, slug_of(provider), api_slug)
        assert organisation_id is not None
        assert listed.product_id is not None
        account_id = ensure_account(organisation_id, name=consumer)
        if find_live_for_product(account_id, listed.product_id) is not None:
            return None
        subscription_id = start_free(account_id, list_offers(listed.product_id)[0], now=began)
        derive(subscription_id, now=began)
        key = issue_key(
            account_id, subscription_id, "Harbour board", created_by=None, now=began, pepper=settings.pepper
        )
        ensure_ahead(began, months=5)
        take_in(
            list(
                believable_calls(
                    subscription_id=subscription_id,
                    account_id=account_id,
                    api_id=listed.id,
                    api_key_id=key.key_id,
                    until=now,
                    days=HISTORY_DAYS,
                    per_day=40,
                )
            )
        )
    with transaction(SYSTEM):
        while recompute_dirty(2_000):
            pass
        facts.note([listed.id], measure([listed.id], now))
    return {"api": f"{listed.organisation}/{api_slug}", "key": key.text}


def _entry(person: Person) -> dict[str, Any]:
    roles = [person.role, *(["operator"] if person.is_operator else [])]
    return {
        "name": person.name,
        "email": person.email,
        "password": PASSWORD,
        "roles": roles,
        "organisation": person.organisation,
        "story": billing_history.STORIES.get(person.email, ""),
    }


def main() -> None:
    """Seed the portal of this environment."""
    settings = load_settings()
    ports, today = plug(settings), SystemClock().now()
    clock = ManualClock(today)
    app = create_app(settings, replace(ports, clock=clock))
    with taking_deliveries(create_app(settings, ports)):
        seed(app, Past(clock, os.environ["SIMULATOR_URL"], today), State.at(settings.portal_state))


if __name__ == "__main__":
    main()
