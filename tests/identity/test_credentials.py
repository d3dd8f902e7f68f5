"""Who is asking: sessions and bearer tokens, alone, together, too old, revoked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask, jsonify
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.app import create_app
from portal.db import SYSTEM, current_scope, db, enter_scope, scoped, transaction
from portal.identity.models import Membership, OrganisationToken, User, UserSession
from portal.kit.clock import ManualClock
from portal.settings import Settings
from portal.web.principal import find_principal, public
from tests.factories import make_account, make_organisation, make_user
from tests.sign_in import Browser, bearer_of, sign_in_as


@pytest.fixture
def app(app: Flask, settings: Settings) -> Iterator[Flask]:
    """An application of its own over the same tables, with a page that says who it takes the caller for."""
    own = create_app(settings, app.extensions["portal"])
    own.test_client_class = Browser

    @own.route("/api/who", methods=["GET", "POST"])
    @public
    def who() -> object:
        found, scope = find_principal(), current_scope()
        return jsonify(
            kind=found.kind if found else None,
            name=found.name if found else None,
            organisation=found.organisation_id if found else None,
            role=found.role if found else None,
            account=found.account_id if found else None,
            scope=[scope.role, scope.organisation_id, scope.account_id, scope.user_id],
        )

    with own.app_context():
        enter_scope(SYSTEM)
        yield own
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def cleo(app: Flask) -> User:
    return make_user("Cleo", organisation=make_organisation("Harbour"))


def test_a_stranger_is_nobody_with_the_public_scope(client: FlaskClient) -> None:
    answer = client.get("/api/who").get_json()
    assert answer["kind"] is None
    assert answer["scope"] == ["portal_app", None, None, None]


def test_a_session_brings_person_organisation_role_and_account(client: FlaskClient) -> None:
    harbour = make_organisation("Harbour")
    account = make_account(harbour)
    cleo = make_user("Cleo", organisation=harbour, role="billing")
    answer = sign_in_as(client, cleo).get("/api/who").get_json()
    assert answer == {
        "kind": "session",
        "name": "Cleo",
        "organisation": harbour.id,
        "role": "billing",
        "account": account.id,
        "scope": ["portal_app", harbour.id, account.id, cleo.id],
    }


def test_recognising_a_caller_takes_one_round_trip(client: FlaskClient, cleo: User, statements: list[str]) -> None:
    sign_in_as(client, cleo)
    statements.clear()
    client.get("/api/who")
    assert ["FROM user_sessions" in statement for statement in statements] == [True]


def test_a_session_unused_for_twelve_hours_has_ended(client: FlaskClient, cleo: User, clock: ManualClock) -> None:
    sign_in_as(client, cleo)
    clock.advance(timedelta(hours=11, minutes=59))
    assert client.get("/api/who").get_json()["kind"] == "session"
    clock.advance(timedelta(hours=11, minutes=59))
    assert client.get("/api/who").get_json()["kind"] == "session"
    clock.advance(timedelta(hours=12))
    assert client.get("/api/who").get_json()["kind"] is None


def test_a_session_ends_after_thirty_days_however_often_it_is_used(
    client: FlaskClient, cleo: User, clock: ManualClock
) -> None:
    sign_in_as(client, cleo)
    for _ in range(71):
        clock.advance(timedelta(hours=10))
        assert client.get("/api/who").get_json()["kind"] == "session"
    clock.advance(timedelta(hours=10))
    assert client.get("/api/who").get_json()["kind"] is None


def test_a_revoked_session_and_a_disabled_person_are_strangers_at_once(
    client: FlaskClient, cleo: User, clock: ManualClock
) -> None:
    sign_in_as(client, cleo)
    with transaction(SYSTEM) as session:
        session.execute(UserSession.__table__.update().values(revoked_at=clock.now()))
    assert client.get("/api/who").get_json()["kind"] is None
    sign_in_as(client, cleo)
    with transaction(SYSTEM) as session:
        session.execute(User.__table__.update().values(disabled_at=clock.now()))
    assert client.get("/api/who").get_json()["kind"] is None


def test_who_left_the_organisation_acts_for_none(client: FlaskClient, cleo: User) -> None:
    sign_in_as(client, cleo)
    with transaction(SYSTEM) as session:
        session.execute(Membership.__table__.delete())
    answer = client.get("/api/who").get_json()
    assert (answer["kind"], answer["organisation"], answer["role"]) == ("session", None, None)


def test_the_database_keeps_a_hash_of_the_session_not_the_session(app: Flask, client: FlaskClient, cleo: User) -> None:
    sign_in_as(client, cleo)
    with client.session_transaction() as cookie:
        text = cookie["_user_id"]
    with scoped(SYSTEM) as session:
        row = session.scalars(select(UserSession)).one()
        assert text.encode() not in row.token_hash
        assert len(row.token_hash) == 32


def test_a_bearer_token_acts_for_its_organisation_with_its_role(client: FlaskClient) -> None:
    harbour = make_organisation("Harbour")
    answer = client.get("/api/who", headers=bearer_of(harbour.id, role="billing", name="Nightly")).get_json()
    assert (answer["kind"], answer["name"]) == ("organisation_token", "Nightly")
    assert (answer["organisation"], answer["role"]) == (harbour.id, "billing")
    assert answer["scope"] == ["portal_app", harbour.id, None, None]


def test_a_bearer_token_may_write_without_a_form_token(client: FlaskClient) -> None:
    headers = bearer_of(make_organisation().id)
    assert client.post("/api/who", headers=headers, form_token=False).status_code == 200
    assert client.post("/api/who", form_token=False).status_code == 400


def test_unknown_mistyped_and_revoked_tokens_get_the_same_refusal(client: FlaskClient, clock: ManualClock) -> None:
    live = bearer_of(make_organisation().id)["Authorization"]
    revoked = bearer_of(make_organisation().id, revoked_at=clock.now())["Authorization"]
    swapped = live[:-8] + ("a" if live[-8] != "a" else "b") + live[-7:]
    for offered in (revoked, swapped, "Bearer mo_x", "Bearer mo_" + "é" * 40, "bearer mo_" + "A" * 5000):
        answer = client.get("/api/who", headers={"Authorization": offered, "X-Request-Id": "same-for-all"})
        assert answer.status_code == 401, offered
        assert answer.get_json()["detail"] == "This organisation token is not valid: it may be mistyped or revoked."
        assert "mo_" not in answer.text


def test_a_token_whose_secret_differs_is_refused_even_with_fitting_check_characters(client: FlaskClient) -> None:
    headers = bearer_of(make_organisation().id)
    with transaction(SYSTEM) as session:
        session.execute(OrganisationToken.__table__.update().values(token_hash=b"\x01" * 32))
    assert client.get("/api/who", headers=headers).status_code == 401


def test_two_credentials_at_once_are_refused(client: FlaskClient, cleo: User) -> None:
    headers = bearer_of(make_organisation().id)
    answer = sign_in_as(client, cleo).get("/api/who", headers=headers)
    assert answer.status_code == 400
    assert answer.get_json()["type"] == "/problems/ambiguous_auth"


def test_a_key_in_the_address_is_never_read(client: FlaskClient) -> None:
    text = bearer_of(make_organisation().id)["Authorization"].removeprefix("Bearer ")
    for name in ("token", "access_token", "api_key", "Authorization"):
        assert client.get("/api/who", query_string={name: text}).get_json()["kind"] is None


def test_a_forged_or_foreign_cookie_is_nobody(client: FlaskClient) -> None:
    for value in ("x", "eyJfdXNlcl9pZCI6IjEifQ.aaaa.bbbb", "1", "%00"):
        client.set_cookie("session", value)
        assert client.get("/api/who").get_json()["kind"] is None


def test_a_request_started_on_another_site_changes_nothing(client: FlaskClient, cleo: User) -> None:
    sign_in_as(client, cleo)
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        assert client.post("/api/who", headers=headers).status_code == 403, headers
    for origin in ("http://localhost", "http://127.0.0.1:8000"):  # this host, and the address we are known by
        assert client.post("/api/who", headers={"Origin": origin}).status_code == 200


def test_using_a_token_is_remembered_to_within_five_minutes(client: FlaskClient, clock: ManualClock) -> None:
    headers = bearer_of(make_organisation().id)
    first = clock.now()
    for minutes in (0, 1, 1, 4):
        clock.advance(timedelta(minutes=minutes))
        client.get("/api/who", headers=headers)
    with scoped(SYSTEM) as session:
        assert session.scalar(select(OrganisationToken.last_used_at)) == first + timedelta(minutes=6)
