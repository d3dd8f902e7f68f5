"""Opening accounts, features, projects and apps."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from portal.db import PUBLIC, SYSTEM, Scope, db, scoped, transaction
from portal.kit.clock import ManualClock
from portal.kit.money import UnknownCurrency
from portal.projects.apps import create_app, revoke_key, rotate_key, set_active
from portal.projects.errors import CustomerTaken, InvalidApp, NameTaken, UnknownAccount, UnknownApp
from portal.projects.models import Account, AppKey, Feature
from portal.projects.queries import find_account_by_customer, find_account_id, find_app, find_customer, list_apps
from portal.projects.service import (
    bind_customer,
    create_project,
    ensure_account,
    ensure_feature,
)
from portal.projects.types import Acting
from tests.factories import make_account, make_organisation

BY = Acting("user:1", None)
PEPPER = b"a pepper for this test alone"


def at_once(app: Flask, times: int, act: Callable[[], int]) -> set[int]:
    """Run `act` in as many threads, each in its own unit of work, all starting together."""
    start = Barrier(times)

    def one(_n: int) -> int:
        with app.app_context():
            start.wait(10)
            with transaction(SYSTEM):
                return act()

    with ThreadPoolExecutor(times) as pool:
        return set(pool.map(one, range(times)))


def test_an_organisation_has_one_account_however_often_it_is_asked_for_at_once(app: Flask) -> None:
    organisation_id = make_organisation("Cleo's").id
    ids = at_once(app, 6, lambda: ensure_account(organisation_id, name="Cleo's", email="cleo@example.com"))
    assert len(ids) == 1
    assert db.session.scalar(select(func.count()).select_from(Account)) == 1


def test_an_account_is_opened_by_its_own_organisation_and_never_by_another(app: Flask) -> None:
    ours, theirs = make_organisation(), make_organisation()
    with transaction(Scope(organisation_id=ours.id)):
        account_id = ensure_account(ours.id, name="Ours")
    with scoped(Scope(organisation_id=ours.id)):
        assert find_account_id(ours.id) == account_id
    with scoped(Scope(organisation_id=theirs.id)):
        assert find_account_id(ours.id) is None
    with pytest.raises((UnknownAccount, DBAPIError)), transaction(Scope(organisation_id=theirs.id)):
        ensure_account(ours.id, name="Taken over")


def test_an_unknown_currency_opens_nothing(app: Flask) -> None:
    organisation = make_organisation()
    with pytest.raises(UnknownCurrency), transaction(SYSTEM):
        ensure_account(organisation.id, name="Ours", currency="xxx")
    assert find_account_id(organisation.id) is None


def test_the_first_customer_of_an_account_stays(app: Flask) -> None:
    account = make_account(make_organisation())
    with transaction(SYSTEM):
        assert bind_customer(account.id, False, "cus_1") == "cus_1"
        assert bind_customer(account.id, False, "cus_2") == "cus_1"
        assert bind_customer(account.id, True, "cus_live") == "cus_live"
    assert find_customer(account.id, livemode=False) == "cus_1"
    assert find_account_by_customer("cus_1") == account.id
    assert find_account_by_customer("cus_2") is None


def test_a_customer_never_moves_to_another_account(app: Flask) -> None:
    ours, theirs = make_account(make_organisation()), make_account(make_organisation())
    with transaction(SYSTEM):
        bind_customer(ours.id, False, "cus_1")
    with pytest.raises(CustomerTaken), transaction(SYSTEM):
        bind_customer(theirs.id, False, "cus_1")
    assert find_account_by_customer("cus_1") == ours.id
    assert find_customer(theirs.id, livemode=False) is None


def test_a_feature_is_made_once_and_keeps_its_name(app: Flask) -> None:
    ids = at_once(app, 4, lambda: ensure_feature(1, "api.rates", "Rates"))
    with transaction(SYSTEM):
        assert {ensure_feature(1, "api.rates", "Renamed")} == ids
    assert db.session.scalars(select(Feature.name)).all() == ["Rates"]


def test_a_project_name_is_taken_once(app: Flask) -> None:
    with transaction(SYSTEM):
        create_project("Shop tools", by=BY)
        with pytest.raises(NameTaken):
            create_project("Shop tools", by=BY)
        create_project("Other tools", by=BY)  # the unit of work is still usable


def test_an_app_key_is_known_by_its_hash_alone(app: Flask, clock: ManualClock) -> None:
    now = clock.now()
    with transaction(SYSTEM):
        project_id = create_project("Shop tools", by=BY)
        made = create_app(project_id, "Backend", pepper=PEPPER, now=now, by=BY)
        with pytest.raises(NameTaken):
            create_app(project_id, "Backend", pepper=PEPPER, now=now, by=BY)
    assert made.key.startswith("sk_app_")
    row = db.session.execute(select(AppKey.__table__)).mappings().one()
    secret = made.key.rsplit("_", 1)[1]
    assert not any(secret in str(value) for value in row.values())
    with scoped(SYSTEM):
        found = find_app(made.key, PEPPER, now)
        assert found is not None
        assert (found.app_id, found.project_id, found.name) == (made.app_id, project_id, "Backend")
        assert find_app(made.key, b"another pepper", now) is None
        assert find_app(made.key[:-1] + "x", PEPPER, now) is None
        assert find_app("", PEPPER, now) is None
    with scoped(PUBLIC):
        assert find_app(made.key, PEPPER, now) is None


def test_a_key_that_is_replaced_works_on_for_as_long_as_was_said(app: Flask, clock: ManualClock) -> None:
    with transaction(SYSTEM):
        project_id = create_project("Shop tools", by=BY)
        first = create_app(project_id, "Backend", pepper=PEPPER, now=clock.now(), by=BY)
        overlap = {"overlap": timedelta(hours=24), "pepper": PEPPER, "now": clock.now(), "by": BY}
        second = rotate_key(project_id, first.app_id, **overlap)
    assert _answers(first.key, clock)
    assert _answers(second.key, clock)
    clock.advance(timedelta(hours=24))
    assert not _answers(first.key, clock)
    assert _answers(second.key, clock)
    with scoped(SYSTEM):
        [view] = list_apps(project_id, clock.now())
        assert [key.state for key in view.keys] == ["lasting", "expired"]
    with pytest.raises(InvalidApp), transaction(SYSTEM):
        rotate_key(project_id, first.app_id, **{**overlap, "overlap": timedelta(days=31)})


def test_a_leaked_key_ends_at_once_and_an_app_that_is_off_has_no_key_that_works(app: Flask, clock: ManualClock) -> None:
    with transaction(SYSTEM):
        project_id = create_project("Shop tools", by=BY)
        made = create_app(project_id, "Backend", pepper=PEPPER, now=clock.now(), by=BY)
        set_active(project_id, made.app_id, False, by=BY)
    assert not _answers(made.key, clock)
    with transaction(SYSTEM):
        set_active(project_id, made.app_id, True, by=BY)
    assert _answers(made.key, clock)
    with transaction(SYSTEM):
        revoke_key(project_id, made.app_id, made.key_id, now=clock.now(), by=BY)
    assert not _answers(made.key, clock)
    with pytest.raises(UnknownApp), transaction(SYSTEM):
        revoke_key(project_id, made.app_id, made.key_id, now=clock.now(), by=BY)


def _answers(key: str, clock: ManualClock) -> bool:
    with scoped(SYSTEM):
        return find_app(key, PEPPER, clock.now()) is not None
