"""Roles, removing, leaving, and what an organisation says about itself; never without an owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped, transaction
from portal.identity import members, service
from portal.identity.errors import LastOwner, NotYours, UnknownMember
from portal.identity.models import Membership, Organisation, OrganisationToken, User
from portal.identity.rules import is_website, may_give
from portal.kit.clock import ManualClock
from portal.web.plugs import plugs
from tests.factories import make_organisation, make_user
from tests.mailbox import subjects_to
from tests.sign_in import sign_in_as

ROLES = ("owner", "admin", "developer", "billing", "viewer")


@pytest.fixture
def ben(harbour: Organisation) -> User:
    return make_user("Ben", organisation=harbour, role="developer")


@pytest.fixture
def hers(client: FlaskClient, cleo: User) -> FlaskClient:
    return sign_in_as(client, cleo)


def role_of(user: User) -> str | None:
    with scoped(SYSTEM) as session:
        return session.scalar(select(Membership.role).where(Membership.user_id == user.id).order_by(Membership.id))


def give(browser: FlaskClient, user: User, role: str) -> int:
    return browser.post(f"/settings/members/{user.id}/role", data={"role": role}).status_code


def remove(browser: FlaskClient, user: User) -> int:
    return browser.post(f"/settings/members/{user.id}/removal").status_code


class TestRoles:
    def test_a_new_role_counts_from_the_next_request_on(self, app: Flask, hers: FlaskClient, ben: User) -> None:
        his = sign_in_as(app.test_client(), ben)
        assert his.get("/settings/tokens").status_code == 403
        assert give(hers, ben, "admin") == 303
        assert his.get("/settings/tokens").status_code == 200
        assert give(hers, ben, "viewer") == 303
        assert his.get("/settings/tokens").status_code == 403

    def test_an_admin_makes_and_unmakes_no_owner(
        self, app: Flask, harbour: Organisation, cleo: User, ben: User
    ) -> None:
        ada = make_user("Ada", organisation=harbour, role="admin")
        browser = sign_in_as(app.test_client(), ada)
        assert give(browser, ben, "owner") == 403
        assert give(browser, ada, "owner") == 403
        assert give(browser, cleo, "viewer") == 403
        assert remove(browser, cleo) == 403
        assert give(browser, ben, "billing") == 303
        assert (role_of(cleo), role_of(ada), role_of(ben)) == ("owner", "admin", "billing")

    def test_the_last_owner_stays_owner_until_there_is_another(self, hers: FlaskClient, cleo: User, ben: User) -> None:
        refused = hers.post(f"/settings/members/{cleo.id}/role", data={"role": "admin"})
        assert refused.status_code == 409
        assert "This is the last owner." in refused.text
        assert give(hers, ben, "owner") == 303
        assert give(hers, cleo, "admin") == 303

    @pytest.mark.parametrize("role", ["", "operator", "Owner", "\x00", "owner admin"])
    def test_what_is_no_role_is_refused(self, hers: FlaskClient, ben: User, role: str) -> None:
        assert give(hers, ben, role) == 422
        assert role_of(ben) == "developer"

    @pytest.mark.parametrize("role", ["developer", "billing", "viewer"])
    def test_other_roles_change_nobody(self, app: Flask, harbour: Organisation, ben: User, role: str) -> None:
        browser = sign_in_as(app.test_client(), make_user("Eve", organisation=harbour, role=role))
        assert give(browser, ben, "viewer") == 403
        assert remove(browser, ben) == 403
        assert "Invite somebody" not in browser.get("/settings/members").text

    def test_somebody_of_another_organisation_and_nobody_look_the_same(self, hers: FlaskClient, dan: User) -> None:
        for act in ("role", "removal"):
            for number in (dan.id, 999_999):
                answer = hers.post(f"/settings/members/{number}/{act}", data={"role": "viewer"})
                assert answer.status_code == 404
        assert role_of(dan) == "owner"

    def test_it_is_in_the_trail_with_before_and_after(self, hers: FlaskClient, ben: User, cleo: User) -> None:
        give(hers, ben, "billing")
        with scoped(SYSTEM) as session:
            act = session.scalars(select(AuditEntry).where(AuditEntry.action == "member.role-changed")).one()
        assert (act.actor, act.subject) == (f"user:{cleo.id}", f"user:{ben.id}")
        assert (act.before, act.after) == ({"role": "developer"}, {"role": "billing"})

    @pytest.mark.parametrize("acting", ROLES)
    @pytest.mark.parametrize("current", ROLES)
    @pytest.mark.parametrize("wanted", ROLES)
    def test_who_may_give_what(self, acting: str, current: str, wanted: str) -> None:
        expected = acting == "owner" or (acting == "admin" and "owner" not in (current, wanted))
        assert may_give(acting, current, wanted) is expected  # type: ignore[arg-type]


class TestRemoving:
    def test_it_takes_effect_with_the_next_request_also_for_tokens_they_made(
        self, app: Flask, hers: FlaskClient, harbour: Organisation, clock: ManualClock
    ) -> None:
        ben = make_user("Ben", organisation=harbour, role="admin")
        his = sign_in_as(app.test_client(), ben)
        with transaction(SYSTEM):
            token = service.create_token(
                harbour.id, "Script", "viewer", created_by=ben.id, now=clock.now(), pepper=plugs().settings.pepper
            )
        header = {"Authorization": f"Bearer {token.text}"}
        assert app.test_client().get("/api/subscriptions", headers=header).status_code == 200
        assert remove(hers, ben) == 303
        assert his.get("/settings/members").status_code == 403
        assert his.get("/settings").status_code == 200
        assert app.test_client().get("/api/subscriptions", headers=header).status_code == 401
        assert ben.email not in hers.get("/settings/members").text
        assert subjects_to(ben.email) == ["You no longer act for Harbour"]

    def test_their_browsers_act_for_another_organisation_of_theirs(
        self, app: Flask, hers: FlaskClient, harbour: Organisation, ben: User
    ) -> None:
        lab = make_organisation("Lab")
        with transaction(SYSTEM) as session:
            session.add(Membership(organisation_id=lab.id, user_id=ben.id, role="owner"))
        his = sign_in_as(app.test_client(), ben, organisation_id=harbour.id)
        remove(hers, ben)
        assert "People who act for Lab." in his.get("/settings/members").text

    def test_tokens_of_others_stay(self, hers: FlaskClient, harbour: Organisation, ben: User, cleo: User) -> None:
        with transaction(SYSTEM) as session:
            for number, author in enumerate((cleo.id, None)):
                session.add(
                    OrganisationToken(
                        organisation_id=harbour.id, name="Kept", public_id=f"id{number}", token_hash=b"x",
                        last_four="abcd", created_by=author,
                    )
                )  # fmt: skip
        remove(hers, ben)
        with scoped(SYSTEM) as session:
            assert session.scalars(select(OrganisationToken.revoked_at)).all() == [None, None]

    def test_leaving_is_everybody_s_right_but_the_last_owner_s(
        self, app: Flask, hers: FlaskClient, ben: User, cleo: User
    ) -> None:
        his = sign_in_as(app.test_client(), ben)
        assert his.post("/settings/membership/removal").location == "/settings"
        assert role_of(ben) is None
        assert subjects_to(ben.email) == []
        page = his.get("/").text
        assert "No organisation" in page
        assert hers.post("/settings/membership/removal").status_code == 409
        assert role_of(cleo) == "owner"

    def test_two_owners_who_leave_at_once_leave_one(self, app: Flask, harbour: Organisation, cleo: User) -> None:
        ada = make_user("Ada", organisation=harbour, role="owner")
        now = plugs().clock.now()

        def leave(user_id: int) -> str:
            with app.app_context():
                try:
                    with transaction(SYSTEM):
                        members.remove(harbour.id, user_id, by=user_id, now=now)
                except LastOwner:
                    return "stays"
                return "left"

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(leave, (ada.id, cleo.id))) == ["left", "stays"]

    def test_the_commands_alone_refuse_too(self, harbour: Organisation, ben: User, cleo: User, dan: User) -> None:
        now = plugs().clock.now()
        with pytest.raises(UnknownMember), transaction(SYSTEM):
            members.remove(harbour.id, ben.id, by=dan.id, now=now)
        with pytest.raises(NotYours), transaction(SYSTEM):
            members.change_role(harbour.id, cleo.id, "viewer", by=ben.id)


class TestTheOrganisation:
    FIELDS = {
        "name": "Harbour Works",
        "description": "Tides.",
        "website": "https://harbour.example",
    }

    def test_what_it_says_is_kept_and_in_the_trail(self, hers: FlaskClient, harbour: Organisation) -> None:
        answer = hers.post("/settings/organisation", data=self.FIELDS)
        assert answer.status_code == 303
        page = hers.get("/settings/organisation").text
        for said in ("Harbour Works", "Tides.", "https://harbour.example", "harbour"):
            assert said in page
        with scoped(SYSTEM) as session:
            act = session.scalars(select(AuditEntry).where(AuditEntry.action == "organisation.changed")).one()
        assert act.before == {"name": "Harbour", "description": None, "website": None}

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"name": ""}, "name"),
            ({"name": "x" * 81}, "name"),
            ({"description": "x" * 301}, "description"),
            ({"description": "a\u202eb"}, "description"),
            ({"website": "javascript:alert(1)"}, "website"),
            ({"website": "https://"}, "website"),
            ({"website": "https://user:pw@harbour.example"}, "website"),
            ({"website": "http://[::1"}, "website"),
        ],
    )
    def test_what_cannot_be_is_said_beside_its_field(
        self, hers: FlaskClient, change: dict[str, str], field: str
    ) -> None:
        answer = hers.post("/settings/organisation", data=self.FIELDS | change)
        assert answer.status_code == 422
        assert f'id="f-{field}-problem"' in answer.text

    def test_another_organisation_is_one_s_own_at_once(self, hers: FlaskClient, cleo: User) -> None:
        assert hers.post("/organisations/new", data={"name": " "}).status_code == 422
        assert hers.post("/organisations/new", data={"name": "Cleo Afloat"}).location == "/"
        assert "People who act for Cleo Afloat." in hers.get("/settings/members").text
        with scoped(SYSTEM) as session:
            roles = session.scalars(select(Membership.role).where(Membership.user_id == cleo.id)).all()
        assert roles == ["owner", "owner"]

    @pytest.mark.parametrize("text", ["https://a.example", "http://a.example/x?y=1#z", "https://ä.example"])
    def test_websites(self, text: str) -> None:
        assert is_website(text)
