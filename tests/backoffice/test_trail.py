"""The trail on operators' screens: names, filters in the address, true totals, one act whole, CSV that cannot run."""

from __future__ import annotations

import csv
import io
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs import drain
from portal.identity.models import Organisation, User
from tests.audit.conftest import Owner, owner
from tests.backoffice.conftest import act
from tests.factories import make_api
from tests.sign_in import sign_in_as

__all__ = ["owner"]


def subjects(page: str) -> list[str]:
    """Return what the acts of a page are on, in order."""
    return re.findall(r'data-label="Concerning"><span><a href="[^"]*subject=([^"&]+)"', page.replace("%3A", ":"))


@pytest.fixture
def trail(cleo: User, olive: User, harbour: Organisation) -> None:
    api = make_api(harbour, "Tides")
    who = f"user:{olive.id}"
    act("person.disabled", f"user:{cleo.id}", actor=who, reason="Chargebacks, ticket 4711", after={"sessions_ended": 2})
    act("api.publish", f"api:{api.id}", actor=f"user:{cleo.id}", organisation_id=harbour.id)
    act("organisation.verified", f"organisation:{harbour.id}", actor="command:root", organisation_id=harbour.id)
    act("code.made", "code:9", actor="command:root", reason="Spring", after={"percent_off": "20", "code": "SPRING"})


class TestList:
    def test_newest_first_with_names_instead_of_numbers(self, desk: FlaskClient, trail: None, cleo: User) -> None:
        page = desk.get("/admin/audit").text
        assert subjects(page) == ["code:9", "organisation:2", "api:1", f"user:{cleo.id}"]
        for name in (">Olive<", ">Cleo<", ">Tides<", ">Harbour Analytics<", "command:root", "4 acts"):
            assert name in page

    @pytest.mark.parametrize(
        ("wish", "found"),
        [
            ("actor=olive", ["user:2"]),
            ("actor=Harbour.example", ["api:1"]),
            ("actor=command:root", ["code:9", "organisation:2"]),
            ("action=api.publish", ["api:1"]),
            ("subject=user:2", ["user:2"]),
            ("subject=cleo", ["user:2"]),
            ("subject=tides", ["api:1"]),
            ("subject=harbour", ["organisation:2", "user:2"]),
            ("subject=code", ["code:9"]),
            ("organisation=harbour", ["organisation:2", "api:1"]),
            ("q=ticket+4711", ["user:2"]),
            ("q=spring", ["code:9"]),
            ("q=sessions_ended", ["user:2"]),
            ("q=%25", []),
            ("actor=command:root&q=SPRING&action=code.made", ["code:9"]),
            ("from=2000-01-02&to=2000-01-03", []),
            ("from=2000-01-02", ["code:9", "organisation:2", "api:1", "user:2"]),
            ("from=yesterday&to=2026-13-45&page=x", ["code:9", "organisation:2", "api:1", "user:2"]),
        ],
    )
    def test_filters_stand_in_the_address(self, desk: FlaskClient, trail: None, wish: str, found: list[str]) -> None:
        page = desk.get(f"/admin/audit?{wish}").text
        assert subjects(page) == found
        assert f"{len(found)} act" in page

    def test_a_day_is_included_to_its_end(self, desk: FlaskClient, trail: None, owner: Owner) -> None:
        owner("UPDATE audit_entries SET at = '2026-03-01 23:59:59.999+00' WHERE subject = 'code:9'")
        owner("UPDATE audit_entries SET at = '2026-03-02 00:00:00+00' WHERE subject <> 'code:9'")
        assert subjects(desk.get("/admin/audit?from=2026-03-01&to=2026-03-01").text) == ["code:9"]
        assert len(subjects(desk.get("/admin/audit?from=2026-03-02&to=2026-03-02").text)) == 3

    def test_pages_add_up(self, desk: FlaskClient) -> None:
        for n in range(120):
            act("test.act", f"thing:{n}")
        seen = [one for n in (1, 2, 3) for one in subjects(desk.get(f"/admin/audit?page={n}&action=test.act").text)]
        assert seen == [f"thing:{n}" for n in reversed(range(120))]
        third = desk.get("/admin/audit?page=3").text
        assert "101–120 of 120" in third
        assert "page=2" in third
        assert desk.get("/admin/audit?page=9").status_code == 200

    @pytest.mark.parametrize(
        "text", ["%", "_", "\\", "'; --", "\x00", "x" * 3000, "user:", "user:999999999999999999999"]
    )
    def test_odd_words_are_words(self, desk: FlaskClient, trail: None, text: str) -> None:
        for name in ("q", "actor", "subject", "organisation", "action"):
            assert desk.get("/admin/audit", query_string={name: text}).status_code == 200

    def test_it_is_for_operators(self, app: Flask, cleo: User, client: FlaskClient) -> None:
        assert client.get("/admin/audit").status_code == 303
        sign_in_as(client, cleo)
        for page in ("/admin", "/admin/audit", "/admin/audit.csv", "/admin/audit/1"):
            assert client.get(page).status_code == 403


