"""A new password by mail: once, within an hour, and nobody learns who has an account."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped, transaction
from portal.identity.models import User
from portal.kit.clock import ManualClock
from tests.identity.conftest import PASSWORD
from tests.mailbox import link_to, mails_to, subjects_to, token_to
from tests.sign_in import sign_in_as

NEW = "walnut ladder thunder"


def ask(client: FlaskClient, email: str = "cleo@example.com") -> int:
    return client.post("/forgotten", data={"email": email}).status_code


def reset(client: FlaskClient, token: str, password: str = NEW) -> int:
    return client.post("/reset", data={"token": token, "new_password": password}).status_code


def test_the_link_sets_a_password_and_signs_in(app: Flask, client: FlaskClient, cleo: User) -> None:
    other = sign_in_as(app.test_client(), cleo)
    assert ask(client) == 303
    assert client.get(link_to("cleo@example.com")).status_code == 200
    assert reset(client, token_to("cleo@example.com")) == 303
    assert "Cleo" in client.get("/settings").text
    assert other.get("/settings").status_code == 303
    fresh = app.test_client()
    assert fresh.post("/login", data={"email": cleo.email, "password": PASSWORD}).status_code == 422
    assert fresh.post("/login", data={"email": cleo.email, "password": NEW}).status_code == 303
    assert subjects_to(cleo.email) == ["Choose a new password", "Your password was changed"]


def test_it_works_once_and_ends_its_sisters(client: FlaskClient, cleo: User) -> None:
    ask(client)
    first = token_to("cleo@example.com")
    ask(client)
    second = token_to("cleo@example.com")
    assert reset(client, second) == 303
    assert reset(client, second) == 404
    assert reset(client, first) == 404


def test_it_ends_after_an_hour(client: FlaskClient, cleo: User, clock: ManualClock) -> None:
    ask(client)
    token = token_to("cleo@example.com")
    clock.advance(timedelta(minutes=59))
    assert client.get(f"/reset?token={token}").status_code == 200
    clock.advance(timedelta(minutes=1))
    assert reset(client, token) == 404


@pytest.mark.parametrize("password", ["", "short", "cleo@example.com", "x" * 3000, "password2026!"])
def test_a_password_that_is_refused_leaves_the_link_good(client: FlaskClient, cleo: User, password: str) -> None:
    ask(client)
    token = token_to("cleo@example.com")
    assert reset(client, token, password) == 422
    assert reset(client, token) == 303


def test_known_and_unknown_addresses_get_one_answer(client: FlaskClient, cleo: User) -> None:
    answers = [
        client.post("/forgotten", data={"email": e}, follow_redirects=True) for e in (cleo.email, "no@example.com")
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert all("If the address has an account, a mail is on its way" in answer.text for answer in answers)
    assert mails_to("no@example.com") == []


def test_known_and_unknown_addresses_ask_the_database_the_same(
    client: FlaskClient, cleo: User, statements: list[str]
) -> None:
    statements.clear()
    ask(client)
    known = list(statements)
    statements.clear()
    ask(client, "nobody@example.com")
    assert statements == known


def test_asking_is_counted_per_address_and_the_count_tells_nothing(
    client: FlaskClient, cleo: User, clock: ManualClock
) -> None:
    for address in (cleo.email, "nobody@example.com"):
        assert [ask(client, address) for _ in range(6)] == [303] * 5 + [429]
    clock.advance(timedelta(hours=1, seconds=1))
    assert ask(client) == 303


def test_asking_does_not_use_up_tries_at_the_password(client: FlaskClient, cleo: User) -> None:
    for _ in range(6):
        ask(client)
    assert client.post("/login", data={"email": cleo.email, "password": PASSWORD}).status_code == 303


def test_a_disabled_person_gets_no_mail_and_their_link_ends(
    client: FlaskClient, cleo: User, clock: ManualClock
) -> None:
    ask(client)
    token = token_to("cleo@example.com")
    with transaction(SYSTEM) as session:
        session.execute(User.__table__.update().values(disabled_at=clock.now()))
    assert reset(client, token) == 404
    ask(client)
    assert len(mails_to("cleo@example.com")) == 1


def test_it_is_in_the_trail(client: FlaskClient, cleo: User) -> None:
    ask(client)
    reset(client, token_to("cleo@example.com"))
    with scoped(SYSTEM) as session:
        assert "password.reset" in session.scalars(select(AuditEntry.action)).all()


@pytest.mark.parametrize("email", ["", "cleo", "\x00", "a" * 600 + "@example.com", "cleo@exa mple.com"])
def test_what_is_no_address_is_said_beside_the_field(client: FlaskClient, email: str) -> None:
    answer = client.post("/forgotten", data={"email": email})
    assert answer.status_code == 422
    assert 'id="f-email-problem"' in answer.text


def test_a_method_nobody_uses_is_refused(client: FlaskClient) -> None:
    for path in ("/forgotten", "/reset", "/confirm", "/invitation", "/login/code"):
        assert client.delete(path).status_code == 405
