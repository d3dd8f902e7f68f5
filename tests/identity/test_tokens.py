"""Organisation tokens: made by those who may, shown once, ended at once."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped
from portal.identity.models import Organisation, OrganisationToken, User
from tests.factories import make_user
from tests.sign_in import bearer_of, sign_in_as


class TestTokens:
    def make(self, client: FlaskClient, name: str = "Nightly", role: str = "developer") -> str:
        page = client.post("/settings/tokens", data={"name": name, "role": role})
        assert page.status_code == 201
        return re.findall(r"mo_[0-9A-Za-z]{10}_[0-9A-Za-z]{49}", page.text)[0]

    def test_a_token_is_shown_once_works_and_is_kept_as_a_hash(
        self, app: Flask, client: FlaskClient, cleo: User, harbour: Organisation
    ) -> None:
        text = self.make(sign_in_as(client, cleo), role="viewer")
        assert text not in client.get("/settings/tokens").text
        script = app.test_client().get("/settings/members", headers={"Authorization": f"Bearer {text}"})
        assert script.status_code == 200
        assert "Cleo@Example.com" in script.text
        with scoped(SYSTEM) as session:
            row = session.scalars(select(OrganisationToken)).one()
            assert (row.organisation_id, row.role, row.last_four) == (harbour.id, "viewer", text[-4:])
            assert text.encode() not in row.token_hash
            trail = session.scalars(select(AuditEntry)).all()
        assert [entry.action for entry in trail] == ["token.created"]
        assert text[-20:] not in str([(entry.after, entry.subject) for entry in trail])

    def test_a_revoked_token_is_refused_at_once(self, app: Flask, client: FlaskClient, cleo: User) -> None:
        headers = {"Authorization": f"Bearer {self.make(sign_in_as(client, cleo))}"}
        script = app.test_client()
        assert script.get("/settings/members", headers=headers).status_code == 200
        with scoped(SYSTEM) as session:
            token = session.scalars(select(OrganisationToken.id)).one()
        assert client.post(f"/settings/tokens/{token}/revocation").status_code == 303
        assert script.get("/settings/members", headers=headers).status_code == 401
        assert "Revoked" in client.get("/settings/tokens").text
        assert client.post(f"/settings/tokens/{token}/revocation").status_code == 404

    @pytest.mark.parametrize(
        "typed",
        [
            {},
            {"name": ""},
            {"name": "x", "role": "owner"},
            {"name": "x", "role": "root"},
            {"name": "x" * 81},
            {"name": "\x00"},
        ],
    )
    def test_an_invalid_wish_makes_nothing(self, client: FlaskClient, cleo: User, typed: dict[str, str]) -> None:
        answer = sign_in_as(client, cleo).post("/settings/tokens", data=typed)
        assert answer.status_code == 422
        assert "error-summary" in answer.text
        with scoped(SYSTEM) as session:
            assert session.scalars(select(OrganisationToken)).all() == []

    @pytest.mark.parametrize("role", ["developer", "billing", "viewer"])
    def test_only_owners_and_administrators_have_tokens_made(
        self, client: FlaskClient, harbour: Organisation, role: str
    ) -> None:
        ben = make_user("Ben", organisation=harbour, role=role)
        sign_in_as(client, ben)
        assert client.get("/settings/tokens").status_code == 403
        assert client.post("/settings/tokens", data={"name": "x", "role": "viewer"}).status_code == 403
        assert client.post("/settings/tokens/1/revocation").status_code == 403
        assert "/settings/tokens" not in client.get("/settings").text

    def test_an_outsider_neither_sees_nor_ends_them(
        self, client: FlaskClient, cleo: User, dan: User, harbour: Organisation
    ) -> None:
        headers = bearer_of(harbour.id, name="Secret plan")
        sign_in_as(client, dan)
        assert "Secret plan" not in client.get("/settings/tokens").text
        with scoped(SYSTEM) as session:
            token = session.scalars(select(OrganisationToken.id)).one()
        assert client.post(f"/settings/tokens/{token}/revocation").status_code == 404
        assert client.application.test_client().get("/settings/members", headers=headers).status_code == 200

    def test_a_name_is_shown_as_text(self, client: FlaskClient, cleo: User) -> None:
        sign_in_as(client, cleo)
        self.make(client, name='<script>alert(1)</script> & "friends"')
        page = client.get("/settings/tokens").text
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
