"""Putting people and APIs of the demo into the portal, by the functions that pages and commands use. Safe to repeat."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from portal.catalog import service as catalog
from portal.catalog import versions
from portal.catalog.farewells import deprecate_api
from portal.catalog.openapi.preparing import prepare
from portal.catalog.types import ImportResult
from portal.db import SYSTEM, transaction
from portal.demo.offers import DemoApi, DemoPlan
from portal.demo.people import PASSWORD, Person
from portal.identity.errors import EmailTaken
from portal.identity.queries import find_organisation_by_name
from portal.identity.service import join, make_operator, sign_up
from portal.pricing.queries import list_offers
from portal.pricing.service import create_plan, publish_price
from portal.upstreams.server import document
from portal.web.plugs import plugs


def admit(person: Person, now: datetime) -> int:
    """Let somebody sign up, or join the organisation when it is there; return the organisation's number."""
    with transaction(SYSTEM):
        colleagues = find_organisation_by_name(person.organisation)
        try:
            if colleagues is None:
                made = sign_up(person.email, PASSWORD, person.name, person.organisation, now=now)
            else:
                made = join(person.email, PASSWORD, person.name, colleagues, person.role, now=now, actor="demo")
        except EmailTaken:
            assert colleagues is not None
            return colleagues
        if person.is_operator:
            make_operator(made.user_id, actor="demo")
        return made.organisation_id


def put_up(api: DemoApi, today: datetime) -> None:
    """Import an API's documents and, unless it is a draft, publish it with its plans on the day its data names."""
    if api.published is None:
        with transaction(SYSTEM):
            _import(api, "", today)
        return
    published, updated = (today - timedelta(days=ago) for ago in (api.published, api.updated))
    with transaction(SYSTEM):
        for version, ago in api.older:
            first = _import(api, version, today - timedelta(days=ago))
        imported = _import(api, "", updated if api.older else published)
        publish = partial(
            catalog.publish,
            _owner(api),
            imported.api_id,
            actor="demo",
            upstream_url=_address(api),
            allow_private=plugs().settings.gateway_allow_private_upstreams,
        )
        product_id = publish(now=published).product_id
        assert product_id is not None
        _sell(product_id, api.plans)
        publish(now=updated)  # again, so that the market's cards know the prices
        if api.older:
            versions.publish_version(_owner(api), imported.version_id, actor="demo", now=updated, make_default=True)
        if api.farewell:
            _part(api, first if api.older else imported, today)


def _import(api: DemoApi, version: str, now: datetime) -> ImportResult:
    raw = document(api.upstream, version)
    return catalog.import_document(
        _owner(api),
        raw,
        prepare(raw),  # our own documents need no process of their own, which takes longer than reading
        actor="demo",
        now=now,
        slug=api.slug,
        category=api.category,
        upstream_url=_address(api),
        replace=True,
    )


def _part(api: DemoApi, going: ImportResult, today: datetime) -> None:
    """Announce that a version, or the API when it has no other, will go."""
    assert api.farewell is not None
    announced = today - timedelta(days=api.farewell.announced)
    end = (today + timedelta(days=api.farewell.gone_in)).replace(hour=0, minute=0, second=0, microsecond=0)
    words: dict[str, Any] = {"actor": "demo", "now": announced, "sunset_at": end, "note": api.farewell.note}
    if api.older:
        versions.deprecate_version(_owner(api), going.version_id, **words)
    else:
        deprecate_api(_owner(api), going.api_id, replacement=api.farewell.successor, **words)


def _sell(product_id: int, plans: Sequence[DemoPlan]) -> None:
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


def _owner(api: DemoApi) -> int:
    organisation_id = find_organisation_by_name(api.organisation)
    assert organisation_id is not None
    return organisation_id


def _address(api: DemoApi) -> str:
    return os.environ["UPSTREAMS_URL"].rstrip("/") + "/" + api.upstream
