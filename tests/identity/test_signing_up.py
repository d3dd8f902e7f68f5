"""Signing up: who is made, which names and addresses are taken, what is said beside each field."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.db import SYSTEM, scoped
from portal.identity.models import Membership, Organisation, User
from portal.kit.clock import ManualClock
from tests.identity.conftest import PASSWORD
from tests.mailbox import mails_to, subjects_to

PERSON = {"name": "Dan Frost", "email": "Dan@Example.com", "password": PASSWORD, "organisation_name": "Harbour Labs"}


def test_signing_up_makes_a_person_who_owns_an_organisation_and_is_signed_in(app: Flask, client: FlaskClient) -> None:
    answer = client.post("/signup", data=PERSON)
    assert (answer.status_code, answer.location) == (303, "/")
    with scoped(SYSTEM) as session:
        user, organisation = session.scalars(select(User)).one(), session.scalars(select(Organisation)).one()
        assert (user.email, user.name) == ("Dan@Example.com", "Dan Frost")
        assert (organisation.slug, organisation.name) == ("harbour-labs", "Harbour Labs")
        assert session.scalars(select(Membership.role)).one() == "owner"
        assert (user.password_hash or "").startswith("$argon2id$")
    assert "Dan Frost" in client.get("/settings").text


def test_organisations_of_one_name_get_addresses_of_their_own(app: Flask) -> None:
    for number in range(12):
        made = app.test_client().post("/signup", data=PERSON | {"email": f"dan{number}@example.com"})
        assert made.status_code == 303
    with scoped(SYSTEM) as session:
        slugs = session.scalars(select(Organisation.slug).order_by(Organisation.id)).all()
    assert slugs[:3] == ["harbour-labs", "harbour-labs-2", "harbour-labs-3"]
    assert len(set(slugs)) == 12


@pytest.mark.parametrize(
    "name", ["admin", "Marketplace", "日本語", "🙂🙂", "-", "a" * 80, "Ada's Weather GmbH & Co. KG"]
)
def test_every_name_makes_an_address_that_is_allowed_and_not_ours(client: FlaskClient, name: str) -> None:
    assert client.post("/signup", data=PERSON | {"organisation_name": name}).status_code == 303
    with scoped(SYSTEM) as session:
        assert session.scalars(select(Organisation.slug)).one() not in ("admin", "marketplace", "")


class TestNobodyLearnsWhoHasAnAccount:
    """Signing up with an address says and costs the same, whether it is somebody's or nobody's."""

    def test_both_are_signed_in_and_told_the_same(self, app: Flask, cleo: User) -> None:
        pages = []
        for address in ("cleo@example.com", "nobody@example.com"):
            client = app.test_client()
            answer = client.post("/signup", data=PERSON | {"email": address})
            assert (answer.status_code, answer.location) == (303, "/")
            page = re.sub(r'(content|value)="[^"]{40,}"|data-whose="\d+"|[0-9a-f]{32}', "", client.get("/").text)
            pages.append(re.sub(r"organisations/\d+", "", page).replace(address, "…"))
        assert pages[0] == pages[1]

    def test_both_ask_the_database_the_same(self, app: Flask, cleo: User, statements: list[str]) -> None:
        statements.clear()
        app.test_client().post("/signup", data=PERSON | {"email": "cleo@example.com"})
        taken = list(statements)
        statements.clear()
        app.test_client().post("/signup", data=PERSON | {"email": "nobody@example.com", "organisation_name": "Other"})
        assert statements == taken

    def test_signing_in_with_what_one_just_typed_tells_nothing_either(self, app: Flask, cleo: User) -> None:
        for address in ("cleo@example.com", "nobody@example.com"):
            typed = {"email": address, "password": "walnut ladder thunder"}
            app.test_client().post("/signup", data=PERSON | typed)
            answer = app.test_client().post("/login", data=typed)
            assert answer.status_code == 422
            assert "Address and password do not belong together" in answer.text

    def test_the_owner_hears_of_it_and_the_other_account_stays_outside(self, client: FlaskClient, cleo: User) -> None:
        client.post("/signup", data=PERSON | {"email": "CLEO@example.COM"})
        mails = mails_to("cleo@example.com")
        assert [mail.subject for mail in mails] == ["You already have an account"]
        assert "token=" not in mails[0].text
        assert client.get("/settings/tokens").status_code == 403

    def test_who_has_not_confirmed_keeps_no_address_from_anybody(self, app: Flask) -> None:
        for _ in range(2):
            assert app.test_client().post("/signup", data=PERSON).status_code == 303
        assert subjects_to("dan@example.com") == ["Confirm your address"] * 2

    def test_mails_to_one_address_are_counted(self, app: Flask, clock: ManualClock) -> None:
        answers = [app.test_client().post("/signup", data=PERSON).status_code for _ in range(6)]
        assert answers == [303] * 5 + [429]
        refused = app.test_client().post("/signup", data=PERSON)
        assert "several mails to this address" in refused.text
        assert int(refused.headers["Retry-After"]) > 0
        clock.advance(timedelta(hours=1, seconds=1))
        assert app.test_client().post("/signup", data=PERSON).status_code == 303


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "Da\x00n"}, "name"),
        ({"name": "Dan\u202egpj.exe"}, "name"),
        ({"name": "e" + "\u0301" * 30}, "name"),
        ({"email": ""}, "email"),
        ({"email": "dan"}, "email"),
        ({"email": "dan@example"}, "email"),
        ({"email": "dan@exa mple.com"}, "email"),
        ({"email": "a@b.c" + "m" * 300}, "email"),
        ({"email": "dan\x00@example.com"}, "email"),
        ({"password": ""}, "password"),
        ({"password": "short"}, "password"),
        ({"password": "password2026!"}, "password"),
        ({"password": "dan frost dan@"}, "password"),
        ({"password": "Harbour Labs Mercato"}, "password"),
        ({"password": "é" * 513}, "password"),
        ({"organisation_name": " \t "}, "organisation_name"),
        ({"organisation_name": "\u200b\u200b"}, "organisation_name"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_made(
    client: FlaskClient, change: dict[str, str], field: str
) -> None:
    answer = client.post("/signup", data=PERSON | change)
    assert answer.status_code == 422
    assert f'href="#f-{field}"' in answer.text
    assert f'id="f-{field}-problem"' in answer.text
    with scoped(SYSTEM) as session:
        assert session.scalars(select(User)).all() == []
