"""What is measured about each API: calls that reached the provider, those it failed, and how long they took."""

from alembic import op

revision = "0030"
down_revision = "0011"


def upgrade() -> None:
    # Defaults instead of a rewrite; the hours below are summed again by the worker, which fills them.
    for table in ("usage_records_hourly", "usage_records_daily"):
        op.execute(f"""
            ALTER TABLE {table}
                ADD COLUMN upstream_calls BIGINT DEFAULT 0 NOT NULL,
                ADD COLUMN upstream_failures BIGINT DEFAULT 0 NOT NULL,
                ADD COLUMN upstream_counts BIGINT[] DEFAULT '{{}}' NOT NULL
        """)
    # As the system: the log's policies bind its owner too. Only hours that the log still holds.
    op.execute("SET LOCAL ROLE portal_system")
    op.execute("""
        INSERT INTO usage_dirty_hours (hour, subscription_id, account_id)
        SELECT date_trunc('hour', started_at, 'UTC'), subscription_id, max(account_id) FROM api_requests_log
        WHERE account_id IS NOT NULL AND started_at > now() - interval '91 days' GROUP BY 1, 2
        ON CONFLICT (hour, subscription_id) DO UPDATE SET generation = usage_dirty_hours.generation + 1
    """)
    op.execute("RESET ROLE")

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
    for table in ("usage_records_hourly", "usage_records_daily"):
        op.execute(
            f"ALTER TABLE {table} DROP COLUMN upstream_calls, DROP COLUMN upstream_failures, DROP COLUMN upstream_counts"
        )
