"""Confirming an address after signing up, what waits for it, and changing the address."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.db import SYSTEM, scoped
from portal.identity.models import MailLink, User
from portal.kit.clock import ManualClock
from portal.outbox.models import OutboxMessage
from tests.factories import make_organisation, make_user
from tests.identity.conftest import PASSWORD
from tests.mailbox import link_to, mails_to, subjects_to, token_to
from tests.sign_in import sign_in_as

MIRA = {"name": "Mira Berg", "email": "mira@example.com", "password": PASSWORD, "organisation_name": "Berg"}
NEW = "mira.berg@example.net"


@pytest.fixture
def mira(client: FlaskClient) -> FlaskClient:
    """The browser in which Mira has just signed up."""
    assert client.post("/signup", data=MIRA).status_code == 303
    return client


class TestWhatWaits:
    def test_she_may_look_around_and_is_reminded_quietly(self, mira: FlaskClient) -> None:
        page = mira.get("/").text
        assert "Confirm your address: the link is in our mail to mira@example.com." in page
        for path in ("/", "/marketplace", "/subscriptions", "/usage", "/settings", "/settings/members"):
            assert mira.get(path).status_code == 200, path

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/settings/tokens"),
            ("POST", "/settings/tokens"),
            ("POST", "/settings/invitations"),
            ("POST", "/settings/organisation"),
            ("GET", "/organisations/new"),
            ("POST", "/organisations/new"),
            ("GET", "/provider/apis/new"),
            ("POST", "/provider/apis/new"),
        ],
    )
    def test_acting_towards_others_waits_and_says_so(self, mira: FlaskClient, method: str, path: str) -> None:
        answer = mira.open(path, method=method, data={"name": "x", "email": "ben@example.com", "role": "viewer"})
        assert answer.status_code == 403, path
        assert "Confirm your address first" in answer.text
        as_json = mira.open(path, method=method, headers={"Accept": "application/json"})
        assert as_json.json is not None
        assert as_json.json["type"] == "/problems/unconfirmed"

    def test_afterwards_nothing_waits(self, mira: FlaskClient) -> None:
        mira.post("/confirm", data={"token": token_to("mira@example.com")})
        page = mira.get("/settings/tokens")
        assert page.status_code == 200
        assert "Confirm your address" not in page.text


class TestTheLink:
    def test_looking_changes_nothing_and_one_press_confirms_where_she_signed_up(self, mira: FlaskClient) -> None:
        link = link_to("mira@example.com")
        for _ in range(2):  # mail scanners follow links
            page = mira.get(link)
            assert page.status_code == 200
            assert "current_password" not in page.text
        answer = mira.post("/confirm", data={"token": link.partition("token=")[2]}, follow_redirects=True)
        assert "Your address is confirmed." in answer.text

    def test_in_another_browser_it_asks_for_the_password_and_signs_in(self, app: Flask, mira: FlaskClient) -> None:
        phone, token = app.test_client(), token_to("mira@example.com")
        assert 'name="current_password"' in phone.get(f"/confirm?token={token}").text
        for wrong in ("", "wrong", "x" * 2000):
            answer = phone.post("/confirm", data={"token": token, "current_password": wrong})
            assert answer.status_code == 422
        answer = phone.post("/confirm", data={"token": token, "current_password": PASSWORD})
        assert answer.status_code == 303
        assert "Mira Berg" in phone.get("/settings").text

    def test_a_stranger_s_account_cannot_be_confirmed_by_the_owner_of_the_address(self, app: Flask) -> None:
        """Somebody signs up with Mira's address and hopes that she presses the link: it takes the password they chose."""
        app.test_client().post("/signup", data=MIRA | {"password": "a password she does not know"})
        hers = app.test_client()
        answer = hers.post("/confirm", data={"token": token_to("mira@example.com"), "current_password": PASSWORD})
        assert answer.status_code == 422
        hers.post("/signup", data=MIRA)
        assert hers.post("/confirm", data={"token": token_to("mira@example.com")}).status_code == 303
        assert hers.get("/settings/tokens").status_code == 200

    def test_who_confirms_second_is_told_and_gets_nothing(self, app: Flask) -> None:
        first, second = app.test_client(), app.test_client()
        first.post("/signup", data=MIRA)
        early = token_to("mira@example.com")
        second.post("/signup", data=MIRA)
        late = token_to("mira@example.com")
        assert second.post("/confirm", data={"token": late}).status_code == 303
        answer = first.post("/confirm", data={"token": early})
        assert answer.status_code == 409
        assert "This address has an account" in answer.text
        assert first.get("/settings/tokens").status_code == 403

    def test_it_works_once_and_for_two_days(self, mira: FlaskClient, clock: ManualClock) -> None:
        token = token_to("mira@example.com")
        clock.advance(timedelta(hours=11))
        assert mira.post("/confirm", data={"token": token}).status_code == 303
        again = mira.post("/confirm", data={"token": token})
        assert again.status_code == 404
        assert "This link no longer works" in again.text

    def test_it_ends_by_itself(self, app: Flask, mira: FlaskClient, clock: ManualClock) -> None:
        token = token_to("mira@example.com")
        clock.advance(timedelta(hours=48))
        assert app.test_client().get(f"/confirm?token={token}").status_code == 404

    @pytest.mark.parametrize("path", ["/confirm", "/reset", "/invitation"])
    @pytest.mark.parametrize("token", ["", "x", "\x00", "0" * 64, "%ff", "é" * 5000, "' OR 1=1 --"])
    def test_any_other_text_opens_nothing(self, client: FlaskClient, path: str, token: str) -> None:
        assert client.get(path, query_string={"token": token}).status_code == 404
        assert client.post(path, data={"token": token}).status_code == 404

    def test_a_link_for_one_purpose_opens_nothing_else(self, mira: FlaskClient) -> None:
        token = token_to("mira@example.com")
        for path in ("/reset", "/invitation", "/settings/address"):
            assert mira.get(path, query_string={"token": token}).status_code == 404

    def test_neither_the_database_nor_the_announcement_holds_what_opens(self, mira: FlaskClient) -> None:
        token = token_to("mira@example.com")
        with scoped(SYSTEM) as session:
            kept = [str(row.__dict__) for row in session.scalars(select(MailLink))]
            kept += [str(row.payload) for row in session.scalars(select(OutboxMessage))]
        assert len(kept) == 2
        assert not any(token in text for text in kept)


