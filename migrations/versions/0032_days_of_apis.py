"""Sums of an API's days over all its subscribers, and the days whose sums no longer hold."""

from alembic import op

revision = "0032"
down_revision = "0031"

# What each statement adds to the daily rows, and what it takes away; a changed row does both.
_CHANGES = (
    ("inserted", "INSERT", "NEW"),
    ("deleted", "DELETE", "OLD"),
    ("left", "UPDATE", "OLD"),
    ("came", "UPDATE", "NEW"),
)


def upgrade() -> None:
    op.execute("""
        CREATE TABLE usage_dirty_api_days (
            api_id BIGINT NOT NULL,
            day TIMESTAMPTZ NOT NULL,
            generation BIGINT DEFAULT 1 NOT NULL,
            dirty_since TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (api_id, day)
        );
        CREATE INDEX usage_dirty_api_days_oldest ON usage_dirty_api_days (dirty_since);
        CREATE TABLE usage_records_api_daily (
            api_id BIGINT NOT NULL,
            day TIMESTAMPTZ NOT NULL,
            asked_calls BIGINT NOT NULL,
            failed_calls BIGINT NOT NULL,
            subscriptions BIGINT NOT NULL,
            latency_buckets SMALLINT[] NOT NULL,
            asked_counts BIGINT[] NOT NULL,
            computed_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (api_id, day)
        );
        REVOKE ALL ON usage_dirty_api_days, usage_records_api_daily FROM portal_app;
    """)
    # A trigger, because the version before this one goes on summing beside it, and would mark nothing.
    op.execute("""
        CREATE FUNCTION usage_api_days_changed() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
        BEGIN
            INSERT INTO usage_dirty_api_days (api_id, day)
            SELECT DISTINCT api_id, day FROM changed ORDER BY 1, 2
            ON CONFLICT (api_id, day) DO UPDATE SET generation = usage_dirty_api_days.generation + 1;
            RETURN NULL;
        END $$;
    """)
    # From here to the commit no sums are made, so that what is filled below and what is marked later leave no gap.
    # Calls are taken in and pages are read meanwhile.
    for name, event, side in _CHANGES:
        op.execute(f"""
            CREATE TRIGGER usage_records_daily_{name} AFTER {event} ON usage_records_daily
                REFERENCING {side} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION usage_api_days_changed()
        """)
    op.execute("""
        INSERT INTO usage_records_api_daily
            (api_id, day, asked_calls, failed_calls, subscriptions, latency_buckets, asked_counts)
        SELECT api_id, day, asked, failed, subscriptions, coalesce(buckets, '{}'), coalesce(counts, '{}') FROM (
            SELECT api_id, day, sum(asked_calls) AS asked, sum(failed_calls) AS failed,
                count(DISTINCT subscription_id) AS subscriptions
            FROM usage_records_daily GROUP BY 1, 2
        ) AS sums LEFT JOIN (
            SELECT api_id, day, array_agg(bucket ORDER BY bucket) AS buckets, array_agg(asked ORDER BY bucket) AS counts
            FROM (
                SELECT api_id, day, pair.bucket, sum(pair.asked)::bigint AS asked
                FROM usage_records_daily, unnest(latency_buckets, asked_counts) AS pair (bucket, asked)
                WHERE pair.asked > 0 GROUP BY 1, 2, 3
            ) AS by_bucket GROUP BY 1, 2
        ) AS histograms USING (api_id, day)
    """)


def downgrade() -> None:
    for name, _event, _side in _CHANGES:
        op.execute(f"DROP TRIGGER usage_records_daily_{name} ON usage_records_daily")
    op.execute("DROP FUNCTION usage_api_days_changed()")
    op.execute("DROP TABLE usage_records_api_daily, usage_dirty_api_days")
