"""Keys of apps, answers kept for repeated requests, features of plans, one-time prices, payments with refunds and disputes."""

from alembic import op

from migrations.row_security import current, protect

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE app_keys (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            app_id BIGINT NOT NULL,
            project_id BIGINT NOT NULL,
            public_id TEXT NOT NULL,
            key_hash BYTEA NOT NULL,
            last_four TEXT NOT NULL,
            created_by TEXT NOT NULL,
            created_at TIMESTAMPTZ NOT NULL,
            last_used_at TIMESTAMPTZ,
            expires_at TIMESTAMPTZ,
            revoked_at TIMESTAMPTZ,
            PRIMARY KEY (id),
            UNIQUE (public_id),
            UNIQUE (key_hash),
            FOREIGN KEY(app_id) REFERENCES apps (id),
            FOREIGN KEY(project_id) REFERENCES projects (id)
        );
        CREATE UNIQUE INDEX app_keys_one_lasting ON app_keys (app_id) WHERE expires_at IS NULL AND revoked_at IS NULL;
        CREATE INDEX app_keys_app ON app_keys (app_id);
        INSERT INTO app_keys (app_id, project_id, public_id, key_hash, last_four, created_by, created_at, last_used_at, revoked_at)
            SELECT id, project_id, public_id, key_hash, '????', 'system', created_at, last_used_at, revoked_at FROM apps;
        ALTER TABLE apps DROP COLUMN public_id, DROP COLUMN key_hash, DROP COLUMN last_used_at, DROP COLUMN revoked_at,
            ADD COLUMN scopes TEXT[] NOT NULL DEFAULT '{checkout,portal,entitlements:read,grants,metrics:read}',
            ADD COLUMN redirect_origins TEXT[] NOT NULL DEFAULT '{}',
            ADD COLUMN requests_per_minute BIGINT NOT NULL DEFAULT 600
                CONSTRAINT apps_rate CHECK (requests_per_minute BETWEEN 1 AND 100000);
        CREATE INDEX projects_organisation ON projects (organisation_id);
    """)
    protect("app_keys", "project_id")
    here = f"project_id = {current('project_id')}"
    op.execute(f"CREATE POLICY accounts_of_project ON accounts TO portal_app USING ({here}) WITH CHECK ({here})")
    of_project = f"EXISTS (SELECT 1 FROM accounts a WHERE a.id = account_id AND a.{here})"  # noqa: S608 - no text of anybody's
    op.execute(f"CREATE POLICY entitlements_of_project ON entitlements FOR SELECT TO portal_app USING ({of_project})")

    owner = f"(SELECT p.organisation_id FROM projects p WHERE p.id = {current('project_id')})"  # noqa: S608
    by_app = (
        f"{current('project_id')} IS NOT NULL AND actor LIKE 'app:%' AND organisation_id IS NOT DISTINCT FROM {owner}"
    )
    op.execute(
        f"CREATE POLICY audit_entries_by_app ON audit_entries TO portal_app USING ({by_app}) WITH CHECK ({by_app})"
    )

    op.execute("""
        CREATE TABLE idempotent_requests (
            principal TEXT NOT NULL,
            route TEXT NOT NULL,
            key TEXT NOT NULL,
            body_sha256 BYTEA NOT NULL,
            status BIGINT,
            answer BYTEA,
            locked_until TIMESTAMPTZ NOT NULL,
            created_at TIMESTAMPTZ DEFAULT clock_timestamp() NOT NULL,
            PRIMARY KEY (principal, route, key),
            CONSTRAINT idempotent_requests_answered CHECK ((status IS NULL) = (answer IS NULL))
        );
        CREATE INDEX idempotent_requests_age ON idempotent_requests (created_at);
        REVOKE ALL ON idempotent_requests FROM portal_app;
    """)

    op.execute("""
        CREATE TABLE plan_features (
            plan_id BIGINT NOT NULL,
            feature_id BIGINT NOT NULL,
            quantity NUMERIC(38, 18),
            PRIMARY KEY (plan_id, feature_id),
            FOREIGN KEY(plan_id) REFERENCES plans (id),
            FOREIGN KEY(feature_id) REFERENCES features (id),
            CONSTRAINT plan_features_quantity CHECK (quantity >= 0)
        );
        ALTER TABLE prices
            ADD COLUMN one_time BOOLEAN NOT NULL DEFAULT false,
            ADD COLUMN access_days BIGINT CONSTRAINT prices_access CHECK (access_days BETWEEN 1 AND 36500),
            ADD CONSTRAINT prices_one_time CHECK (
                NOT one_time OR (trial_days = 0 AND usage_model IS NULL AND included_quantity IS NULL)),
            ADD CONSTRAINT prices_access_when CHECK (one_time OR access_days IS NULL);
    """)

    op.execute("""
        ALTER TABLE subscriptions
            ADD COLUMN hold TEXT CONSTRAINT subscriptions_hold CHECK (hold IN ('disputed', 'refunded'));
        ALTER TABLE purchases
            ADD COLUMN app_id BIGINT REFERENCES apps (id),
            ADD COLUMN one_time BOOLEAN NOT NULL DEFAULT false,
            ADD COLUMN success_url TEXT,
            ADD COLUMN cancel_url TEXT;

        CREATE TABLE payments (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            account_id BIGINT NOT NULL,
            livemode BOOLEAN NOT NULL,
            stripe_payment_id TEXT NOT NULL,
            subscription_id BIGINT,
            purchase_id BIGINT,
            stripe_invoice_id TEXT,
            invoiced_at TIMESTAMPTZ,
            status TEXT NOT NULL,
            currency TEXT NOT NULL,
            amount BIGINT NOT NULL,
            amount_received BIGINT NOT NULL,
            amount_refunded BIGINT NOT NULL,
            refusal TEXT,
            paid_at TIMESTAMPTZ,
            begun_at TIMESTAMPTZ NOT NULL,
            source_fetched_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (id),
            UNIQUE (stripe_payment_id),
            FOREIGN KEY(account_id) REFERENCES accounts (id),
            FOREIGN KEY(subscription_id) REFERENCES subscriptions (id),
            FOREIGN KEY(purchase_id) REFERENCES purchases (id),
            CONSTRAINT payments_amounts CHECK (amount >= 0 AND amount_received >= 0 AND amount_refunded BETWEEN 0 AND amount_received),
            CONSTRAINT payments_paid CHECK ((status = 'succeeded') = (paid_at IS NOT NULL))
        );
        CREATE INDEX ix_payments_account_id ON payments (account_id);
        CREATE INDEX ix_payments_subscription_id ON payments (subscription_id);
        CREATE INDEX ix_payments_purchase_id ON payments (purchase_id);
        CREATE INDEX payments_paid_at ON payments (paid_at) WHERE status = 'succeeded';

        CREATE TABLE refunds (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            account_id BIGINT NOT NULL,
            payment_id BIGINT NOT NULL,
            stripe_refund_id TEXT NOT NULL,
            status TEXT NOT NULL,
            currency TEXT NOT NULL,
            amount BIGINT NOT NULL,
            reason TEXT,
            refunded_at TIMESTAMPTZ NOT NULL,
            source_fetched_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (id),
            UNIQUE (stripe_refund_id),
            FOREIGN KEY(account_id) REFERENCES accounts (id),
            FOREIGN KEY(payment_id) REFERENCES payments (id),
            CONSTRAINT refunds_amount CHECK (amount > 0)
        );
        CREATE INDEX ix_refunds_payment_id ON refunds (payment_id);
        CREATE INDEX refunds_when ON refunds (refunded_at);

        CREATE TABLE disputes (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            account_id BIGINT NOT NULL,
            payment_id BIGINT NOT NULL,
            stripe_dispute_id TEXT NOT NULL,
            status TEXT NOT NULL,
            currency TEXT NOT NULL,
            amount BIGINT NOT NULL,
            reason TEXT,
            opened_at TIMESTAMPTZ NOT NULL,
            source_fetched_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (id),
            UNIQUE (stripe_dispute_id),
            FOREIGN KEY(account_id) REFERENCES accounts (id),
            FOREIGN KEY(payment_id) REFERENCES payments (id)
        );
        CREATE INDEX ix_disputes_payment_id ON disputes (payment_id);
    """)
    for table in ("payments", "refunds", "disputes"):
        protect(table, "account_id")


def downgrade() -> None:
    op.execute("""
        DROP TABLE disputes, refunds, payments, plan_features, idempotent_requests CASCADE;
        ALTER TABLE purchases DROP COLUMN app_id, DROP COLUMN one_time, DROP COLUMN success_url, DROP COLUMN cancel_url;
        ALTER TABLE subscriptions DROP COLUMN hold;
        ALTER TABLE prices DROP CONSTRAINT prices_one_time, DROP CONSTRAINT prices_access_when, DROP COLUMN one_time, DROP COLUMN access_days;
        DROP POLICY accounts_of_project ON accounts;
        DROP POLICY entitlements_of_project ON entitlements;
        DROP POLICY audit_entries_by_app ON audit_entries;
        DROP INDEX projects_organisation;
        ALTER TABLE apps DROP COLUMN scopes, DROP COLUMN redirect_origins, DROP COLUMN requests_per_minute,
            ADD COLUMN public_id TEXT, ADD COLUMN key_hash BYTEA, ADD COLUMN last_used_at TIMESTAMPTZ, ADD COLUMN revoked_at TIMESTAMPTZ;
        UPDATE apps SET (public_id, key_hash, last_used_at, revoked_at) = (
            SELECT public_id, key_hash, last_used_at, revoked_at FROM app_keys WHERE app_id = apps.id ORDER BY id DESC LIMIT 1);
        DELETE FROM apps WHERE public_id IS NULL;
        ALTER TABLE apps ALTER COLUMN public_id SET NOT NULL, ALTER COLUMN key_hash SET NOT NULL,
            ADD UNIQUE (public_id), ADD UNIQUE (key_hash);
        DROP TABLE app_keys CASCADE;
    """)
