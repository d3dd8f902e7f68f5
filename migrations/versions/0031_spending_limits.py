"""A buyer's own limit of money per period, and the calls it stands for, which gateways stop at."""

from alembic import op

revision = "0031"
down_revision = "0030"

_CREDENTIALS = """
    CREATE OR REPLACE VIEW gateway_credentials WITH (security_invoker = true) AS
    SELECT k.id AS key_id, k.public_id, k.key_hash, k.expires_at, k.account_id, k.subscription_id,
           a.id AS api_id, o.slug AS organisation_slug, a.slug AS api_slug,
           s.status, pl.code AS plan_code, pl.requests_per_minute,
           pr.included_quantity, pr.usage_model IS NOT NULL AS is_billed_beyond,
           s.current_period_start AS period_start, s.current_period_end AS period_end,
           s.anchor_at, pr.interval, pr.interval_count,
           lower(w.span) AS valid_from, upper(w.span) AS valid_to{more}
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
    WHERE k.revoked_at IS NULL
"""


def upgrade() -> None:
    op.execute("""
        ALTER TABLE subscriptions ADD COLUMN spending_limit BIGINT, ADD COLUMN spending_calls BIGINT,
            ADD CONSTRAINT subscriptions_spending CHECK (
                (spending_limit IS NULL) = (spending_calls IS NULL) AND spending_limit >= 0 AND spending_calls >= 0);
        CREATE INDEX subscriptions_limited ON subscriptions (id) WHERE spending_limit IS NOT NULL;
        ALTER TABLE purchases ADD COLUMN spending_limit BIGINT,
            ADD CONSTRAINT purchases_spending CHECK (spending_limit >= 0);
    """)
    # What no volume reaches (portal/subscriptions/spending.py: UNREACHED) stops nobody.
    more = ", s.spending_limit, NULLIF(s.spending_calls, 1000000000000) AS spending_calls, pr.currency"
    op.execute(_CREDENTIALS.format(more=more))
    # Who has a limit may see how near it is; the gateway alone counts.
    op.execute("""
        GRANT SELECT ON quota_counters TO portal_app;
        ALTER TABLE quota_counters ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
        CREATE POLICY quota_counters_own ON quota_counters FOR SELECT TO portal_app
            USING (EXISTS (SELECT FROM subscriptions s WHERE s.id = subscription_id));
        CREATE POLICY quota_counters_system ON quota_counters TO portal_system USING (true) WITH CHECK (true);
    """)


def downgrade() -> None:
    op.execute("""
        DROP POLICY quota_counters_own ON quota_counters;
        DROP POLICY quota_counters_system ON quota_counters;
        ALTER TABLE quota_counters DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY;
        REVOKE ALL ON quota_counters FROM portal_app;
        DROP VIEW gateway_credentials;
    """)
    op.execute(_CREDENTIALS.format(more=""))
    op.execute("""
        REVOKE ALL ON gateway_credentials FROM portal_app, portal_system;
        GRANT SELECT ON gateway_credentials TO portal_system;
        ALTER TABLE purchases DROP CONSTRAINT purchases_spending, DROP COLUMN spending_limit;
        ALTER TABLE subscriptions DROP CONSTRAINT subscriptions_spending,
            DROP COLUMN spending_limit, DROP COLUMN spending_calls;
    """)
