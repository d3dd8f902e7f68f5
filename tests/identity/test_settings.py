"""Profile, browsers, password, organisations, tokens and members, by the people who may and those who may not."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped, transaction
from portal.identity import service
from portal.identity.models import Membership, Organisation, User, UserSession
from portal.kit.clock import ManualClock
from tests.factories import make_organisation, make_user
from tests.identity.conftest import PASSWORD
from tests.sign_in import sign_in_as

NEW = "walnut ladder thunder"
ROLES = ("owner", "admin", "developer", "billing", "viewer")


def sessions_of(user: User) -> list[UserSession]:
    with scoped(SYSTEM) as session:
        found = session.scalars(select(UserSession).where(UserSession.user_id == user.id).order_by(UserSession.id))
        return list(found)


class TestProfile:
    def test_changes_are_kept_and_seen(self, client: FlaskClient, cleo: User) -> None:
        sign_in_as(client, cleo)
        typed = {"name": "  Cleo   Quist ", "locale": "de", "time_zone": "Europe/Berlin"}
        assert client.post("/settings/profile", data=typed).status_code == 303
        page = client.get("/settings").text
        assert 'value="Cleo Quist"' in page
        assert '<html lang="de"' in page
        assert re.search(r'name="time_zone" type="text" value="Europe/Berlin"', page)
        assert "Europe/Berlin" not in client.get("/", headers={"Accept": "text/html"}).text

    @pytest.mark.parametrize(
        "change",
        [{"name": ""}, {"locale": "xx"}, {"time_zone": "Mars/Olympus"}, {"time_zone": "../etc"}, {"name": "\x07"}],
    )
    def test_what_cannot_be_is_refused_and_kept_in_the_form(
        self, client: FlaskClient, cleo: User, change: dict[str, str]
    ) -> None:
        typed = {"name": "New Name", "locale": "en", "time_zone": "UTC"} | change
        answer = sign_in_as(client, cleo).post("/settings/profile", data=typed)
        assert answer.status_code == 422
        assert f'href="#f-{next(iter(change))}"' in answer.text
        if "name" not in change:
            assert 'value="New Name"' in answer.text
        with scoped(SYSTEM) as session:
            assert session.scalars(select(User.name)).one() == "Cleo"

    @pytest.mark.parametrize(
        ("typed", "kept"),
        [("europe/berlin", "Europe/Berlin"), (" America/New York ", "America/New_York"), ("Asia/Calcutta", None)],
    )
    def test_every_zone_of_iana_is_known_however_it_is_typed(
        self, client: FlaskClient, cleo: User, typed: str, kept: str | None
    ) -> None:
        answer = sign_in_as(client, cleo).post(
            "/settings/profile", data={"name": "Cleo", "locale": "en", "time_zone": typed}
        )
        assert answer.status_code == 303
        with scoped(SYSTEM) as session:
            assert session.scalars(select(User.time_zone)).one() == (kept or typed)

    def test_nobody_can_make_themselves_an_operator(self, client: FlaskClient, cleo: User) -> None:
        typed = {"name": "Cleo", "locale": "en", "time_zone": "UTC", "is_operator": "1", "id": "1"}
        sign_in_as(client, cleo).post("/settings/profile", data=typed)
        with scoped(SYSTEM) as session:
            assert session.scalars(select(User.is_operator)).one() is False


class TestBrowsers:
    def test_every_other_browser_can_be_signed_out(self, app: Flask, client: FlaskClient, cleo: User) -> None:
        other = sign_in_as(app.test_client(), cleo)
        sign_in_as(client, cleo)
        assert other.get("/settings").status_code == 200
        assert (
            "1 other browser was signed out."
            in client.post("/settings/sessions/revocation", follow_redirects=True).text
        )
        assert other.get("/settings").status_code == 303
        assert client.get("/settings").status_code == 200

    def test_one_browser_can_be_signed_out(self, app: Flask, client: FlaskClient, cleo: User) -> None:
        others = [sign_in_as(app.test_client(), cleo) for _ in range(2)]
        sign_in_as(client, cleo)
        first = sessions_of(cleo)[0].id
        assert client.post(f"/settings/sessions/{first}/revocation").status_code == 303
        assert [one.get("/settings").status_code for one in others] == [303, 200]
        assert client.post(f"/settings/sessions/{first}/revocation").status_code == 404

    def test_nobody_ends_the_session_of_another(self, app: Flask, client: FlaskClient, cleo: User, dan: User) -> None:
        theirs = sign_in_as(app.test_client(), cleo)
        sign_in_as(client, dan)
        foreign = client.post(f"/settings/sessions/{sessions_of(cleo)[0].id}/revocation")
        absent = client.post("/settings/sessions/999999/revocation")
        assert (foreign.status_code, absent.status_code) == (404, 404)
        assert theirs.get("/settings").status_code == 200

    def test_the_list_shows_only_one_s_own(self, app: Flask, client: FlaskClient, cleo: User, dan: User) -> None:
        sign_in_as(app.test_client(), dan)
        page = sign_in_as(client, cleo).get("/settings").text
        assert page.count(">127.0.0.1<") == 1


class TestPassword:
    def change(self, client: FlaskClient, current: str = PASSWORD, new: str = NEW) -> int:
        typed = {"current_password": current, "new_password": new}
        return client.post("/settings/password", data=typed).status_code

    def test_a_new_password_ends_every_session_and_starts_this_one_again(
        self, app: Flask, client: FlaskClient, cleo: User
    ) -> None:
        other = sign_in_as(app.test_client(), cleo)
        sign_in_as(client, cleo)
        before = str(client.get_cookie("session"))
        assert self.change(client) == 303
        assert str(client.get_cookie("session")) != before
        assert client.get("/settings").status_code == 200
        assert other.get("/settings").status_code == 303
        assert len([row for row in sessions_of(cleo) if row.revoked_at is None]) == 1

    def test_only_the_new_one_opens_afterwards(self, client: FlaskClient, cleo: User, app: Flask) -> None:
        self.change(sign_in_as(client, cleo))
        stranger = app.test_client()
        assert stranger.post("/login", data={"email": cleo.email, "password": PASSWORD}).status_code == 422
        assert stranger.post("/login", data={"email": cleo.email, "password": NEW}).status_code == 303

    @pytest.mark.parametrize(
        ("current", "new"),
        [
            ("wrong", NEW),
            ("", NEW),
            (PASSWORD, "short"),
            (PASSWORD, PASSWORD),
            (PASSWORD, "cleo@example.com"),
            ("x" * 2000, NEW),
        ],
    )
    def test_what_is_refused_changes_nothing(self, client: FlaskClient, cleo: User, current: str, new: str) -> None:
        sign_in_as(client, cleo)
        assert self.change(client, current, new) == 422
        assert client.get("/settings").status_code == 200
        with scoped(SYSTEM) as session:
            assert session.scalars(select(User.password_hash)).one() == cleo.password_hash

    def test_it_leaves_a_trace(self, client: FlaskClient, cleo: User) -> None:
        self.change(sign_in_as(client, cleo))
        with scoped(SYSTEM) as session:
            acts = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
        assert "password.changed" in acts


class TestSwitching:
    def test_a_member_of_two_acts_for_the_other(self, client: FlaskClient, cleo: User, harbour: Organisation) -> None:
        lab = make_organisation("Lab", "lab")
        with transaction(SYSTEM) as session:
            session.add(Membership(organisation_id=lab.id, user_id=cleo.id, role="viewer"))
        sign_in_as(client, cleo)
        assert "Harbour" in client.get("/settings/members").text
        answer = client.post(f"/organisations/{lab.id}/switch", data={"next": "/settings/members"})
        assert (answer.status_code, answer.location) == (303, "/settings/members")
        page = client.get("/settings/members").text
        assert "People who act for Lab." in page
        assert client.get("/settings/tokens").status_code == 403  # only a viewer there

    def test_an_outsider_and_an_unknown_organisation_look_the_same(
        self, client: FlaskClient, dan: User, harbour: Organisation
    ) -> None:
        sign_in_as(client, dan)
        headers = {"X-Request-Id": "the-same-request"}
        foreign = client.post(f"/organisations/{harbour.id}/switch", headers=headers)
        absent = client.post("/organisations/999999/switch", headers=headers)
        assert (foreign.status_code, absent.status_code) == (404, 404)
        assert _without_tokens(foreign.text) == _without_tokens(absent.text)
        assert "Driftwood" in client.get("/settings/members").text

    @pytest.mark.parametrize("number", ["9223372036854775808", "99999999999999999999999", "-1", "0", "x", "%00"])
    def test_a_number_that_cannot_be_is_not_found(self, client: FlaskClient, cleo: User, number: str) -> None:
        assert sign_in_as(client, cleo).post(f"/organisations/{number}/switch").status_code == 404


class TestMembers:
    @pytest.mark.parametrize("role", ROLES)
    def test_every_role_sees_its_own_organisation(
        self, client: FlaskClient, harbour: Organisation, role: str, dan: User
    ) -> None:
        ben = make_user("Ben", organisation=harbour, role=role)
        page = sign_in_as(client, ben).get("/settings/members").text
        assert "Cleo@Example.com" in page
        assert ben.email in page
        assert dan.email not in page

    def test_a_stranger_is_asked_to_sign_in(self, client: FlaskClient) -> None:
        assert client.get("/settings/members").location == "/login?next=/settings/members"

    def test_who_belongs_nowhere_is_told_so(self, client: FlaskClient, app: Flask) -> None:
        sign_in_as(client, make_user("Nemo"))
        assert client.get("/settings/members").status_code == 403
        assert client.get("/settings").status_code == 200
        assert client.get("/").status_code == 200


STRANGE = ("\x00", "\ufffd", "💥" * 500, "a\u0300" * 2000, "x" * 400_000, "%00", "' OR 1=1 --", "{{7*7}}", "\ud83d")


@pytest.mark.parametrize("path", ["/signup", "/login", "/settings/profile", "/settings/password", "/settings/tokens"])
@pytest.mark.parametrize("text", STRANGE, ids=range(len(STRANGE)))
def test_no_text_in_any_field_is_a_failure(client: FlaskClient, cleo: User, path: str, text: str) -> None:
    if path.startswith("/settings"):
        sign_in_as(client, cleo)
    names = ("name", "email", "password", "organisation_name", "locale", "time_zone", "role", "next")
    names += ("current_password", "new_password")
    safe = text.encode("utf-8", "surrogatepass")
    body = b"&".join(name.encode() + b"=" + _quoted(safe) for name in names)
    answer = client.post(path, data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code in (201, 303, 413, 422)
    assert "49" not in re.findall(r'value="([^"]*)"', answer.text)


def test_a_session_of_a_month_ago_is_removed_and_a_live_one_kept(
    app: Flask, client: FlaskClient, cleo: User, clock: ManualClock
) -> None:
    sign_in_as(client, cleo)
    clock.advance(timedelta(days=45))
    sign_in_as(client, cleo)
    with transaction(SYSTEM):
        assert service.forget_old(clock.now()) == 0
    clock.advance(timedelta(days=16))
    with transaction(SYSTEM):
        assert service.forget_old(clock.now()) == 1
    assert len(sessions_of(cleo)) == 1


def _quoted(raw: bytes) -> bytes:
    return b"".join(b"%%%02X" % byte for byte in raw) if len(raw) < 5000 else raw


def _without_tokens(page: str) -> str:
    return re.sub(r'(content|value)="[^"]{40,}"', "", re.sub(r"/organisations/\d+", "", page))
