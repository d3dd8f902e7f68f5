"""Invitations: by whom, to whom, for how long, and the four ways in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.db import PUBLIC, SYSTEM, Scope, scoped
from portal.identity.models import Invitation, Membership, Organisation, User
from portal.kit.clock import ManualClock
from tests.factories import make_user
from tests.identity.conftest import PASSWORD
from tests.mailbox import link_to, mails_to, subjects_to, token_to
from tests.sign_in import sign_in_as

BEN = "ben@example.com"
NEWCOMER = {"name": "Ben Okafor", "password": "walnut ladder thunder"}


@pytest.fixture
def hers(client: FlaskClient, cleo: User) -> FlaskClient:
    return sign_in_as(client, cleo)


def invite(browser: FlaskClient, email: str = BEN, role: str = "developer") -> int:
    return browser.post("/settings/invitations", data={"email": email, "role": role}).status_code


def open_ones() -> list[Invitation]:
    with scoped(SYSTEM) as session:
        return list(session.scalars(select(Invitation).where(Invitation.accepted_at.is_(None))))


def roles_of(address: str) -> list[str]:
    with scoped(SYSTEM) as session:
        mine = select(Membership.role).join(User, User.id == Membership.user_id).where(User.email == address)
        return list(session.scalars(mine.order_by(Membership.id)))


class TestInviting:
    def test_a_mail_says_who_asks_and_the_page_lists_who_was_asked(self, hers: FlaskClient) -> None:
        assert invite(hers) == 303
        mail = mails_to(BEN)[0]
        assert mail.subject == "Join Harbour on Mercato"
        assert "Cleo asks you to act for Harbour" in mail.text
        assert BEN in hers.get("/settings/members").text

    def test_a_member_and_somebody_asked_already_are_not_asked(self, hers: FlaskClient, cleo: User) -> None:
        assert invite(hers, "CLEO@example.com") == 422
        assert invite(hers) == 303
        assert invite(hers, "Ben@Example.COM") == 422
        assert len(open_ones()) == 1

    def test_an_admin_asks_for_no_owner(self, app: Flask, harbour: Organisation) -> None:
        browser = sign_in_as(app.test_client(), make_user("Ada", organisation=harbour, role="admin"))
        assert invite(browser, role="owner") == 422
        assert invite(browser, role="admin") == 303

    @pytest.mark.parametrize("role", ["developer", "billing", "viewer"])
    def test_other_roles_ask_nobody(self, app: Flask, harbour: Organisation, role: str) -> None:
        browser = sign_in_as(app.test_client(), make_user("Eve", organisation=harbour, role=role))
        assert invite(browser) == 403

    def test_a_stranger_asks_nobody(self, client: FlaskClient) -> None:
        assert client.post("/settings/invitations", data={"email": BEN}).location.startswith("/login")

    @pytest.mark.parametrize(
        ("email", "role", "field"),
        [
            ("", "viewer", "email"),
            ("ben", "viewer", "email"),
            (BEN, "king", "role"),
            ("b\x00@example.com", "viewer", "email"),
        ],
    )
    def test_what_is_wrong_is_said_beside_its_field(self, hers: FlaskClient, email: str, role: str, field: str) -> None:
        answer = hers.post("/settings/invitations", data={"email": email, "role": role})
        assert answer.status_code == 422
        assert f'id="f-{field}-problem"' in answer.text

    def test_a_hundred_may_be_open(self, hers: FlaskClient, clock: ManualClock) -> None:
        for number in range(100):
            if number % 50 == 0:
                clock.advance(timedelta(hours=2))
            assert invite(hers, f"person{number}@example.com") == 303
        clock.advance(timedelta(hours=2))
        refused = hers.post("/settings/invitations", data={"email": BEN, "role": "viewer"})
        assert refused.status_code == 422
        assert "There are 100 open invitations." in refused.text

    def test_mails_to_one_address_are_counted(self, hers: FlaskClient) -> None:
        invite(hers)
        number = open_ones()[0].id
        for _ in range(6):
            page = hers.post(f"/settings/invitations/{number}/sending", follow_redirects=True)
        assert "several mails to this address" in page.text
        assert len(mails_to(BEN)) == 5


class TestAnswering:
    def test_somebody_new_signs_up_on_the_spot_and_is_confirmed(self, app: Flask, hers: FlaskClient) -> None:
        invite(hers)
        his, token = app.test_client(), token_to(BEN)
        page = his.get(link_to(BEN)).text
        assert "Cleo asks you to act for it as: Developer." in page
        assert BEN in page
        assert his.post("/invitation", data={"token": token, "name": "", "password": "x"}).status_code == 422
        assert his.post("/invitation", data={"token": token, **NEWCOMER}).status_code == 303
        assert "People who act for Harbour." in his.get("/settings/members").text
        assert "Confirm your address" not in his.get("/").text
        assert roles_of(BEN) == ["developer"]
        assert open_ones() == []

    def test_somebody_with_an_account_signs_in_and_accepts(self, app: Flask, hers: FlaskClient, dan: User) -> None:
        invite(hers, dan.email, "billing")
        token = token_to(dan.email)
        his = app.test_client()
        assert "has an account. Sign in with it" in his.get(f"/invitation?token={token}").text
        assert his.post("/invitation", data={"token": token, **NEWCOMER}).status_code == 409
        sign_in_as(his, dan)
        assert "Accept the invitation" in his.get(f"/invitation?token={token}").text
        assert his.post("/invitation", data={"token": token}).status_code == 303
        assert "People who act for Harbour." in his.get("/settings/members").text
        assert roles_of(dan.email) == ["owner", "billing"]

    def test_somebody_else_is_told_and_gets_nothing(self, app: Flask, hers: FlaskClient, dan: User) -> None:
        invite(hers)
        token = token_to(BEN)
        his = sign_in_as(app.test_client(), dan)
        page = his.get(f"/invitation?token={token}").text
        assert f"you are signed in as {dan.email}" in page
        assert his.post("/invitation", data={"token": token}).status_code == 409
        assert roles_of(dan.email) == ["owner"]
        assert his.post("/logout", data={"next": f"/invitation?token={token}"}).location.startswith("/invitation")

    def test_an_unconfirmed_account_of_the_address_is_confirmed_by_it(self, app: Flask, hers: FlaskClient) -> None:
        his = app.test_client()
        his.post("/signup", data={"email": BEN, "organisation_name": "Okafor", **NEWCOMER})
        invite(hers)
        assert his.post("/invitation", data={"token": token_to(BEN)}).status_code == 303
        assert roles_of(BEN) == ["owner", "developer"]
        assert his.get("/organisations/new").status_code == 200

    def test_it_works_once(self, app: Flask, hers: FlaskClient) -> None:
        invite(hers)
        token = token_to(BEN)
        app.test_client().post("/invitation", data={"token": token, **NEWCOMER})
        assert app.test_client().get(f"/invitation?token={token}").status_code == 404
        assert app.test_client().post("/invitation", data={"token": token, **NEWCOMER}).status_code == 404

    def test_it_lives_seven_days_and_can_be_sent_again(
        self, app: Flask, hers: FlaskClient, clock: ManualClock, cleo: User
    ) -> None:
        invite(hers)
        old = token_to(BEN)
        clock.advance(timedelta(days=7))
        assert app.test_client().get(f"/invitation?token={old}").status_code == 404
        again = sign_in_as(app.test_client(), cleo)
        assert "Ended" in again.get("/settings/members").text
        assert again.post(f"/settings/invitations/{open_ones()[0].id}/sending").status_code == 303
        assert app.test_client().post("/invitation", data={"token": token_to(BEN), **NEWCOMER}).status_code == 303

    def test_a_mail_that_was_late_makes_it_no_longer(self, app: Flask, hers: FlaskClient, clock: ManualClock) -> None:
        invite(hers)
        clock.advance(timedelta(days=6))
        token = token_to(BEN)
        assert app.test_client().get(f"/invitation?token={token}").status_code == 200
        clock.advance(timedelta(days=1))
        assert app.test_client().post("/invitation", data={"token": token, **NEWCOMER}).status_code == 404

    def test_revoked_it_opens_nothing(self, app: Flask, hers: FlaskClient) -> None:
        invite(hers)
        token = token_to(BEN)
        number = open_ones()[0].id
        assert hers.post(f"/settings/invitations/{number}/revocation").status_code == 303
        assert app.test_client().get(f"/invitation?token={token}").status_code == 404
        assert hers.post(f"/settings/invitations/{number}/revocation").status_code == 404

    def test_another_organisation_s_invitation_and_none_look_the_same(
        self, app: Flask, hers: FlaskClient, dan: User
    ) -> None:
        invite(hers)
        his = sign_in_as(app.test_client(), dan)
        for act in ("sending", "revocation"):
            for number in (open_ones()[0].id, 999_999):
                assert his.post(f"/settings/invitations/{number}/{act}").status_code == 404
        assert len(open_ones()) == 1

    def test_an_open_invitation_gives_no_second_role_to_a_member(
        self, app: Flask, hers: FlaskClient, dan: User
    ) -> None:
        invite(hers, dan.email, "viewer")
        token = token_to(dan.email)
        his = sign_in_as(app.test_client(), dan)
        his.post("/invitation", data={"token": token})
        assert his.post("/invitation", data={"token": token}).status_code == 404
        assert roles_of(dan.email) == ["owner", "viewer"]

    def test_the_trail_tells_the_story(self, app: Flask, hers: FlaskClient) -> None:
        invite(hers)
        app.test_client().post("/invitation", data={"token": token_to(BEN), **NEWCOMER})
        with scoped(SYSTEM) as session:
            acts = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert acts == ["member.invited", "member.joined"]


def test_the_database_shows_invitations_to_their_own_organisation_alone(
    hers: FlaskClient, harbour: Organisation, dan: User
) -> None:
    invite(hers)
    with scoped(Scope(organisation_id=harbour.id)) as session:
        assert len(session.scalars(select(Invitation)).all()) == 1
    for scope in (PUBLIC, Scope(organisation_id=harbour.id + 1, user_id=dan.id)):
        with scoped(scope) as session:
            assert session.scalars(select(Invitation)).all() == []


def test_it_is_written_in_the_language_of_whoever_invited_when_nobody_knows_better(hers: FlaskClient) -> None:
    hers.set_cookie("locale", "de")
    invite(hers)
    assert subjects_to(BEN) == ["Harbour auf Mercato beitreten"]
    assert PASSWORD not in mails_to(BEN)[0].text
