"""The third wall: what PostgreSQL itself refuses, read from its own catalogue."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import text

from portal.db import SYSTEM, db, scoped

# Tables that everybody may read although a column names an organisation, each with its reason.
OPEN = {
    "projects": "names and ids of products; no tenant's data",
    "products": "what is for sale is public",
    "catalog_counts": "sums over what is listed, which everybody may count; written by triggers alone",
    "apis": "the catalogue is public; drafts are filtered by the queries and by a policy where one exists",
}


@pytest.fixture
def catalogue(app: Flask) -> Flask:
    return app


def rows(statement: str) -> list[tuple[object, ...]]:
    with scoped(SYSTEM) as session:
        return [tuple(row) for row in session.execute(text(statement))]


@pytest.mark.usefixtures("catalogue")
def test_every_tenant_table_has_forced_row_level_security() -> None:
    exposed = rows(
        "SELECT DISTINCT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND NOT a.attisdropped"
        " AND a.attname IN ('organisation_id', 'account_id', 'user_id') AND NOT c.relispartition"
        " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
    )
    assert sorted(str(name) for (name,) in exposed if name not in OPEN) == []


@pytest.mark.usefixtures("catalogue")
def test_the_roles_of_requests_and_workers_cannot_get_around_the_policies() -> None:
    found = rows("SELECT rolname, rolsuper, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname LIKE 'portal\\_%'")
    assert sorted(found) == [("portal_app", False, False, False), ("portal_system", False, False, False)]
    owned = rows(
        "SELECT relname FROM pg_class JOIN pg_roles r ON r.oid = relowner"
        " WHERE r.rolname IN ('portal_app', 'portal_system')"
    )
    assert owned == []


@pytest.mark.usefixtures("catalogue")
def test_every_policy_for_requests_looks_at_the_principal_or_at_what_is_public() -> None:
    careless = rows(
        "SELECT tablename, policyname FROM pg_policies WHERE 'portal_app' = ANY (roles)"
        " AND cmd <> 'SELECT' AND coalesce(qual, with_check) NOT LIKE '%current_setting%'"
    )
    assert careless == []


@pytest.mark.usefixtures("catalogue")
def test_requests_may_not_promote_people_or_read_sign_in_attempts() -> None:
    may = rows(
        "SELECT has_column_privilege('portal_app', 'users', 'is_operator', 'UPDATE'),"
        " has_table_privilege('portal_app', 'users', 'INSERT'),"
        " has_table_privilege('portal_app', 'sign_in_attempts', 'SELECT')"
    )
    assert may == [(False, False, False)]


@pytest.mark.usefixtures("catalogue")
def test_a_view_shows_no_more_than_its_reader_may_see() -> None:
    """A view runs with its owner's eyes unless told otherwise; the gateway's two are for the gateway alone."""
    views = rows(
        "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('v', 'm') AND c.relnamespace = 'public'::regnamespace"
        " AND NOT coalesce(c.reloptions::text LIKE '%security_invoker=true%', false)"
        " AND has_table_privilege('portal_app', c.oid, 'SELECT')"
    )
    assert views == []


def test_the_request_role_is_taken_on_in_every_transaction(app: Flask) -> None:
    with scoped(SYSTEM) as session:
        assert session.execute(text("SELECT current_user")).scalar() == "portal_system"
    with db.engine.connect() as plain:
        assert plain.execute(text("SELECT current_user")).scalar() not in ("portal_app", "portal_system")
