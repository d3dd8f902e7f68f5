"""The partitioned request log and its rollups."""

from alembic import op

from migrations.row_security import protect

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE api_request_keys (
            request_id UUID NOT NULL,
            checksum BIGINT NOT NULL,
            started_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (request_id)
        );
    """)

    op.execute("""
        CREATE TABLE api_requests_log (
            request_id UUID NOT NULL,
            started_at TIMESTAMPTZ NOT NULL,
            received_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            account_id BIGINT,
            subscription_id BIGINT,
            api_id BIGINT,
            api_key_id BIGINT,
            method TEXT NOT NULL,
            path TEXT NOT NULL,
            status SMALLINT NOT NULL,
            source TEXT NOT NULL,
            latency_ms BIGINT NOT NULL,
            upstream_ms BIGINT,
            bytes_in BIGINT NOT NULL,
            bytes_out BIGINT NOT NULL,
            billable BOOLEAN NOT NULL,
            decision TEXT,
            client_ip TEXT,
            CONSTRAINT api_requests_log_pkey PRIMARY KEY (started_at, request_id)
        )
         PARTITION BY RANGE (started_at);
        CREATE INDEX api_requests_log_subscription ON api_requests_log (subscription_id, started_at DESC);
    """)

    op.execute("""
        CREATE TABLE quarantined_log_entries (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            received_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            reason TEXT NOT NULL,
            entry JSONB NOT NULL,
            PRIMARY KEY (id)
        );
    """)

    op.execute("""
        CREATE TABLE usage_dirty_hours (
            hour TIMESTAMPTZ NOT NULL,
            subscription_id BIGINT NOT NULL,
            account_id BIGINT NOT NULL,
            generation BIGINT DEFAULT 1 NOT NULL,
            dirty_since TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (hour, subscription_id)
        );
        CREATE INDEX usage_dirty_hours_oldest ON usage_dirty_hours (dirty_since);
    """)

    op.execute("""
        CREATE TABLE usage_records_daily (
            subscription_id BIGINT NOT NULL,
            day TIMESTAMPTZ NOT NULL,
            api_key_id BIGINT NOT NULL,
            account_id BIGINT NOT NULL,
            api_id BIGINT NOT NULL,
            calls BIGINT NOT NULL,
            billable_calls BIGINT NOT NULL,
            errors BIGINT NOT NULL,
            latency_ms_sum BIGINT NOT NULL,
            latency_buckets SMALLINT[] NOT NULL,
            latency_counts BIGINT[] NOT NULL,
            bytes_out BIGINT NOT NULL,
            last_call_at TIMESTAMPTZ NOT NULL,
            computed_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            CONSTRAINT usage_records_daily_pkey PRIMARY KEY (subscription_id, day, api_key_id)
        );
        CREATE INDEX usage_records_daily_account ON usage_records_daily (account_id, day);
        CREATE INDEX usage_records_daily_api ON usage_records_daily (api_id, day);
    """)

    op.execute("""
        CREATE TABLE usage_records_hourly (
            subscription_id BIGINT NOT NULL,
            hour TIMESTAMPTZ NOT NULL,
            api_key_id BIGINT NOT NULL,
            account_id BIGINT NOT NULL,
            api_id BIGINT NOT NULL,
            calls BIGINT NOT NULL,
            billable_calls BIGINT NOT NULL,
            errors BIGINT NOT NULL,
            latency_ms_sum BIGINT NOT NULL,
            latency_buckets SMALLINT[] NOT NULL,
            latency_counts BIGINT[] NOT NULL,
            bytes_out BIGINT NOT NULL,
            last_call_at TIMESTAMPTZ NOT NULL,
            computed_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            CONSTRAINT usage_records_hourly_pkey PRIMARY KEY (subscription_id, hour, api_key_id)
        );
        CREATE INDEX usage_records_hourly_account ON usage_records_hourly (account_id, hour);
        CREATE INDEX usage_records_hourly_api ON usage_records_hourly (api_id, hour);
    """)

    op.execute("CREATE TABLE api_requests_log_default PARTITION OF api_requests_log DEFAULT")
    # COPY is refused on a table with row security, so the loader writes to the leaves. Their wall is the grant:
    # only portal_system may touch a leaf; everybody else reads through the parent and its policies.
    op.execute("REVOKE ALL ON api_requests_log_default, api_request_keys, quarantined_log_entries FROM portal_app")
    op.execute(ADD_PARTITION)
    op.execute("REVOKE ALL ON FUNCTION portal_add_log_partition(date) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION portal_add_log_partition(date) TO portal_system")
    for table in ("api_requests_log", "usage_records_hourly", "usage_records_daily", "usage_dirty_hours"):
        protect(table, "account_id")


# Runs with the rights of the schema's owner, because a worker (portal_system) owns no table. Rows that waited in
# the default partition move into the month; the lock on it keeps new ones out while they do.
ADD_PARTITION = """
    CREATE FUNCTION portal_add_log_partition(month date) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
    DECLARE
        opens timestamptz := date_trunc('month', month::timestamp);
        closes timestamptz := opens + interval '1 month';
        leaf text := 'api_requests_log_' || to_char(opens, 'YYYY_MM');
        moved bigint;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtext('api_requests_log partitions'));
        IF to_regclass(leaf) IS NOT NULL THEN RETURN NULL; END IF;
        EXECUTE format('CREATE TABLE %I (LIKE api_requests_log INCLUDING ALL)', leaf);
        EXECUTE format('REVOKE ALL ON %I FROM PUBLIC, portal_app, portal_system', leaf);
        EXECUTE format('GRANT SELECT, INSERT ON %I TO portal_system', leaf);
        LOCK TABLE api_requests_log_default IN ACCESS EXCLUSIVE MODE;
        EXECUTE format('WITH waiting AS (DELETE FROM api_requests_log_default WHERE started_at >= %L AND started_at < %L'
                       ' RETURNING *) INSERT INTO %I SELECT * FROM waiting', opens, closes, leaf);
        GET DIAGNOSTICS moved = ROW_COUNT;
        EXECUTE format('ALTER TABLE api_requests_log ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', leaf, opens, closes);
        RETURN moved;
    END $$
"""


def downgrade() -> None:
    op.execute(
        "DROP TABLE usage_records_hourly, usage_records_daily, usage_dirty_hours, quarantined_log_entries, api_requests_log, api_request_keys CASCADE"
    )
    op.execute("DROP FUNCTION portal_add_log_partition(date)")
