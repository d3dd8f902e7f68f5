"""What operators look after, on one page and in the palette; each feature says it itself."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale

from jobs.schedule import TIMETABLE
from jobs.scheduler import run_due
from portal.backoffice.words import job_words
from portal.identity.models import User
from portal.web import duties
from tests.audit.conftest import Owner, owner
from tests.sign_in import sign_in_as

__all__ = ["owner"]


def test_every_duty_leads_to_a_page_that_opens(app: Flask, desk: FlaskClient) -> None:
    page = desk.get("/admin")
    assert page.status_code == 200
    with app.test_request_context():
        found = duties.list_duties()
    assert {"People", "Search gaps", "Audit trail"} <= {one.label for one in found}
    for one in found:
        assert one.about
        assert f'href="{one.href}"' in page.text
        assert desk.get(one.href).status_code == 200


def test_the_facts_are_of_now(desk: FlaskClient, cleo: User) -> None:
    assert "2 people" in desk.get("/admin").text
    desk.post(f"/admin/people/{cleo.id}/disablement", data={"reason": "Ticket 4711: chargebacks"})
    assert "2 people · 1 shut out" in desk.get("/admin").text


def test_only_operators_find_it(desk: FlaskClient, app: Flask, cleo: User) -> None:
    other = sign_in_as(app.test_client(), cleo)
    assert 'href="/admin"' in desk.get("/").text
    assert 'href="/admin' not in other.get("/").text
    assert '"/admin/audit"' in desk.get("/find?q=audit").text
    assert '"/admin/audit"' not in other.get("/find?q=audit").text


def test_the_timetable_stands_there_and_a_failure_is_said(app: Flask, desk: FlaskClient, owner: Owner) -> None:
    assert "is a scheduler running?" in desk.get("/admin").text
    assert "audit trail" in run_due(app)
    owner("UPDATE schedule_slots SET error = NULL")  # nobody is there whose events could be looked for
    assert ">failed<" not in desk.get("/admin").text
    owner("UPDATE schedule_slots SET error = 'no luck' WHERE job = 'sessions'")
    page = desk.get("/admin").text
    assert page.count(">failed<") == 1
    assert "<code>no luck</code>" in page


def test_the_desk_speaks_german(desk: FlaskClient) -> None:
    desk.set_cookie("locale", "de")
    for page, words in (("", "Zeitplan"), ("/audit", "Vollständige Prüfung"), ("/metrics", "Testphasen")):
        assert words in desk.get(f"/admin{page}").text


@pytest.mark.parametrize("job", [entry.name for entry in TIMETABLE])
def test_every_job_of_the_timetable_says_what_it_does(app: Flask, job: str) -> None:
    for language in ("en", "de"):
        with app.test_request_context(), force_locale(language):
            assert job_words(job) != job
