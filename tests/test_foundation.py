"""The application stands: probes answer, errors are dressed, the database keeps tenants apart."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from portal.audit.models import AuditEntry
from portal.audit.service import record
from portal.db import PUBLIC, SYSTEM, NestedTransaction, Scope, db, scoped, system_row, transaction
from portal.projects.models import Account
from tests.factories import make_account, make_organisation


def test_health_answers_what_the_earlier_service_answered(client: FlaskClient) -> None:
    assert client.get("/health").get_json() == {"status": "ok"}


def test_ready_names_each_dependency(client: FlaskClient) -> None:
    answer = client.get("/ready")
    assert answer.status_code == 200
    assert answer.get_json()["checks"] == {"database": "ok", "redis": "ok", "draining": False}


def test_unknown_api_path_is_problem_json_with_the_request_id(client: FlaskClient) -> None:
    answer = client.get("/api/nope", headers={"X-Request-Id": "abcdef123456"})
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"
    assert answer.get_json()["request_id"] == "abcdef123456"


def test_every_answer_carries_a_policy_without_inline_code(client: FlaskClient) -> None:
    policy = client.get("/health").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_metrics_want_their_token(client: FlaskClient) -> None:
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer metrics-token-for-tests"}).status_code == 200


def test_answers_are_counted_without_words_of_the_caller(client: FlaskClient) -> None:
    def counted() -> dict[str, float]:
        text = client.get("/metrics", headers={"Authorization": "Bearer metrics-token-for-tests"}).get_data(
            as_text=True
        )
        lines = [line.rpartition(" ") for line in text.splitlines() if line.startswith("portal_http_")]
        return {name: float(value) for name, _, value in lines}

    live = 'portal_http_requests_total{endpoint="health.live",method="GET",status="200"}'
    took = 'portal_http_request_seconds_count{endpoint="health.live"}'
    before = counted()
    client.get("/live")
    client.open("/no/such/page-of-mine", method="MADEUP")
    after = counted()
    assert after[live] == before.get(live, 0) + 1
    assert after[took] == before.get(took, 0) + 1
    assert not [name for name in after if "MADEUP" in name or "page-of-mine" in name]


@pytest.mark.usefixtures("app")
def test_a_tenant_sees_only_their_own_rows_and_a_stranger_none() -> None:
    ours, theirs = make_organisation(), make_organisation()
    make_account(ours)
    make_account(theirs)

    def visible(scope: Scope) -> int:
        with scoped(scope) as session:
            return len(session.scalars(select(Account)).all())

    assert visible(Scope(organisation_id=ours.id)) == 1
    assert visible(PUBLIC) == 0
    assert visible(SYSTEM) == 2


@pytest.mark.usefixtures("app")
def test_a_tenant_cannot_write_a_row_for_somebody_else() -> None:
    ours, theirs = make_organisation(), make_organisation()
    with pytest.raises(DBAPIError, match="row-level security"), transaction(Scope(organisation_id=ours.id)) as session:
        session.add(Account(project_id=1, organisation_id=theirs.id, external_id="x", kind="org"))
        session.flush()


@pytest.mark.usefixtures("app")
def test_the_audit_trail_cannot_be_changed_even_by_the_system() -> None:
    with transaction(SYSTEM):
        record("test.act", "thing:1", actor="user:1")
    with pytest.raises(DBAPIError, match=r"permission denied|append-only"), transaction(SYSTEM) as session:
        session.execute(AuditEntry.__table__.update().values(actor="somebody else"))


@pytest.mark.usefixtures("app")
def test_a_unit_of_work_inside_another_is_refused() -> None:
    with transaction(SYSTEM), pytest.raises(NestedTransaction), transaction(SYSTEM):
        pass
    assert db.session.info.get("unit_of_work") is None


@pytest.mark.usefixtures("app")
def test_nothing_is_written_outside_a_unit_of_work() -> None:
    make_organisation()
    with scoped(SYSTEM) as session, pytest.raises(DBAPIError, match="read-only transaction"):
        session.execute(text("UPDATE organisations SET name = 'Meddled'"))
    with scoped(SYSTEM) as session, pytest.raises(DBAPIError, match="read-only transaction"):
        session.add(Account(project_id=1, external_id="x", kind="org"))
        session.commit()
    with transaction(SYSTEM) as session:
        session.execute(text("UPDATE organisations SET name = 'Renamed'"))
        session.rollback()
    with scoped(SYSTEM) as session:
        assert session.scalars(text("SELECT name FROM organisations")).one() not in ("Meddled", "Renamed")


@pytest.mark.usefixtures("app")
def test_what_is_asked_again_and_again_is_planned_once() -> None:
    """The driver prepares a statement it has sent a few times; the end of a read must not make it forget."""

    def prepared() -> int:
        with scoped(SYSTEM) as session:
            return session.scalars(text("SELECT count(*) FROM pg_prepared_statements WHERE statement ~ 'asked'")).one()

    for _page in range(8):
        with scoped(SYSTEM) as session:
            session.execute(text("SELECT 'asked'"))
    with pytest.raises(NestedTransaction), transaction(SYSTEM), transaction(SYSTEM):
        pass
    with transaction(SYSTEM) as session:
        session.execute(text("SELECT 'asked'"))
    assert prepared() >= 1


@pytest.mark.usefixtures("app")
def test_one_row_is_read_as_the_system_in_one_round_trip_also_after_a_lost_connection(statements: list[str]) -> None:
    make_account(make_organisation())
    statements.clear()
    for _time in range(2):
        row = system_row(select(Account.kind, text("pg_backend_pid()")))
        assert row is not None
        assert row[0] == "org"
    assert len(statements) == 2
    with transaction(SYSTEM) as session:
        session.execute(text("SET LOCAL ROLE NONE"))  # back to who owns the test's database
        session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": row[1]})
    assert system_row(select(Account.kind)) is not None
    assert system_row(select(Account.kind).where(Account.id < 0)) is None
