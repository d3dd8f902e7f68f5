"""From a row in the outbox to a gateway that agrees."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text

from portal.db import SYSTEM, db, transaction
from portal.gateway import provisioning, service
from portal.gateway.errors import TextGone
from portal.gateway.models import ApiKey
from portal.kit.clock import ManualClock
from portal.outbox.service import Pending, deliver_due
from portal.ports.gateway import Credential, GatewayUnavailable, Route
from portal.reactions import REACTIONS
from tests.factories import make_entitlement
from tests.gateway.conftest import Shop

PEPPER = b"a pepper that only these tests know"


@dataclass
class Doorman:
    """A gateway that remembers what it was told, and can be away."""

    needs_key_text: bool = True
    holds_quotas: bool = False
    is_away: bool = False
    is_open: bool = True
    told: list[tuple[str, object]] = field(default_factory=list)

    def _hear(self, word: str, about: object) -> None:
        if self.is_away:
            raise GatewayUnavailable("away")
        self.told.append((word, about))

    def publish(self, route: Route) -> None:
        self._hear("publish", route.path_prefix)

    def withdraw(self, api_id: int) -> None:
        self._hear("withdraw", api_id)

    def admit(self, credential: Credential) -> None:
        self._hear("admit", credential.key_text)

    def suspend(self, credential: Credential) -> None:
        self._hear("suspend", credential.key_id)

    def refuse(self, public_id: str) -> None:
        self._hear("refuse", public_id)

    def move(self, from_subscription_id: int, to_subscription_id: int) -> None:
        self._hear("move", (from_subscription_id, to_subscription_id))

    def is_live(self, route: Route) -> bool:
        return self.is_open


def issue(shop: Shop, clock: ManualClock, *, keep_sealed: bool) -> tuple[int, str]:
    with transaction(SYSTEM):
        issued = service.issue_key(
            shop.account.id, shop.subscription.id, "Job", created_by=None, now=clock.now(), pepper=PEPPER,
            keep_sealed=keep_sealed,
        )  # fmt: skip
    return issued.key_id, issued.text


def sealed(key_id: int) -> object:
    db.session.rollback()
    return db.session.scalar(select(ApiKey.sealed_text).where(ApiKey.id == key_id))


def test_a_gateway_that_needs_the_text_gets_it_once_and_then_nobody_has_it(shop: Shop, clock: ManualClock) -> None:
    key_id, key = issue(shop, clock, keep_sealed=True)
    assert key.encode() not in bytes(sealed(key_id))  # type: ignore[arg-type]
    door = Doorman(is_away=True)
    with pytest.raises(Pending):
        provisioning.admit(key_id, door, clock=clock, pepper=PEPPER)
    assert sealed(key_id) is not None
    door.is_away = False
    provisioning.admit(key_id, door, clock=clock, pepper=PEPPER)
    assert door.told == [("admit", key)]
    assert sealed(key_id) is None


def test_a_key_without_its_text_is_reported_rather_than_forgotten(shop: Shop, clock: ManualClock) -> None:
    key_id, _key = issue(shop, clock, keep_sealed=False)
    with pytest.raises(TextGone):
        provisioning.admit(key_id, Doorman(), clock=clock, pepper=PEPPER)
    key_id, _key = issue(shop, clock, keep_sealed=True)
    with pytest.raises(TextGone):
        provisioning.admit(key_id, Doorman(), clock=clock, pepper=b"another pepper altogether")


def test_a_key_revoked_before_the_gateway_heard_of_it_is_left_out(shop: Shop, clock: ManualClock) -> None:
    key_id, _key = issue(shop, clock, keep_sealed=True)
    with transaction(SYSTEM):
        service.revoke_key(shop.account.id, key_id, now=clock.now(), actor="user:1")
    door = Doorman()
    provisioning.admit(key_id, door, clock=clock, pepper=PEPPER)
    assert door.told == []
    assert sealed(key_id) is None


def test_an_api_is_reported_live_only_once_it_was_seen(shop: Shop) -> None:
    door = Doorman(is_open=False)
    with pytest.raises(Pending):
        provisioning.publish(shop.api.id, door)
    door.is_open = True
    provisioning.publish(shop.api.id, door)
    prefix = f"{shop.provider.slug}/{shop.api.slug}"
    assert door.told == [("publish", prefix), ("publish", prefix)]


def test_an_api_that_is_not_published_is_withdrawn(shop: Shop) -> None:
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE apis SET state = 'retired'"))
    door = Doorman()
    provisioning.publish(shop.api.id, door)
    assert door.told == [("withdraw", shop.api.id)]


def test_the_gateway_follows_the_entitlements(shop: Shop, clock: ManualClock) -> None:
    # The view that gateways read goes by the database's clock.
    with transaction(SYSTEM) as session:
        clock.set(session.execute(text("SELECT clock_timestamp()")).scalar_one())
        session.execute(text("UPDATE entitlements SET revoked_at = clock_timestamp(), revoke_reason = 'unpaid'"))
    key_id, _key = issue(shop, clock, keep_sealed=False)
    door = Doorman()
    provisioning.agree(shop.account.id, door, clock=clock)
    now = clock.now()
    make_entitlement(
        shop.account, shop.api, shop.subscription, valid_from=now - timedelta(days=1), valid_to=now + timedelta(days=1)
    )
    provisioning.agree(shop.account.id, door, clock=clock)
    assert door.told == [("suspend", key_id), ("admit", None)]


def test_keys_whose_time_ran_out_are_suspended_where_the_gateway_cannot_see_it(shop: Shop, clock: ManualClock) -> None:
    key_id, _key = issue(shop, clock, keep_sealed=False)
    door, hour = Doorman(), timedelta(hours=1)
    assert provisioning.suspend_ended(door, clock=clock, looking_back=hour) == 0
    clock.set(shop.subscription.current_period_end + timedelta(minutes=1))
    assert provisioning.suspend_ended(door, clock=clock, looking_back=hour) == 1
    assert provisioning.suspend_ended(Doorman(needs_key_text=False), clock=clock, looking_back=hour) == 0
    assert door.told == [("suspend", key_id)]


def test_reactions_deliver_what_was_announced(app: Flask, shop: Shop, clock: ManualClock) -> None:
    issue(shop, clock, keep_sealed=False)
    assert deliver_due(REACTIONS) == 1
    db.session.rollback()
    assert db.session.scalars(select(ApiKey.admitted_at)).one() == clock.now()
    assert {"gateway.admit", "gateway.refuse", "gateway.move", "gateway.publish"} <= set(REACTIONS)
