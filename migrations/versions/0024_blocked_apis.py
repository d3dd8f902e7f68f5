"""APIs that operators take out of the market: neither listed nor called, until they let them in again."""

from alembic import op

revision = "0024"
down_revision = "0023"

_ROUTES = """
    CREATE OR REPLACE VIEW gateway_routes WITH (security_invoker = true) AS
    SELECT a.id AS api_id, o.slug AS organisation_slug, a.slug AS api_slug, a.state, a.upstream_url
    FROM apis a JOIN organisations o ON o.id = a.organisation_id
    WHERE a.state IN ({states}) AND a.upstream_url IS NOT NULL
"""


def upgrade() -> None:
    op.execute("""
        ALTER TABLE apis ADD COLUMN blocked_at TIMESTAMPTZ, ADD COLUMN blocked_reason TEXT, ADD COLUMN blocked_from TEXT,
            DROP CONSTRAINT apis_state,
            ADD CONSTRAINT apis_state CHECK (state IN ('draft', 'published', 'deprecated', 'retired', 'blocked')),
            ADD CONSTRAINT apis_blocked CHECK (CASE WHEN state = 'blocked'
                THEN blocked_at IS NOT NULL AND blocked_reason IS NOT NULL
                    AND COALESCE(blocked_from IN ('published', 'deprecated'), false)
                ELSE blocked_at IS NULL AND blocked_reason IS NULL AND blocked_from IS NULL END)
    """)
    # The gateway keeps knowing a blocked API, so that it can say what is the matter.
    op.execute(_ROUTES.format(states="'published', 'deprecated', 'blocked'"))


def downgrade() -> None:
    op.execute("UPDATE apis SET state = 'retired', blocked_at = NULL, blocked_reason = NULL, blocked_from = NULL"
               " WHERE state = 'blocked'")  # fmt: skip
    op.execute(_ROUTES.format(states="'published', 'deprecated'"))
    op.execute("""
        ALTER TABLE apis DROP CONSTRAINT apis_blocked, DROP CONSTRAINT apis_state,
            ADD CONSTRAINT apis_state CHECK (state IN ('draft', 'published', 'deprecated', 'retired')),
            DROP COLUMN blocked_at, DROP COLUMN blocked_reason, DROP COLUMN blocked_from
    """)
