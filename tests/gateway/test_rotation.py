"""Rotating a key: a new one takes over while the old one still works, so that no program stands still."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, db, scoped
from portal.gateway import provisioning
from portal.gateway.models import ApiKey
from portal.gateway.rules import end_of_overlap
from portal.kit.clock import ManualClock
from portal.outbox.models import OutboxMessage
from tests.factories import make_api_key, make_organisation
from tests.gateway.conftest import Shop
from tests.gateway.test_provisioning import Doorman

HTMX = {"HX-Request": "true"}
Browse = Callable[..., FlaskClient]


def keys() -> list[ApiKey]:
    with scoped(SYSTEM) as session:
        return list(session.scalars(select(ApiKey).order_by(ApiKey.id)))


def test_the_old_key_works_for_the_overlap_and_the_new_one_is_shown_once(
    shop: Shop, browse: Browse, clock: ManualClock
) -> None:
    make_api_key(shop.subscription, b"p", clock.now(), name="Server")
    cleo = browse(shop.organisation, "developer")
    page = cleo.get(shop.keys_url, headers=HTMX).text
    assert "Replace “Server” by a new key?" in page
    answer = cleo.post(f"{shop.keys_url}/{keys()[0].id}/rotation", data={"overlap": "24"}, headers=HTMX)
    assert answer.status_code == 201
    assert re.search(r'<code id="new-key">mk_test_', answer.text)
    old, new = keys()
    assert (old.expires_at, new.expires_at) == (clock.now() + timedelta(days=1), None)
    assert new.name == "Server 2"
    with scoped(SYSTEM) as session:
        acts = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert acts == ["key.issued", "key.rotated"]
    assert cleo.get(shop.keys_url, headers=HTMX).text.count("Works") >= 2


def test_without_overlap_the_gateway_is_told_at_once(shop: Shop, browse: Browse, clock: ManualClock) -> None:
    make_api_key(shop.subscription, b"p", clock.now())
    browse(shop.organisation).post(f"{shop.keys_url}/{keys()[0].id}/rotation", data={"overlap": "0"})
    with scoped(SYSTEM) as session:
        topics = session.scalars(select(OutboxMessage.topic)).all()
    assert "gateway.refuse" in topics
    assert keys()[0].expires_at == clock.now()


def test_a_gateway_that_keeps_keys_itself_is_told_when_their_time_is_over(shop: Shop, clock: ManualClock) -> None:
    key, _text = make_api_key(shop.subscription, b"p", clock.now(), expires_at=clock.now() + timedelta(hours=1))
    door, hour = Doorman(needs_key_text=True), timedelta(hours=1)
    assert provisioning.suspend_ended(door, clock=clock, looking_back=hour) == 0
    clock.advance(timedelta(hours=1))
    assert provisioning.suspend_ended(door, clock=clock, looking_back=hour) == 1
    assert ("refuse", key.public_id) in door.told


def test_a_successor_lives_as_long_as_its_predecessor_was_meant_to(
    shop: Shop, browse: Browse, clock: ManualClock
) -> None:
    make_api_key(shop.subscription, b"p", clock.now(), expires_at=clock.now() + timedelta(days=30))
    clock.advance(timedelta(days=20))
    browse(shop.organisation).post(f"{shop.keys_url}/{keys()[0].id}/rotation", data={"overlap": "168"})
    old, new = keys()
    assert old.expires_at == clock.now() + timedelta(days=7)
    assert new.expires_at == clock.now() + timedelta(days=30)


def test_an_overlap_never_lengthens_a_life(clock: ManualClock) -> None:
    soon = clock.now() + timedelta(hours=2)
    assert end_of_overlap(clock.now(), timedelta(days=7), soon) == soon


@pytest.mark.parametrize("overlap", ["soon", "-1", "99999999999999", "\x00", "é"])
def test_a_strange_overlap_changes_nothing(shop: Shop, browse: Browse, clock: ManualClock, overlap: str) -> None:
    make_api_key(shop.subscription, b"p", clock.now())
    answer = browse(shop.organisation).post(f"{shop.keys_url}/{keys()[0].id}/rotation", data={"overlap": overlap})
    assert answer.status_code == 422
    assert [key.expires_at for key in keys()] == [None]


def test_who_may_not_and_what_is_not_there(shop: Shop, browse: Browse, app: object, clock: ManualClock) -> None:
    make_api_key(shop.subscription, b"p", clock.now())
    address = f"{shop.keys_url}/{keys()[0].id}/rotation"
    assert browse(shop.organisation, "viewer").post(address).status_code == 403
    assert browse(make_organisation()).post(address).status_code == 404
    owner = browse(shop.organisation)
    assert owner.post(f"{shop.keys_url}/{10**9}/rotation").status_code == 404
    assert owner.get(address).status_code == 405
    owner.post(f"{shop.keys_url}/{keys()[0].id}/revocation")
    assert owner.post(address).status_code == 404
    assert len(keys()) == 1
    db.session.rollback()
