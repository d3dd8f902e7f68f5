"""API keys, quota counters, and what a gateway reads: two views and a channel that tells it what changed."""

from alembic import op

from migrations.row_security import protect

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE api_keys (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            account_id BIGINT NOT NULL,
            subscription_id BIGINT NOT NULL,
            name TEXT NOT NULL,
            prefix TEXT DEFAULT 'mk_test' NOT NULL,
            public_id TEXT NOT NULL,
            key_hash BYTEA NOT NULL,
            last_four TEXT NOT NULL,
            created_by BIGINT,
            created_at TIMESTAMPTZ NOT NULL,
            expires_at TIMESTAMPTZ,
            revoked_at TIMESTAMPTZ,
            last_used_at TIMESTAMPTZ,
            admitted_at TIMESTAMPTZ,
            sealed_text BYTEA,
            PRIMARY KEY (id),
            FOREIGN KEY(account_id) REFERENCES accounts (id),
            FOREIGN KEY(subscription_id) REFERENCES subscriptions (id),
            UNIQUE (public_id),
            CONSTRAINT api_keys_name CHECK (char_length(name) BETWEEN 1 AND 100),
            FOREIGN KEY(created_by) REFERENCES users (id)
        );
        CREATE INDEX ix_api_keys_account_id ON api_keys (account_id);
        CREATE INDEX ix_api_keys_subscription_id ON api_keys (subscription_id);
    """)

    op.execute("""
        CREATE TABLE quota_counters (
            subscription_id BIGINT NOT NULL,
            period_start TIMESTAMPTZ NOT NULL,
            used BIGINT DEFAULT 0 NOT NULL,
            updated_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (subscription_id, period_start),
            CONSTRAINT quota_counters_used CHECK (used >= 0),
            FOREIGN KEY(subscription_id) REFERENCES subscriptions (id)
        );
    """)

    protect("api_keys", "account_id")
    op.execute("REVOKE ALL ON quota_counters FROM portal_app")
    _create_views()
    _create_channel()


def _create_views() -> None:
    # A key stays in the view while it is not revoked, so that a refusal can say why: no window means that no
    # entitlement supports it. Adjoining windows (this period, the next one, a grace) are merged into one.
    op.execute("""
        CREATE VIEW gateway_routes WITH (security_invoker = true) AS
        SELECT a.id AS api_id, o.slug AS organisation_slug, a.slug AS api_slug, a.state, a.upstream_url
        FROM apis a JOIN organisations o ON o.id = a.organisation_id
        WHERE a.state IN ('published', 'deprecated') AND a.upstream_url IS NOT NULL;

        CREATE VIEW gateway_credentials WITH (security_invoker = true) AS
        SELECT k.id AS key_id, k.public_id, k.key_hash, k.expires_at, k.account_id, k.subscription_id,
               a.id AS api_id, o.slug AS organisation_slug, a.slug AS api_slug,
               s.status, pl.code AS plan_code, pl.requests_per_minute,
               pr.included_quantity, pr.usage_model IS NOT NULL AS is_billed_beyond,
               s.current_period_start AS period_start, s.current_period_end AS period_end,
               s.anchor_at, pr.interval, pr.interval_count,
               lower(w.span) AS valid_from, upper(w.span) AS valid_to
        FROM api_keys k
        JOIN subscriptions s ON s.id = k.subscription_id AND s.account_id = k.account_id
        JOIN products p ON p.id = s.product_id
        JOIN apis a ON a.product_id = p.id
        JOIN organisations o ON o.id = a.organisation_id
        JOIN plans pl ON pl.id = s.plan_id
        JOIN prices pr ON pr.id = s.price_id
        LEFT JOIN LATERAL (
            SELECT spans.span
            FROM (
                SELECT unnest(range_agg(tstzrange(e.valid_from, e.valid_to, '[)'))) AS span
                FROM entitlements e
                WHERE e.account_id = k.account_id AND e.feature_id = p.feature_id AND e.revoked_at IS NULL
            ) spans
            ORDER BY spans.span @> clock_timestamp() DESC, lower(spans.span) > clock_timestamp() DESC,
                     CASE WHEN lower(spans.span) > clock_timestamp() THEN lower(spans.span) END,
                     upper(spans.span) DESC
            LIMIT 1
        ) w ON true
        WHERE k.revoked_at IS NULL;

        REVOKE ALL ON gateway_routes, gateway_credentials FROM portal_app, portal_system;
        GRANT SELECT ON gateway_routes, gateway_credentials TO portal_system;
    """)


def _create_channel() -> None:
    # The message names what to look up again; it is sent by PostgreSQL itself at commit, so no code path can forget it.
    op.execute("""
        CREATE FUNCTION portal_tell_gateways() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE row jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
        BEGIN
            PERFORM pg_notify('gateway_changes', TG_ARGV[0] || ':' || COALESCE(row ->> TG_ARGV[1], ''));
            RETURN NULL;
        END $$;

        CREATE TRIGGER api_keys_tell_gateways AFTER INSERT OR DELETE
            OR UPDATE OF revoked_at, expires_at, key_hash, subscription_id
            ON api_keys FOR EACH ROW EXECUTE FUNCTION portal_tell_gateways('key', 'public_id');
        CREATE TRIGGER entitlements_tell_gateways AFTER INSERT OR UPDATE OR DELETE
            ON entitlements FOR EACH ROW EXECUTE FUNCTION portal_tell_gateways('account', 'account_id');
        CREATE TRIGGER subscriptions_tell_gateways AFTER UPDATE OR DELETE
            ON subscriptions FOR EACH ROW EXECUTE FUNCTION portal_tell_gateways('account', 'account_id');
        CREATE TRIGGER apis_tell_gateways AFTER INSERT OR DELETE OR UPDATE OF state, upstream_url, slug, product_id
            ON apis FOR EACH ROW EXECUTE FUNCTION portal_tell_gateways('all', 'id');
        CREATE TRIGGER organisations_tell_gateways AFTER UPDATE OF slug
            ON organisations FOR EACH ROW EXECUTE FUNCTION portal_tell_gateways('all', 'id');
        CREATE TRIGGER products_tell_gateways AFTER UPDATE OF feature_id
            ON products FOR EACH ROW EXECUTE FUNCTION portal_tell_gateways('all', 'id');
        CREATE TRIGGER plans_tell_gateways AFTER UPDATE OF requests_per_minute
            ON plans FOR EACH ROW EXECUTE FUNCTION portal_tell_gateways('all', 'id');
        CREATE TRIGGER prices_tell_gateways AFTER UPDATE OF included_quantity, usage_model
            ON prices FOR EACH ROW EXECUTE FUNCTION portal_tell_gateways('all', 'id');
    """)


def downgrade() -> None:
    op.execute("DROP VIEW gateway_routes, gateway_credentials")
    op.execute("DROP FUNCTION portal_tell_gateways() CASCADE")
    op.execute("DROP TABLE quota_counters, api_keys CASCADE")
