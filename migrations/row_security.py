"""Row level security for a table: the third wall between tenants.

`portal_app` serves people and sees only the rows that a policy admits. `portal_system` serves workers and
operators. Both are roles without login that every transaction takes on (`portal/db.py`); neither owns a table
nor may bypass the policies, so a forgotten WHERE shows nothing instead of everything.
"""

from __future__ import annotations

from alembic import op

_SETTING = {
    "organisation_id": "NULLIF(current_setting('app.organisation_id', true), '')::bigint",
    "account_id": "NULLIF(current_setting('app.account_id', true), '')::bigint",
    "project_id": "NULLIF(current_setting('app.project_id', true), '')::bigint",
    "user_id": "NULLIF(current_setting('app.user_id', true), '')::bigint",
}


def current(column: str) -> str:
    """Return the SQL of the current principal's value for a tenant column; NULL, which equals nothing, when unset."""
    return _SETTING[column]


def protect(table: str, column: str, *, or_when: str | None = None, forced: bool = True) -> None:
    """Admit `portal_app` to the rows whose `column` is the principal's; `or_when` adds rows that may be read only."""
    own = f"{column} = {current(column)}"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    if forced:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY {table}_own ON {table} TO portal_app USING ({own}) WITH CHECK ({own})")
    if or_when:
        op.execute(f"CREATE POLICY {table}_readable ON {table} FOR SELECT TO portal_app USING ({or_when})")
    op.execute(f"CREATE POLICY {table}_system ON {table} TO portal_system USING (true) WITH CHECK (true)")


def append_only(table: str) -> None:
    """Refuse changing, removing and truncating rows, by grant and by trigger."""
    op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM portal_app, portal_system")
    op.execute(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION portal_refuse_change()"
    )
    op.execute(f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION portal_refuse_change()")