class TestChain:
    def test_its_state_stands_above(self, desk: FlaskClient, trail: None, owner: Owner) -> None:
        waiting = desk.get("/admin/audit").text
        assert "0 entries, 4 wait" in waiting
        drain.seals()
        page = desk.get("/admin/audit").text
        assert "the newest 4 links, checked just now" in page
        assert re.search(r"<code>[0-9a-f]{64}</code>", page)
        owner("UPDATE audit_entries SET reason = 'No reason' WHERE id = 1")
        broken = desk.get("/admin/audit").text
        assert "Entry 1 was changed after it was sealed as number 1." in broken
        assert "Entry 1 was changed" in desk.get("/admin").text

    def test_a_complete_check_that_failed_is_said(self, desk: FlaskClient, trail: None, owner: Owner) -> None:
        owner(
            "INSERT INTO schedule_slots (job, slot, finished_at, error)"
            " VALUES ('audit trail', now(), now(), 'Entry 1 is missing')"
        )
        page = desk.get("/admin/audit").text
        assert "The last complete check failed" in page
        assert "Entry 1 is missing" in page

    def test_metrics_and_readiness_know_how_long_the_oldest_entry_waits(
        self, desk: FlaskClient, trail: None, owner: Owner
    ) -> None:
        drain.seals()
        assert gauge(desk, "portal_audit_sealed_entries") == 4
        assert gauge(desk, "portal_audit_oldest_unsealed_seconds") == 0
        act("test.act", "thing:1")
        owner("UPDATE audit_entries SET at = now() - interval '10 minutes' WHERE id = 5")
        assert 599 < gauge(desk, "portal_audit_oldest_unsealed_seconds") < 700
        assert any("audit trail: 1 entries wait" in one for one in desk.get("/ready").json["warnings"])
        assert "1 entry waits for its seal" in desk.get("/admin/audit").text


class TestEntry:
    def test_one_act_whole_with_its_seal(self, desk: FlaskClient, trail: None, cleo: User) -> None:
        unsealed = desk.get("/admin/audit/1").text
        assert "Not sealed yet" in unsealed
        drain.seals()
        page = desk.get("/admin/audit/1").text
        assert f'href="/admin/people/{cleo.id}"' in page
        assert "Chargebacks, ticket 4711" in page
        assert re.search(r"sessions_ended</th><td></td><td><ins>2</ins>", page)
        assert "Sealed as number 1. Verified just now" in page
        assert desk.get("/admin/audit/99").status_code == 404

    def test_an_entry_that_was_changed_says_so(self, desk: FlaskClient, trail: None, owner: Owner) -> None:
        drain.seals()
        owner("UPDATE audit_entries SET actor = 'user:99' WHERE id = 2")
        page = desk.get("/admin/audit/2").text
        assert "This is not what was sealed" in page
        assert "Verified just now" not in page

    def test_hostile_text_is_text(self, desk: FlaskClient) -> None:
        act("test.act", "thing:<b>", actor="<i>", reason="<script>", after={"<u>": "<s>", "deep": {"er": ["<q>"]}})
        for page in ("/admin/audit", "/admin/audit/1"):
            text = desk.get(page).text
            for tag in ("<script>", "<b>", "<i>", "<u>", "<s>", "<q>"):
                assert tag not in text.replace("<b>Mercato", "").replace('<b class="', ""), tag


class TestCsv:
    def test_it_holds_what_is_filtered(self, desk: FlaskClient, trail: None) -> None:
        answer = desk.get("/admin/audit.csv?actor=command:root")
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="audit-2026-03-10')
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["subject"] for row in rows] == ["code:9", "organisation:2"]
        assert rows[1]["subject name"] == "Harbour Analytics"
        assert rows[0]["after"] == '{"code": "SPRING", "percent_off": "20"}'

    def test_nothing_in_it_can_run(self, desk: FlaskClient) -> None:
        act("test.act", "=HYPERLINK(1)", reason="+1", actor="@x")
        (row,) = csv.DictReader(io.StringIO(desk.get("/admin/audit.csv").text))
        assert (row["subject"], row["reason"], row["actor"]) == ("'=HYPERLINK(1)", "'+1", "'@x")

    def test_all_of_many_come(self, desk: FlaskClient) -> None:
        for n in range(60):
            act("test.act", f"thing:{n}")
        assert desk.get("/admin/audit.csv").text.count("\r\n") == 61


def gauge(client: FlaskClient, name: str) -> float:
    text = client.get("/metrics", headers={"Authorization": "Bearer metrics-token-for-tests"}).text
    found = re.search(rf"^{name} (\S+)$", text, re.M)
    assert found, text
    return float(found[1])
