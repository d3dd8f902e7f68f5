"""Operators: appointed by command, looking after people on a page, every act with its reason in the trail."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.db import SYSTEM, scoped, transaction
from portal.identity.models import SecondFactor, User
from portal.identity.queries import get_organisation
from portal.kit.clock import ManualClock
from tests.factories import make_organisation, make_user
from tests.identity.conftest import PASSWORD
from tests.sign_in import sign_in_as

ACTS = ("disablement", "enablement", "sessions/revocation", "second-factor/removal")


@pytest.fixture
def olive(app: Flask) -> User:
    return make_user("Olive", organisation=make_organisation("Market Office"), is_operator=True)


@pytest.fixture
def desk(app: Flask, olive: User) -> FlaskClient:
    return sign_in_as(app.test_client(), olive)


def act(desk: FlaskClient, person: User, what: str, reason: str = "Ticket 4711: asked by phone") -> int:
    return desk.post(f"/admin/people/{person.id}/{what}", data={"reason": reason}).status_code


def trail(person: User) -> list[tuple[str, str, str | None]]:
    with scoped(SYSTEM) as session:
        acts = session.scalars(select(AuditEntry).where(AuditEntry.subject == f"user:{person.id}"))
        return [(one.action, one.actor, one.reason) for one in acts]


class TestFinding:
    @pytest.mark.parametrize("text", ["cleo", "EXAMPLE.com", "harbour", "leo@ex"])
    def test_people_are_found_by_name_address_and_organisation(
        self, desk: FlaskClient, cleo: User, dan: User, text: str
    ) -> None:
        page = desk.get("/admin/people", query_string={"q": text}).text
        assert "Cleo@Example.com" in page
        assert (dan.email in page) == (text == "EXAMPLE.com")

    @pytest.mark.parametrize("text", ["%", "_", "\\", "nobody at all", "\x00", "' OR 1=1 --", "x" * 5000])
    def test_signs_that_mean_something_to_a_database_mean_nothing(
        self, desk: FlaskClient, cleo: User, text: str
    ) -> None:
        page = desk.get("/admin/people", query_string={"q": text})
        assert page.status_code == 200
        assert ("Cleo@Example.com" in page.text) == (text == "\x00")

    @pytest.mark.parametrize("page", ["0", "-1", "abc", "9999999", "٣", ""])
    def test_no_page_number_is_a_failure(self, desk: FlaskClient, page: str) -> None:
        assert desk.get("/admin/people", query_string={"page": page}).status_code == 200

    def test_many_people_come_in_pages(self, desk: FlaskClient) -> None:
        for number in range(35):
            make_user(f"Person{number}")
        assert desk.get("/admin/people").text.count("/admin/people/") == 30
        assert "Person0" in desk.get("/admin/people?page=2").text


class TestActs:
    def test_who_is_shut_out_is_out_at_once_and_until_let_in_again(
        self, app: Flask, desk: FlaskClient, olive: User, cleo: User
    ) -> None:
        hers = sign_in_as(app.test_client(), cleo)
        assert act(desk, cleo, "disablement", "Sends spam") == 303
        assert hers.get("/settings").status_code == 303
        typed = {"email": cleo.email, "password": PASSWORD}
        assert app.test_client().post("/login", data=typed).status_code == 422
        assert act(desk, cleo, "enablement", "It was her brother") == 303
        assert app.test_client().post("/login", data=typed).status_code == 303
        assert hers.get("/settings").status_code == 303  # the old sessions stay ended
        assert trail(cleo) == [
            ("person.disabled", f"user:{olive.id}", "Sends spam"),
            ("person.enabled", f"user:{olive.id}", "It was her brother"),
        ]

    def test_signing_somebody_out_ends_their_sessions(self, app: Flask, desk: FlaskClient, cleo: User) -> None:
        hers = sign_in_as(app.test_client(), cleo)
        assert act(desk, cleo, "sessions/revocation") == 303
        assert hers.get("/settings").status_code == 303
        assert [one[0] for one in trail(cleo)] == ["person.signed-out"]

    def test_a_lost_authenticator_is_switched_off(self, desk: FlaskClient, cleo: User, clock: ManualClock) -> None:
        with transaction(SYSTEM) as session:
            session.add(
                SecondFactor(user_id=cleo.id, sealed_secret=b"x", created_at=clock.now(), confirmed_at=clock.now())
            )
        assert "Switch the code off" in desk.get(f"/admin/people/{cleo.id}").text
        assert act(desk, cleo, "second-factor/removal") == 303
        assert [one[0] for one in trail(cleo)] == ["second-factor.off"]
        assert act(desk, cleo, "second-factor/removal") == 409

    @pytest.mark.parametrize("what", ACTS)
    @pytest.mark.parametrize("reason", ["", "   ", "x" * 301, "a\u202eb"])
    def test_nothing_is_done_without_a_reason(self, desk: FlaskClient, cleo: User, what: str, reason: str) -> None:
        assert act(desk, cleo, what, reason) == 422
        assert trail(cleo) == []

    def test_operators_are_not_shut_out_from_a_page(self, desk: FlaskClient, olive: User) -> None:
        other = make_user("Otto", is_operator=True)
        assert act(desk, other, "disablement") == 409
        assert act(desk, olive, "disablement") == 409

    @pytest.mark.parametrize("what", ACTS)
    def test_nobody_else_acts(self, app: Flask, client: FlaskClient, cleo: User, dan: User, what: str) -> None:
        assert act(client, cleo, what) == 303  # to the sign-in page
        assert act(sign_in_as(client, dan), cleo, what) == 403
        assert trail(cleo) == []

    @pytest.mark.parametrize("what", ACTS)
    def test_nobody_at_all_is_not_found(self, desk: FlaskClient, what: str) -> None:
        assert desk.post(f"/admin/people/999999/{what}", data={"reason": "Why"}).status_code == 404
        assert desk.get("/admin/people/999999").status_code == 404

    def test_the_page_shows_what_was_done(self, desk: FlaskClient, cleo: User) -> None:
        act(desk, cleo, "disablement", "Sends spam")
        page = desk.get(f"/admin/people/{cleo.id}").text
        for said in ("Harbour (Owner)", "Shut out", "Sends spam", "person.disabled"):
            assert said in page


class TestCommands:
    def test_appointing_and_dismissing_is_done_by_command_and_counts_at_once(
        self, app: Flask, client: FlaskClient, cleo: User
    ) -> None:
        hers = sign_in_as(client, cleo)
        assert hers.get("/admin/people").status_code == 403
        run = app.test_cli_runner().invoke
        done = run(args=["people", "appoint", "cleo@example.com", "--reason", "Joins the office"])
        assert done.exit_code == 0, done.output
        assert "is appointed" in done.output
        assert hers.get("/admin/people").status_code == 200
        assert "was already appointed" in run(args=["people", "appoint", "cleo@example.com", "--reason", "x"]).output
        assert run(args=["people", "dismiss", "CLEO@example.com", "--reason", "Leaves"]).exit_code == 0
        assert hers.get("/admin/people").status_code == 403
        assert [(action, reason) for action, _, reason in trail(cleo)] == [
            ("operator.appointed", "Joins the office"),
            ("operator.dismissed", "Leaves"),
        ]
        assert all(actor.startswith("command:") for _, actor, _ in trail(cleo))

    def test_an_address_nobody_has_confirmed_is_refused(self, app: Flask) -> None:
        make_user("Mira", email="mira@example.com", email_confirmed_at=None)
        for address in ("mira@example.com", "nobody@example.com", ""):
            done = app.test_cli_runner().invoke(args=["people", "appoint", address, "--reason", "x"])
            assert done.exit_code == 1
            assert "Nobody has confirmed" in done.output

    def test_a_reason_is_needed(self, app: Flask, cleo: User) -> None:
        for options in ([], ["--reason", " "]):
            assert app.test_cli_runner().invoke(args=["people", "dismiss", cleo.email, *options]).exit_code == 2

    def test_a_checked_organisation_carries_a_mark_and_loses_it_again(self, app: Flask) -> None:
        harbour = make_organisation("Harbour Goods")
        run = app.test_cli_runner().invoke
        done = run(args=["organisations", "verify", harbour.slug, "--reason", "Register extract of 3 March"])
        assert done.output == "Harbour Goods is verified.\n"
        assert "was already verified" in run(args=["organisations", "verify", harbour.slug, "--reason", "x"]).output
        with scoped(SYSTEM):
            assert get_organisation(harbour.id).is_verified
        assert run(args=["organisations", "unverify", harbour.slug, "--reason", "Sold"]).exit_code == 0
        with scoped(SYSTEM) as session:
            assert not get_organisation(harbour.id).is_verified
            kept = session.scalars(select(AuditEntry.action).where(AuditEntry.subject == f"organisation:{harbour.id}"))
            assert [action for action in kept if "verified" in action] == [
                "organisation.verified",
                "organisation.unverified",
            ]

    def test_nobody_is_verified_without_a_reason_or_under_a_wrong_address(self, app: Flask) -> None:
        run = app.test_cli_runner().invoke
        assert run(args=["organisations", "verify", "nowhere", "--reason", " "]).exit_code == 2
        done = run(args=["organisations", "verify", "nowhere", "--reason", "x"])
        assert (done.exit_code, "no organisation at nowhere" in done.output) == (1, True)
