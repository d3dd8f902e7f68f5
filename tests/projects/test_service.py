"""Opening accounts, features, projects and apps."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from portal.db import PUBLIC, SYSTEM, Scope, db, scoped, transaction
from portal.kit.clock import ManualClock
from portal.kit.money import UnknownCurrency
from portal.projects.errors import CustomerTaken, NameTaken, UnknownAccount
from portal.projects.models import Account, App, Feature
from portal.projects.queries import find_account_by_customer, find_account_id, find_app, find_customer
from portal.projects.service import (
    bind_customer,
    create_app,
    create_project,
    ensure_account,
    ensure_feature,
    revoke_app,
)
from tests.factories import make_account, make_organisation

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
        create_project("Shop tools")
        with pytest.raises(NameTaken):
            create_project("Shop tools")
        create_project("Other tools")  # the unit of work is still usable


def test_an_app_key_is_known_by_its_hash_alone_and_ends_when_revoked(app: Flask, clock: ManualClock) -> None:
    with transaction(SYSTEM):
        project_id = create_project("Shop tools")
        made = create_app(project_id, "Backend", pepper=PEPPER)
        with pytest.raises(NameTaken):
            create_app(project_id, "Backend", pepper=PEPPER)
    assert made.key.startswith("sk_app_")
    row = db.session.execute(select(App.__table__)).mappings().one()
    secret = made.key.rsplit("_", 1)[1]
    assert not any(secret in str(value) for value in row.values())
    with scoped(SYSTEM):
        found = find_app(made.key, PEPPER)
        assert found is not None
        assert (found.app_id, found.project_id, found.name) == (made.app_id, project_id, "Backend")
        assert find_app(made.key, b"another pepper") is None
        assert find_app(made.key[:-1] + "x", PEPPER) is None
        assert find_app("", PEPPER) is None
    with scoped(PUBLIC):
        assert find_app(made.key, PEPPER) is None
    with transaction(SYSTEM):
        assert revoke_app(project_id, made.app_id, now=clock.now())
        assert not revoke_app(project_id, made.app_id, now=clock.now())
        assert find_app(made.key, PEPPER) is None
