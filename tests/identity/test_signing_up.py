"""Signing up: who is made, which names and addresses are taken, what is said beside each field."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.db import SYSTEM, scoped
from portal.identity.models import Membership, Organisation, User
from tests.identity.conftest import PASSWORD

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


def test_an_address_that_is_taken_in_other_letters_is_refused_with_everything_kept(
    client: FlaskClient, cleo: User
) -> None:
    answer = client.post("/signup", data=PERSON | {"email": "CLEO@example.COM"})
    assert answer.status_code == 422
    assert "There is an account with this address" in answer.text
    assert 'value="Dan Frost"' in answer.text
    assert 'value="Harbour Labs"' in answer.text
    assert PASSWORD not in answer.text


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