class TestAskingAgain:
    def test_another_mail_has_another_link_and_both_work_until_one_is_used(self, mira: FlaskClient) -> None:
        first = token_to("mira@example.com")
        assert mira.post("/settings/confirmation", data={"next": "/usage"}).location == "/usage"
        second = token_to("mira@example.com")
        assert first != second
        assert mira.post("/confirm", data={"token": first}).status_code == 303
        assert mira.get(f"/confirm?token={second}").status_code == 404

    def test_it_is_counted(self, mira: FlaskClient) -> None:
        for _ in range(8):
            page = mira.post("/settings/confirmation", follow_redirects=True)
        assert "several mails to this address" in page.text
        assert len(mails_to("mira@example.com")) == 5  # signing up was one of them

    def test_it_can_be_asked_for_from_outside(self, app: Flask, mira: FlaskClient) -> None:
        app.test_client().post("/forgotten", data={"email": "mira@example.com"})
        assert subjects_to("mira@example.com") == ["Confirm your address"] * 2

    def test_a_stranger_is_asked_to_sign_in(self, client: FlaskClient) -> None:
        assert client.post("/settings/confirmation").location.startswith("/login")


class TestChangingTheAddress:
    @pytest.fixture
    def hers(self, client: FlaskClient, cleo: User) -> FlaskClient:
        return sign_in_as(client, cleo)

    def ask(self, browser: FlaskClient, email: str = NEW, password: str = PASSWORD) -> int:
        typed = {"new_email": email, "current_password": password}
        return browser.post("/settings/email", data=typed).status_code

    def test_it_counts_once_the_new_mailbox_has_answered_and_the_old_one_hears(self, hers: FlaskClient) -> None:
        assert self.ask(hers) == 303
        assert "Cleo@Example.com" in hers.get("/settings").text
        link = link_to(NEW)
        assert NEW in hers.get(link).text
        assert hers.post("/settings/address", data={"token": token_to(NEW)}).status_code == 303
        assert subjects_to("cleo@example.com") == ["Your address was changed"]
        assert NEW in mails_to("cleo@example.com")[0].text

    def test_afterwards_only_the_new_one_signs_in(self, app: Flask, hers: FlaskClient) -> None:
        self.ask(hers)
        hers.post("/settings/address", data={"token": token_to(NEW)})
        stranger = app.test_client()
        assert stranger.post("/login", data={"email": "cleo@example.com", "password": PASSWORD}).status_code == 422
        assert stranger.post("/login", data={"email": NEW, "password": PASSWORD}).status_code == 303

    @pytest.mark.parametrize(
        ("email", "password"), [("", PASSWORD), ("no address", PASSWORD), (NEW, ""), (NEW, "wrong"), (NEW, "x" * 3000)]
    )
    def test_what_is_refused_sends_nothing(self, hers: FlaskClient, email: str, password: str) -> None:
        assert self.ask(hers, email, password) == 422
        assert mails_to(NEW) == []

    def test_the_link_of_somebody_else_moves_nothing(self, app: Flask, hers: FlaskClient, dan: User) -> None:
        """Cleo mistyped: whoever reads that mailbox cannot take her account with the link."""
        self.ask(hers)
        token = token_to(NEW)
        his = sign_in_as(app.test_client(), dan)
        assert his.get(f"/settings/address?token={token}").status_code == 404
        assert his.post("/settings/address", data={"token": token}).status_code == 404
        assert app.test_client().get(f"/settings/address?token={token}").location.startswith("/login?next=")
        assert hers.post("/settings/address", data={"token": token}).status_code == 303

    def test_an_address_of_somebody_else_is_not_told_and_its_owner_hears(self, hers: FlaskClient, dan: User) -> None:
        assert self.ask(hers, dan.email) == 303
        assert subjects_to(dan.email) == ["You already have an account"]

    def test_an_address_that_was_taken_meanwhile_is_not_moved(self, hers: FlaskClient) -> None:
        self.ask(hers)
        token = token_to(NEW)
        make_user("Other", organisation=make_organisation(), email=NEW.upper())
        assert hers.post("/settings/address", data={"token": token}).status_code == 409
        assert "Cleo@Example.com" in hers.get("/settings").text

    def test_who_has_confirmed_nothing_corrects_what_they_mistyped(self, mira: FlaskClient) -> None:
        old = token_to("mira@example.com")
        assert self.ask(mira, "mira@example.org") == 303
        assert mira.post("/confirm", data={"token": old}).status_code == 404
        assert mira.post("/confirm", data={"token": token_to("mira@example.org")}).status_code == 303
        with scoped(SYSTEM) as session:
            assert session.scalars(select(User.email)).one() == "mira@example.org"
