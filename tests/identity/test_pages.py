"""Signing in and out, as a browser does it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.db import SYSTEM, scoped, transaction
from portal.identity.models import Membership, User, UserSession
from portal.identity.passwords import Hashing
from portal.kit.clock import ManualClock
from tests.factories import make_organisation, make_user
from tests.identity.conftest import PASSWORD
from tests.sign_in import bearer_of, sign_in_as

PERSON = {"name": "Dan Frost", "email": "Dan@Example.com", "password": PASSWORD, "organisation_name": "Harbour Labs"}


def test_a_password_is_never_sent_back(client: FlaskClient) -> None:
    for path, typed in (("/signup", PERSON | {"name": ""}), ("/login", {"email": "nobody", "password": PASSWORD})):
        assert PASSWORD not in client.post(path, data=typed).text


def test_signing_in_ignores_the_letter_case_of_the_address(client: FlaskClient, cleo: User) -> None:
    answer = client.post("/login", data={"email": " cleo@EXAMPLE.com ", "password": PASSWORD})
    assert (answer.status_code, answer.location) == (303, "/")
    assert client.get("/settings").status_code == 200


def test_one_password_in_several_unicode_spellings_is_one_password(app: Flask, hashing: Hashing) -> None:
    make_user("Dan", email=PERSON["email"], password_hash=hashing.hash("\u212bngström über Fluß"))
    client = app.test_client()
    composed = {"email": PERSON["email"], "password": "A\u030angstro\u0308m u\u0308ber Fluß"}
    assert client.post("/login", data=composed).status_code == 303


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("cleo@example.com", "heron tunnel marmalad"),
        ("nobody@example.com", PASSWORD),
        ("cleo@example.com", " " + PASSWORD),
        ("cleo@example.com", PASSWORD + "\x00"),
    ],
)
def test_wrong_credentials_get_one_and_the_same_answer(
    client: FlaskClient, cleo: User, email: str, password: str
) -> None:
    answer = client.post("/login", data={"email": email, "password": password})
    assert answer.status_code == 422
    assert "Address and password do not belong together." in answer.text
    assert f'value="{email}"' in answer.text


def test_a_disabled_person_and_one_without_a_password_cannot_sign_in(
    client: FlaskClient, cleo: User, clock: ManualClock
) -> None:
    for change in ({"disabled_at": clock.now()}, {"disabled_at": None, "password_hash": None}):
        with transaction(SYSTEM) as session:
            session.execute(User.__table__.update().values(**change))
        answer = client.post("/login", data={"email": "cleo@example.com", "password": PASSWORD})
        assert answer.status_code == 422


def test_a_password_of_ten_megabytes_is_refused_before_anything_else(client: FlaskClient, cleo: User) -> None:
    answer = client.post("/login", data={"email": "cleo@example.com", "password": "x" * 10_000_000})
    assert answer.status_code == 413
    long = client.post("/login", data={"email": "cleo@example.com", "password": "x" * 1025})
    assert long.status_code == 422
    assert "1,024 bytes" in long.text


def test_the_stored_hash_is_renewed_when_its_parameters_are_old(client: FlaskClient, cleo: User) -> None:
    old = Hashing(memory_kib=32, passes=1).hash(PASSWORD)
    with transaction(SYSTEM) as session:
        session.execute(User.__table__.update().values(password_hash=old))
    assert client.post("/login", data={"email": "cleo@example.com", "password": PASSWORD}).status_code == 303
    with scoped(SYSTEM) as session:
        assert "m=64" in (session.scalar(select(User.password_hash)) or "")


def test_signing_in_changes_the_session_so_a_planted_one_is_worthless(app: Flask, cleo: User) -> None:
    planted, victim = app.test_client(), app.test_client()
    dan = _dan()
    sign_in_as(planted, dan)
    victim.set_cookie("session", _cookie_of(planted))
    before = _token_of(victim)
    victim.post("/login", data={"email": "cleo@example.com", "password": PASSWORD})
    assert _token_of(victim) != before
    assert "Cleo" in victim.get("/settings").text
    assert planted.get("/settings").status_code == 303  # what was planted has ended with the sign-in


def test_a_form_token_from_before_the_sign_in_is_refused_after_it(client: FlaskClient, cleo: User) -> None:
    old = client.form_token()
    client.post("/login", data={"email": "cleo@example.com", "password": PASSWORD})
    answer = client.post("/settings/profile", data={"csrf_token": old, "name": "Cleo"}, form_token=False)
    assert answer.status_code == 400


def test_signing_out_ends_the_session_itself_not_only_the_cookie(app: Flask, client: FlaskClient, cleo: User) -> None:
    sign_in_as(client, cleo)
    copy = app.test_client()
    copy.set_cookie("session", _cookie_of(client))
    assert copy.get("/settings").status_code == 200
    answer = client.post("/logout")
    assert (answer.status_code, answer.location) == (303, "/")
    assert copy.get("/settings").status_code == 303
    assert client.post("/logout").status_code == 303


def test_a_signed_in_person_has_no_use_for_the_sign_in_pages(client: FlaskClient, cleo: User) -> None:
    sign_in_as(client, cleo)
    for path in ("/login", "/signup"):
        assert client.get(path, query_string={"next": "/usage?range=7d"}).location == "/usage?range=7d"


def test_a_guarded_page_sends_a_stranger_to_sign_in_and_back(client: FlaskClient, cleo: User) -> None:
    first = client.get("/settings?x=1")
    assert (first.status_code, first.location) == (303, "/login?next=/settings?x%3D1")
    page = client.get(first.location)
    assert 'name="next" value="/settings?x=1"' in page.text
    typed = {"email": "cleo@example.com", "password": PASSWORD, "next": "/settings?x=1"}
    assert client.post("/login", data=typed).location == "/settings?x=1"


def test_htmx_is_told_where_to_sign_in_and_a_script_gets_401(client: FlaskClient) -> None:
    part = client.get("/settings", headers={"HX-Request": "true"})
    assert (part.status_code, part.headers["HX-Redirect"]) == (401, "/login?next=/settings")
    around = {"HX-Request": "true", "HX-Current-URL": "http://localhost/usage?range=7d"}
    assert client.get("/settings", headers=around).headers["HX-Redirect"] == "/login?next=/usage?range%3D7d"
    evil = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/usage"}
    assert client.get("/settings", headers=evil).headers["HX-Redirect"] == "/login?next=/settings"
    script = client.get("/settings", headers={"Accept": "application/json"})
    assert script.status_code == 401
    assert script.headers["WWW-Authenticate"] == 'Bearer realm="portal"'
    assert script.mimetype == "application/problem+json"


def test_the_form_token_page_keeps_what_was_typed_except_secrets(client: FlaskClient) -> None:
    answer = client.post("/signup", data=PERSON, form_token=False)
    assert answer.status_code == 400
    assert 'value="Dan Frost"' in answer.text
    assert PASSWORD not in answer.text
    assert "csrf-refresh" in answer.headers["HX-Trigger"]
    foreign = client.post("/signup", data=PERSON, form_token=False, headers={"Sec-Fetch-Site": "cross-site"})
    assert "Dan Frost" not in foreign.text


def test_the_form_token_page_works_when_sent_again(client: FlaskClient) -> None:
    typed = {"name": "Dan Frost", "email": "dan@example.com", "organisation_name": "Harbour"}
    page = client.post("/signup", data=typed | {"csrf_token": "old"}, form_token=False).text
    token = page.split('name="csrf_token" value="')[-1].split('"')[0]
    again = client.post("/signup", data=typed | {"csrf_token": token}, form_token=False)
    assert again.status_code == 422
    assert 'href="#f-password"' in again.text


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(client: FlaskClient, cleo: User) -> None:
    answer = client.post("/login", data={"email": "cleo@example.com", "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Expires=" in cookie
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_a_token_may_not_do_what_people_do(client: FlaskClient, cleo: User) -> None:
    headers = bearer_of(_organisation_of(cleo), role="admin")
    for method, path in (
        ("GET", "/settings"),
        ("GET", "/settings/tokens"),
        ("POST", "/settings/tokens"),
        ("POST", "/settings/profile"),
        ("POST", "/settings/password"),
        ("POST", "/settings/sessions/revocation"),
    ):
        answer = client.open(path, method=method, headers=headers, form_token=False)
        assert answer.status_code == 403, path


def _dan() -> User:
    return make_user("Dan", organisation=make_organisation("Driftwood"))


def _organisation_of(user: User) -> int:
    with scoped(SYSTEM) as session:
        return session.scalars(select(Membership.organisation_id).where(Membership.user_id == user.id)).one()


def _cookie_of(client: FlaskClient) -> str:
    cookie: Any = client.get_cookie("session")
    return str(cookie.value)


def _token_of(client: FlaskClient) -> str | None:
    with client.session_transaction() as cookie:
        return cookie.get("_user_id")


def test_sessions_in_use_are_listed_until_they_have_been_idle(
    app: Flask, client: FlaskClient, cleo: User, clock: ManualClock
) -> None:
    sign_in_as(app.test_client(), cleo)
    clock.advance(timedelta(hours=12))
    page = sign_in_as(client, cleo).get("/settings").text
    assert page.count("Test browser") == 1
    with scoped(SYSTEM) as session:
        assert len(session.scalars(select(UserSession)).all()) == 2
