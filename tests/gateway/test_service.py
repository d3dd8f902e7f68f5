"""Issuing and revoking keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, Scope, db, scoped, transaction
from portal.gateway import service
from portal.gateway.errors import SubscriptionOver, TooManyKeys, UnknownKey
from portal.gateway.models import ApiKey
from portal.gateway.queries import list_keys
from portal.gateway.rules import MAX_LIVE_KEYS
from portal.gateway.types import IssuedKey
from portal.kit.clock import ManualClock
from portal.kit.tokens import keyed_hash, public_id_of
from portal.outbox.models import OutboxMessage
from portal.settings import Settings
from portal.subscriptions.errors import UnknownSubscription
from tests.gateway.conftest import Shop, make_shop

PEPPER = b"a pepper that only these tests know"


def issue(shop: Shop, clock: ManualClock, name: str = "Program", **options: object) -> IssuedKey:
    scope = Scope(organisation_id=shop.organisation.id, account_id=shop.account.id)
    with transaction(scope):
        return service.issue_key(
            shop.account.id, shop.subscription.id, name, created_by=None, now=clock.now(), pepper=PEPPER,
            **options,  # type: ignore[arg-type]
        )  # fmt: skip


def test_a_key_is_kept_as_a_keyed_hash_only(shop: Shop, clock: ManualClock) -> None:
    issued = issue(shop, clock)
    assert issued.text not in repr(issued)
    row = db.session.scalars(select(ApiKey)).one()
    assert row.key_hash == keyed_hash(issued.text, PEPPER)
    assert row.public_id == public_id_of(issued.text)
    everything = [
        str(db.session.execute(text(f"SELECT array_agg({table})::text FROM {table}")).scalar_one())  # noqa: S608
        for table in ("api_keys", "outbox_messages", "audit_entries")
    ]
    secret = issued.text.split("_")[3]
    assert not any(secret in kept for kept in everything)


def test_issuing_and_revoking_leave_a_trail_and_tell_the_gateway(shop: Shop, clock: ManualClock) -> None:
    issued = issue(shop, clock)
    with transaction(Scope(organisation_id=shop.organisation.id, account_id=shop.account.id)):
        for _again in range(2):
            service.revoke_key(shop.account.id, issued.key_id, now=clock.now(), actor="user:7")
    with scoped(SYSTEM) as session:
        topics = session.scalars(select(OutboxMessage.topic).order_by(OutboxMessage.id)).all()
        acts = session.execute(select(AuditEntry.action, AuditEntry.actor).order_by(AuditEntry.id)).all()
    assert topics == ["gateway.admit", "gateway.refuse"]
    assert [tuple(act) for act in acts] == [("key.issued", "system"), ("key.revoked", "user:7")]


def test_a_name_that_is_taken_gets_a_number(shop: Shop, clock: ManualClock) -> None:
    assert [issue(shop, clock, name).name for name in ("Job", "job", "Job")] == ["Job", "job 2", "Job 3"]


def test_a_revoked_key_frees_its_name_and_stays_visible(shop: Shop, clock: ManualClock) -> None:
    first = issue(shop, clock, "Job")
    with transaction(SYSTEM):
        service.revoke_key(shop.account.id, first.key_id, now=clock.now(), actor="user:1")
    assert issue(shop, clock, "Job").name == "Job"
    states = [(key.name, key.state) for key in list_keys(shop.account.id, shop.subscription.id, clock.now())]
    assert states == [("Job", "live"), ("Job", "revoked")]


def test_there_is_an_end_to_how_many(shop: Shop, clock: ManualClock) -> None:
    for _ in range(MAX_LIVE_KEYS):
        issue(shop, clock)
    with pytest.raises(TooManyKeys):
        issue(shop, clock)


def test_a_key_expires_when_it_was_said_to(shop: Shop, clock: ManualClock) -> None:
    issue(shop, clock, lifetime=timedelta(days=30))
    clock.advance(timedelta(days=30) - timedelta(seconds=1))
    assert list_keys(shop.account.id, shop.subscription.id, clock.now())[0].state == "live"
    clock.advance(timedelta(seconds=1))
    assert list_keys(shop.account.id, shop.subscription.id, clock.now())[0].state == "expired"


def test_an_ended_or_foreign_subscription_gets_no_key(app: Flask, shop: Shop, clock: ManualClock) -> None:
    ended, foreign = make_shop(clock, status="canceled"), make_shop(clock)
    with pytest.raises(SubscriptionOver):
        issue(ended, clock)
    with pytest.raises(UnknownSubscription), transaction(SYSTEM):
        service.issue_key(
            shop.account.id, foreign.subscription.id, "x", created_by=None, now=clock.now(), pepper=PEPPER
        )


def test_nobody_revokes_the_key_of_another_account(app: Flask, shop: Shop, clock: ManualClock) -> None:
    issued, other = issue(shop, clock), make_shop(clock)
    with pytest.raises(UnknownKey), transaction(SYSTEM):
        service.revoke_key(other.account.id, issued.key_id, now=clock.now(), actor="user:1")


def test_a_live_subscription_gets_a_live_prefix(app: Flask, clock: ManualClock) -> None:
    assert issue(make_shop(clock), clock).text.startswith("mk_test_")
    assert issue(make_shop(clock, livemode=True), clock).text.startswith("mk_live_")


def test_keys_move_to_the_subscription_that_replaces_theirs(shop: Shop, clock: ManualClock) -> None:
    issued, successor = issue(shop, clock), make_shop(clock)
    with transaction(SYSTEM):
        assert service.move_keys(shop.account.id, shop.subscription.id, successor.subscription.id) == 1
    row = db.session.get(ApiKey, issued.key_id, populate_existing=True)
    assert row is not None
    assert row.subscription_id == successor.subscription.id


def test_the_gateways_views_are_closed_to_people(shop: Shop, clock: ManualClock, settings: Settings) -> None:
    issue(shop, clock)
    for view in ("gateway_credentials", "gateway_routes"):
        with scoped(SYSTEM) as session:
            assert session.execute(text(f"SELECT count(*) FROM {view}")).scalar_one() == 1  # noqa: S608
        with pytest.raises(Exception, match="permission denied"), scoped(Scope(organisation_id=1)) as session:
            session.execute(text(f"SELECT * FROM {view}"))  # noqa: S608
