"""Purchases and mirrored invoices."""

from alembic import op

from migrations.row_security import protect

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE purchases (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            public_id UUID DEFAULT gen_random_uuid() NOT NULL,
            account_id BIGINT NOT NULL,
            user_id BIGINT,
            product_id BIGINT NOT NULL,
            plan_id BIGINT NOT NULL,
            price_id BIGINT NOT NULL,
            trial_days BIGINT DEFAULT 0 NOT NULL,
            status TEXT DEFAULT 'started' NOT NULL,
            stripe_checkout_id TEXT,
            checkout_url TEXT,
            checkout_expires_at TIMESTAMPTZ,
            subscription_id BIGINT,
            failure TEXT,
            key_issued_at TIMESTAMPTZ,
            attempt BIGINT DEFAULT 1 NOT NULL,
            next_check_at TIMESTAMPTZ,
            created_at TIMESTAMPTZ NOT NULL,
            updated_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (id),
            CONSTRAINT purchases_status CHECK (status IN ('started', 'open', 'complete', 'canceled', 'expired', 'failed')),
            UNIQUE (public_id),
            FOREIGN KEY(account_id) REFERENCES accounts (id),
            FOREIGN KEY(user_id) REFERENCES users (id),
            FOREIGN KEY(product_id) REFERENCES products (id),
            FOREIGN KEY(plan_id) REFERENCES plans (id),
            FOREIGN KEY(price_id) REFERENCES prices (id),
            UNIQUE (stripe_checkout_id),
            FOREIGN KEY(subscription_id) REFERENCES subscriptions (id)
        );
        CREATE UNIQUE INDEX purchases_one_open ON purchases (account_id, product_id) WHERE status IN ('started', 'open');
        CREATE INDEX purchases_unsettled ON purchases (next_check_at) WHERE status = 'open';
    """)

    op.execute("""
        CREATE TABLE stripe_invoices (
            id BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL,
            account_id BIGINT NOT NULL,
            subscription_id BIGINT,
            stripe_invoice_id TEXT NOT NULL,
            number TEXT,
            status TEXT NOT NULL,
            currency TEXT NOT NULL,
            total BIGINT NOT NULL,
            amount_due BIGINT NOT NULL,
            amount_paid BIGINT NOT NULL,
            period_start TIMESTAMPTZ NOT NULL,
            period_end TIMESTAMPTZ NOT NULL,
            hosted_url TEXT,
            next_attempt_at TIMESTAMPTZ,
            invoiced_at TIMESTAMPTZ NOT NULL,
            source_fetched_at TIMESTAMPTZ NOT NULL,
            PRIMARY KEY (id),
            FOREIGN KEY(account_id) REFERENCES accounts (id),
            FOREIGN KEY(subscription_id) REFERENCES subscriptions (id),
            UNIQUE (stripe_invoice_id)
        );
        CREATE INDEX ix_stripe_invoices_account_id ON stripe_invoices (account_id);
        CREATE INDEX ix_stripe_invoices_subscription_id ON stripe_invoices (subscription_id);
    """)

    protect("purchases", "account_id")
    protect("stripe_invoices", "account_id")


def downgrade() -> None:
    op.execute("DROP TABLE stripe_invoices, purchases CASCADE")
