"""A market with more than one stall: the demo's other providers and their APIs, and months of customers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from portal.catalog import appearance, facts, listing
from portal.catalog.finding import gaps, keeping
from portal.catalog.queries import get_api
from portal.db import SYSTEM, scoped, transaction
from portal.demo.customers import CUSTOMERS, GAPS, HABITS, SAVED, Habit
from portal.demo.faces import FACES, OWN_MARKS, Face
from portal.demo.marks import mark
from portal.demo.offers import DemoApi
from portal.demo.opening import admit, put_up
from portal.demo.people import PEOPLE
from portal.demo.stalls import APIS, FIRST, STALLS, Stall
from portal.demo.traffic import addresses_of, calls
from portal.demo.usage import Caller
from portal.entitlements.service import derive
from portal.gateway.service import issue_key
from portal.identity import operating
from portal.identity.billing import change_billing, get_billing
from portal.identity.members import change_organisation, choose_logo
from portal.identity.people import find_confirmed
from portal.identity.queries import find_organisation_by_name, get_organisation
from portal.identity.rules import slug_of
from portal.kit.tokens import keyed_hash
from portal.logos.drawing import draw
from portal.logos.service import keep
from portal.metering.api_rollups import recompute_dirty_api_days
from portal.metering.measuring import measure
from portal.metering.partitions import ensure_ahead
from portal.metering.rollups import recompute_dirty
from portal.metering.service import take_in
from portal.metering.types import LogEntry
from portal.pricing.queries import list_offers
from portal.projects.service import ensure_account
from portal.subscriptions.queries import find_live_for_product
from portal.subscriptions.service import start_free
from portal.upstreams.server import document
from portal.web.plugs import plugs

_BATCH = 5_000


def open_stalls(today: datetime) -> None:
    """Let the other providers come, each in its time, and publish."""
    for stall in STALLS:
        _settle(stall, today)
    for api in APIS:
        put_up(api, today)
    for name, face in FACES.items():
        _present(name, face, today)
    for address, picture in OWN_MARKS.items():
        _mark_api(address, picture, today)
    with transaction(SYSTEM):
        listing.age(today)


def let_customers_come(today: datetime) -> list[dict[str, str]]:
    """Let organisations use free plans for months, keep APIs and leave wishes; then measure every API.

    Returns the API and the text of each key made for an organisation whose people can be signed in as.
    """
    for person in CUSTOMERS:
        admit(person, today - timedelta(days=400))
    with transaction(SYSTEM):
        ensure_ahead(today - timedelta(days=max(habit.days for habit in HABITS)), months=6)
    by_address = {f"{slug_of(api.organisation)}/{api.slug}": api for api in (*FIRST, *APIS)}
    made = [(habit, _live(habit, by_address[habit.api], today)) for habit in HABITS]
    _remember(today)
    with transaction(SYSTEM):
        while recompute_dirty(5_000) or recompute_dirty_api_days(5_000):
            pass
    with transaction(SYSTEM):
        listed = facts.list_listed(after=0)
        facts.note(listed, measure(listed, today))
    ours = {person.organisation for person in PEOPLE}
    return [{"api": habit.api, "key": key} for habit, key in made if key and habit.customer in ours]


def _settle(stall: Stall, today: datetime) -> None:
    organisation_id = admit(stall.owner, today - timedelta(days=stall.since))
    with transaction(SYSTEM) as session:
        change_organisation(
            organisation_id,
            name=get_organisation(organisation_id).name,
            description=stall.description,
            website=stall.website,
            actor="demo",
        )
        whom = replace(get_billing(organisation_id), email=stall.owner.email)
        change_billing(session, organisation_id, whom, actor="demo", now=today)
        operating.set_verified(organisation_id, stall.is_verified, actor="demo", reason="demo data")


def _present(name: str, face: Face, today: datetime) -> None:
    """Let a provider say who it is, and hang out its sign."""
    organisation_id = find_organisation_by_name(name)
    assert organisation_id is not None
    known = get_organisation(organisation_id)
    with transaction(SYSTEM):
        change_organisation(
            organisation_id,
            name=name,
            description=face.description or known.description,
            website=face.website or known.website,
            about=face.about,
            support=face.support,
            actor="demo",
        )
    if face.mark and not known.logo:
        digest = _upload(organisation_id, face.mark, today)
        with transaction(SYSTEM):
            choose_logo(organisation_id, digest, actor="demo")


def _mark_api(address: str, picture: str, today: datetime) -> None:
    """Give an API a picture of its own."""
    with scoped(SYSTEM):
        api = get_api(None, *address.split("/"))
    if api.logo == api.organisation_logo:
        digest = _upload(api.organisation_id, picture, today)
        with transaction(SYSTEM):
            appearance.choose_logo(api.organisation_id, api.id, digest, actor="demo")


def _upload(organisation_id: int, name: str, today: datetime) -> str:
    drawn = draw(mark(name))
    with transaction(SYSTEM):
        keep(organisation_id, drawn, actor="demo", now=today)
    return drawn.digest


def _live(habit: Habit, api: DemoApi, today: datetime) -> str | None:
    """Subscribe to the free plan as long ago as the habit began, and take in its calls; return the key.

    None when that was done before.
    """
    began = today - timedelta(days=habit.days)
    organisation, slug = habit.api.split("/")
    with transaction(SYSTEM):
        organisation_id = find_organisation_by_name(habit.customer)
        listed = get_api(None, organisation, slug)
        assert organisation_id is not None
        assert listed.product_id is not None
        account_id = ensure_account(organisation_id, name=habit.customer)
        if find_live_for_product(account_id, listed.product_id) is not None:
            return None
        offer = next(offer for offer in list_offers(listed.product_id) if offer.is_free)
        subscription_id = start_free(account_id, offer, now=began)
        derive(subscription_id, now=began)
        pepper = plugs().settings.pepper
        key = issue_key(account_id, subscription_id, habit.key, created_by=None, now=began, pepper=pepper)
        caller = Caller(subscription_id, account_id, listed.id, key.key_id)
        raw = document(api.upstream, api.older[0][0] if api.older else "")
        entries = calls(habit, api.running, addresses_of(raw, f"/{habit.api}"), caller, today)
        for batch in _batches(entries):
            take_in(batch)
        return key.text


def _batches(entries: Iterator[LogEntry]) -> Iterator[list[LogEntry]]:
    while batch := list(islice(entries, _BATCH)):
        yield batch


def _remember(today: datetime) -> None:
    """What people keep, and what they looked for in vain."""
    with scoped(SYSTEM):
        emails = {*SAVED, *(email for _words, people, _ago in GAPS for email in people)}
        people = {email: found.id for email in emails if (found := find_confirmed(email))}
    with transaction(SYSTEM):
        for email, addresses in SAVED.items():
            for ago, address in enumerate(reversed(addresses), start=1):
                api = get_api(None, *address.split("/"))
                keeping.save(people[email], api.id, today - timedelta(days=3 * ago))
        pepper = plugs().settings.pepper
        for words, asking, ago in GAPS:
            for email in asking:
                who = keyed_hash(f"search gap user:{people[email]}", pepper)
                gaps.leave(words, who, today - timedelta(days=ago))
