"""Whom invoices are made out to, codes on purchases, terms that were accepted."""

from alembic import op

from migrations.row_security import append_only, protect

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.execute("ALTER TABLE organisations ADD COLUMN billing_version BIGINT DEFAULT 0 NOT NULL")
    op.execute("""
        CREATE TABLE billing_profiles (
            organisation_id BIGINT NOT NULL,
            name TEXT,
            line1 TEXT,
            line2 TEXT,
            postal_code TEXT,
            city TEXT,
            state TEXT,
            country TEXT,
            tax_number TEXT,
            changed_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (organisation_id),
            CONSTRAINT billing_profiles_country CHECK (country ~ '^[A-Z]{2}$'),
            CONSTRAINT billing_profiles_tax CHECK (tax_number IS NULL OR country IS NOT NULL),
            FOREIGN KEY(organisation_id) REFERENCES organisations (id)
        );
    """)
    protect("billing_profiles", "organisation_id")
    op.execute("""
        ALTER TABLE stripe_customers ADD COLUMN billing_version BIGINT, ADD COLUMN billing_problem TEXT;
        ALTER TABLE stripe_invoices ADD COLUMN discount BIGINT DEFAULT 0 NOT NULL,
            ADD COLUMN billed_to TEXT[] DEFAULT '{}' NOT NULL;
        ALTER TABLE purchases ADD COLUMN promotion_code TEXT, ADD COLUMN stripe_promotion_id TEXT,
            ADD COLUMN first_amount BIGINT, ADD COLUMN key_name TEXT, ADD COLUMN seen TEXT,
            ADD CONSTRAINT purchases_seen CHECK (seen IN ('open', 'processing'));
    """)
    op.execute("""
        CREATE TABLE subscription_discounts (
            subscription_id BIGINT NOT NULL,
            account_id BIGINT NOT NULL,
            code TEXT,
            percent_off NUMERIC,
            amount_off BIGINT,
            currency TEXT,
            ends_at TIMESTAMPTZ,
            is_once BOOLEAN NOT NULL,
            products TEXT[],
            PRIMARY KEY (subscription_id),
            CONSTRAINT subscription_discounts_kind CHECK ((percent_off IS NULL) <> (amount_off IS NULL)),
            FOREIGN KEY(subscription_id) REFERENCES subscriptions (id),
            FOREIGN KEY(account_id) REFERENCES accounts (id)
        );
        CREATE INDEX ix_subscription_discounts_account_id ON subscription_discounts (account_id);
    """)
    protect("subscription_discounts", "account_id")
    op.execute("""
        CREATE TABLE terms_acceptances (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            account_id BIGINT NOT NULL,
            user_id BIGINT,
            version TEXT NOT NULL,
            accepted_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT terms_acceptances_once UNIQUE (account_id, version),
            FOREIGN KEY(account_id) REFERENCES accounts (id),
            FOREIGN KEY(user_id) REFERENCES users (id)
        );
    """)
    protect("terms_acceptances", "account_id")
    append_only("terms_acceptances")


def downgrade() -> None:
    op.execute("DROP TABLE terms_acceptances, subscription_discounts, billing_profiles CASCADE")
    op.execute("""
        ALTER TABLE purchases DROP COLUMN promotion_code, DROP COLUMN stripe_promotion_id, DROP COLUMN first_amount,
            DROP COLUMN key_name, DROP COLUMN seen;
        ALTER TABLE stripe_invoices DROP COLUMN discount, DROP COLUMN billed_to;
        ALTER TABLE stripe_customers DROP COLUMN billing_version, DROP COLUMN billing_problem;
        ALTER TABLE organisations DROP COLUMN billing_version;
    """)
