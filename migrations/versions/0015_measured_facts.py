"""What is measured about each API: calls that reached the provider, those it failed, and how long they took."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE api_facts (
            api_id BIGINT NOT NULL,
            asof TIMESTAMPTZ NOT NULL,
            calls_30d BIGINT NOT NULL,
            failures_30d BIGINT NOT NULL,
            calls_90d BIGINT NOT NULL,
            failures_90d BIGINT NOT NULL,
            p95_ms BIGINT,
            daily BIGINT[] NOT NULL,
            PRIMARY KEY (api_id),
            FOREIGN KEY(api_id) REFERENCES apis (id) ON DELETE CASCADE
        );
        REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON api_facts FROM portal_app;
    """)
    op.execute("""
        ALTER TABLE apis ADD COLUMN uptime_ppm BIGINT, ADD COLUMN p95_ms BIGINT;
        CREATE INDEX apis_reliable ON apis (uptime_ppm DESC NULLS LAST, calls_30d DESC, id DESC)
            WHERE state IN ('published', 'deprecated');
        CREATE INDEX apis_fast ON apis (p95_ms, calls_30d DESC, id DESC) WHERE state IN ('published', 'deprecated');
    """)


def downgrade() -> None:
    op.execute("DROP TABLE api_facts")
    op.execute("ALTER TABLE apis DROP COLUMN uptime_ppm, DROP COLUMN p95_ms")
